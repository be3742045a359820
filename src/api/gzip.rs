//! Bodies as they come over the wire, opened: gzip in one shot, never beyond a limit.

use bytes::Bytes;
use libdeflater::{DecompressionError, Decompressor};

/// Deflate cannot grow data further than this; a trailer that claims more lies.
const RATIO_MAX: usize = 1032;

/// Why a body cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It would exceed the limit.
    TooLarge,
    /// It is damaged or cut short.
    Damaged,
}

/// Whether these bytes begin like gzip; JSON never does.
pub(super) fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(&[0x1f, 0x8b])
}

/// The size that the trailer claims, in bytes; a hint, not to be trusted.
pub(super) fn claimed_bytes(body: &[u8]) -> usize {
    let trailer = body.last_chunk::<4>().copied().unwrap_or_default();
    u32::from_le_bytes(trailer) as usize
}

/// Opens a gzip body of at most `max` bytes.
pub(super) fn open(body: &[u8], max: usize) -> Result<Bytes, Unopened> {
    let possible = body.len().saturating_mul(RATIO_MAX);
    let mut size = claimed_bytes(body).min(possible).min(max).max(512);
    let mut decompressor = Decompressor::new();
    loop {
        let mut out = vec![0; size];
        match decompressor.gzip_decompress(body, &mut out) {
            Ok(length) if length > max => return Err(Unopened::TooLarge),
            Ok(length) => {
                out.truncate(length);
                return Ok(Bytes::from(out));
            }
            Err(DecompressionError::BadData) => return Err(Unopened::Damaged),
            Err(DecompressionError::InsufficientSpace) if size >= max => return Err(Unopened::TooLarge),
            Err(DecompressionError::InsufficientSpace) => size = size.saturating_mul(4).min(max),
        }
    }
}

#[cfg(test)]
pub(super) fn pack(text: &[u8]) -> Bytes {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut out = vec![0; compressor.gzip_compress_bound(text.len())];
    let length = compressor.gzip_compress(text, &mut out).unwrap();
    out.truncate(length);
    Bytes::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_fits() {
        for size in [0, 1, 600, 100_000] {
            let text = vec![b'a'; size];
            assert_eq!(open(&pack(&text), 100_000).unwrap(), text);
        }
    }

    #[test]
    fn a_bomb_and_a_lying_trailer_do_no_harm() {
        let mut bomb = pack(&vec![0; 4_000_000]).to_vec();
        assert_eq!(open(&bomb, 1_000_000), Err(Unopened::TooLarge));
        let end = bomb.len();
        bomb[end - 4..].copy_from_slice(&[1, 0, 0, 0]);
        assert_eq!(open(&bomb, 1_000_000), Err(Unopened::TooLarge));
        assert_eq!(open(&bomb, 10_000_000), Err(Unopened::Damaged));
    }

    #[test]
    fn a_cut_is_noticed() {
        let whole = pack(b"{\"data\":[]}");
        for length in 0..whole.len() {
            assert_eq!(open(&whole[..length], 1000), Err(Unopened::Damaged));
        }
    }
}
