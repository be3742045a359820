//! Figures as people read them: grouped counts, sizes, spans of time, and columns that line up.

use std::fmt::Write as _;
use std::time::Duration;

/// A count with its thousands apart: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in bytes: `58.1 MiB`.
pub fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}

/// A span of time in its two greatest units: `45s`, `2m 10s`, `3h 5m`, `12d 4h`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (great, small, names) = match seconds {
        0..60 => return format!("{seconds}s"),
        60..3600 => (seconds / 60, seconds % 60, ('m', 's')),
        3600..86400 => (seconds / 3600, seconds % 3600 / 60, ('h', 'm')),
        _ => (seconds / 86400, seconds % 86400 / 3600, ('d', 'h')),
    };
    let mut text = format!("{great}{}", names.0);
    if small > 0 {
        let _ = write!(text, " {small}{}", names.1);
    }
    text
}

/// A time a run took, with tenths while they matter: `0.4 s`, `12.3 s`, `2m 10s`.
pub fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..60_000 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        _ => span(Duration::from_millis(milliseconds)),
    }
}

/// Rows as columns that line up: the first flush left, the others flush right, each line indented.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        let _ = if index == 0 { write!(text, "  {cell:<width$}") } else { write!(text, "  {cell:>width$}") };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567].map(count).each_ref().map(String::as_str)
        );
        assert_eq!(span(Duration::from_secs(59)), "59s");
        assert_eq!(span(Duration::from_secs(3600 * 3 + 300)), "3h 5m");
        assert_eq!(span(Duration::from_secs(86400)), "1d");
        assert_eq!(took(430), "0.4 s");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "10".into()], vec!["bcd".into(), "5".into()]];
        assert_eq!(aligned(&rows), "  a    10\n  bcd   5\n");
    }
}
