//! How fast pages become columns, columns become Parquet, and a small change is folded into a large object.
//! Bytes are those of the JSON that goes in.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use drift_simulator::{ApiRequest, Simulator, WorldConfig};
use drift2parquet::data_file::{self, Encoder};
use drift2parquet::decode::decode;
use drift2parquet::fold::{Changes, fold};
use drift2parquet::page::Page;
use drift2parquet::schema::Rows;
use drift2parquet::tables::MESSAGES;

const ROWS: Rows = Rows::Array(&["data", "messages"]);

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

criterion_group!(benches, lake);
criterion_main!(benches);
