//! How fast pages become columns, columns become Parquet, and a small change is folded into a large object; and how
//! fast libraries alone do what is the least there is to do for that: unpack the archive, hash, parse, compress. Bytes
//! are those of the JSON that goes in.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use drift_simulator::{ApiRequest, Simulator, WorldConfig};
use drift2parquet::data_file::{self, Encoder};
use drift2parquet::decode::decode;
use drift2parquet::fold::{Changes, fold};
use drift2parquet::page::Page;
use drift2parquet::schema::Rows;
use drift2parquet::tables::MESSAGES;
use parquet::file::reader::{FileReader, SerializedFileReader};
use sha2::{Digest as _, Sha256};

const ROWS: Rows = Rows::Array(&["data", "messages"]);

/// So long are the frames of an archive.
const FRAME_BYTES: usize = 1 << 20;

/// Pages of messages of a simulated account of 2,000 conversations.
fn pages() -> Vec<Page> {
    let drift = Simulator::new(WorldConfig::default());
    let ids = drift.with_world(|world| (0..2_000).map(|row| world.conversation_id(row)).collect::<Vec<_>>());
    let page = |id| {
        let path = format!("/conversations/{id}/messages");
        let answer = drift.handle(&ApiRequest::get(&path).bearer("sim-token"));
        Page { path: path.into(), parent: Some(id), body: answer.body }
    };
    ids.into_iter().map(page).collect()
}

fn encode(batch: &arrow::array::RecordBatch) -> Vec<u8> {
    let mut encoder = Encoder::new(&MESSAGES).expect("the table is sound");
    encoder.write(batch).expect("the batch has its schema");
    encoder.finish().expect("memory is enough").bytes
}

fn lake(criterion: &mut Criterion) {
    let pages = pages();
    let bytes: usize = pages.iter().map(|page| page.body.len()).sum();
    let read = |pages: &[Page]| decode(&MESSAGES, ROWS, pages).expect("the pages are sound").batch;
    let batch = read(&pages);
    let stamp = Changes { upserts: vec![batch.clone()], ..Changes::none(&MESSAGES, 1) };
    let object = fold(None, stamp).expect("the batch is sound").object.expect("there are rows").bytes;
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
    group.bench_function("decode", |bench| bench.iter(|| read(black_box(&pages))));
    group.bench_function("encode", |bench| bench.iter(|| encode(black_box(&batch))));
    let few = read(&pages[..20]);
    group.bench_function("fold 1 %", |bench| {
        bench.iter(|| {
            let old =
                data_file::open(&MESSAGES, bytes::Bytes::from(object.clone())).expect("it was just written");
            let changes = Changes { upserts: vec![few.clone()], ..Changes::none(&MESSAGES, 2) };
            fold(Some(&old), changes).expect("both are sound")
        });
    });
    group.finish();
}

/// The values of all pages of an object, as they are before they are compressed.
fn plain_pages(object: &[u8]) -> Vec<bytes::Bytes> {
    let file = SerializedFileReader::new(bytes::Bytes::copy_from_slice(object)).expect("it was just written");
    let groups = (0..file.num_row_groups()).map(|group| file.get_row_group(group).expect("it is there"));
    let mut pages = Vec::new();
    for group in groups {
        for column in 0..group.num_columns() {
            let of_column = group.get_column_page_reader(column).expect("it is there");
            pages.extend(of_column.map(|page| page.expect("it is sound").buffer().clone()));
        }
    }
    pages
}

/// What no code of this crate can make faster, each on one core.
fn libraries(criterion: &mut Criterion) {
    let pages = pages();
    let bodies: Vec<u8> = pages.iter().flat_map(|page| page.body.iter().copied()).collect();
    let object = encode(&decode(&MESSAGES, ROWS, &pages).expect("the pages are sound").batch);
    let mut packer = zstd::bulk::Compressor::new(1).expect("memory is enough");
    let mut pack = |bytes: &[u8]| packer.compress(bytes).expect("memory is enough");
    let frames: Vec<Vec<u8>> = bodies.chunks(FRAME_BYTES).map(&mut pack).collect();
    let values = plain_pages(&object);
    let mut group = criterion.benchmark_group("libraries");
    group.throughput(Throughput::Bytes(bodies.len() as u64)).sample_size(20);
    let mut unpacker = zstd::bulk::Decompressor::new().expect("memory is enough");
    let mut unpack =
        |frame: &Vec<u8>| unpacker.decompress(frame, FRAME_BYTES).expect("it was just packed").len();
    group.bench_function("unpack (zstd)", |bench| {
        bench.iter(|| frames.iter().map(&mut unpack).sum::<usize>());
    });
    group.bench_function("hash (SHA-256)", |bench| {
        bench.iter(|| frames.iter().chain([&object]).fold(Sha256::new(), Sha256::chain_update).finalize());
    });
    let mut buffers = simd_json::Buffers::default();
    let mut text = Vec::new();
    let mut parse = |page: &Page| {
        text.clear();
        text.extend_from_slice(&page.body);
        simd_json::to_tape_with_buffers(&mut text, &mut buffers).expect("the pages are sound").0.len()
    };
    group.bench_function("parse (simd-json)", |bench| {
        bench.iter(|| pages.iter().map(&mut parse).sum::<usize>());
    });
    group.bench_function("compress (zstd, level 1)", |bench| {
        bench.iter(|| values.iter().map(|page| pack(page).len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, lake, libraries);
criterion_main!(benches);
