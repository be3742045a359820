//! A peer of the benchmarks: page bodies to Parquet by arrow-json's `Decoder` and `ArrowWriter` alone, on as many
//! threads as there are cores, each with files of its own. What one would write in an afternoon, with typed columns:
//! no envelope is understood, nothing is sorted, nothing is kept of what no column names.
//!
//! `arrow-json-peer BODIES INTO`

mod columns;

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use self::columns::Table;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Pages that are decoded into one batch: some thousands of rows where pages are full.
fn pages_a_batch(table: Table, full: bool) -> usize {
    match (table, full) {
        (Table::Conversations, false) => 8_192,
        (Table::Messages, false) => 1_024,
        _ => 128,
    }
}

fn main() -> Outcome<()> {
    let places: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [bodies, into] = places.as_slice() else { return Err("usage: arrow-json-peer BODIES INTO".into()) };
    fs::create_dir_all(into)?;
    for table in [Table::Messages, Table::Conversations] {
        let files = files(bodies, table)?;
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism()?.get();
        thread::scope(|scope| {
            let work = |number| {
                let (files, next) = (&files, &next);
                scope.spawn(move || {
                    convert(table, files, next, &into.join(format!("{}-{number}.parquet", table.name())))
                })
            };
            let all: Vec<_> = (0..threads).map(work).collect();
            all.into_iter().try_for_each(|one| one.join().map_err(|_| "a thread has died")?)
        })?;
    }
    Ok(())
}

fn files(bodies: &Path, table: Table) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(bodies)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(table.name()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Takes one file after the other until none is left.
fn convert(table: Table, files: &[PathBuf], next: &AtomicUsize, into: &Path) -> Outcome<()> {
    let Some(first) = files.first() else { return Ok(()) };
    let full = table == Table::Messages || has_list(first)?;
    let size = pages_a_batch(table, full);
    let mut decoder = ReaderBuilder::new(table.page(full)).with_batch_size(size).build_decoder()?;
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
    let mut writer = ArrowWriter::try_new(File::create(into)?, table.rows(), Some(properties))?;
    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        let bytes = fs::read(file)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let taken = decoder.decode(rest)?;
            rest = &rest[taken..];
            if taken == 0 || !rest.is_empty() {
                write(table, full, &mut decoder, &mut writer)?;
            }
        }
        write(table, full, &mut decoder, &mut writer)?;
    }
    writer.close()?;
    Ok(())
}

fn write(table: Table, full: bool, decoder: &mut Decoder, writer: &mut ArrowWriter<File>) -> Outcome<()> {
    if let Some(pages) = decoder.flush()? {
        let rows: RecordBatch = table.flat(full, &pages)?;
        writer.write(&rows)?;
    }
    Ok(())
}

/// Whether the pages of conversations hold many of them or one.
fn has_list(file: &Path) -> Outcome<bool> {
    let mut start = [0; 9];
    std::io::Read::read_exact(&mut File::open(file)?, &mut start)?;
    Ok(&start == b"{\"data\":[")
}
