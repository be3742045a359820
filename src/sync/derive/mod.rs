//! The derived tables: computed from what is committed, with no call at all, and only when that changed.

mod campaigns;
mod inboxes;
mod members;

use arrow::array::RecordBatch;

use super::Run;
use super::writer::Writer;
use crate::archive::{Head, Step};
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::lake::Change;
use crate::progress::Phase;
use crate::schema::{Partition, Source, Table};
use crate::seen::AllSeen;
use crate::tables;

pub(super) use self::members::put_members;

/// What a whole derived table is computed from beside conversations: the objects of each source table, in declared
/// order.
type Inputs = Vec<Vec<Reader>>;
/// Computes all rows of a derived table, but for the closing columns, from what was seen in conversations and the
/// other sources.
type Rule = fn(&Table, &AllSeen, &Inputs) -> Result<RecordBatch>;

/// The rules of the tables that are computed as a whole, each with the column of conversations that holds its ids.
/// The table that follows the partitions of
/// conversations is computed partition by partition instead.
const RULES: &[(&Table, &str, Rule)] = &[
    (&tables::INBOXES, "inbox_id", inboxes::rows),
    (&tables::CAMPAIGNS, "related_playbook_id", campaigns::rows),
];

/// Computes the selected derived tables whose inputs changed.
pub(super) async fn derive(run: &Run, writer: &mut Writer) -> Result<()> {
    writer.progress.begin(Phase::Deriving, 0);
    for table in tables::ALL.iter().copied().filter(|table| run.settings.tables.contains(table.name)) {
        if !table.is_derived() {
            continue;
        }
        let sources = sources_of(table);
        let inputs = writer.lake.fingerprint(&sources);
        let doubted = writer.lake.doubted(table);
        if writer.lake.table(table).inputs.as_ref() != Some(&inputs) || !doubted.is_empty() {
            let walk_us = writer.walk_started(run.started).as_microsecond();
            let derived = Head::Derived { table: table.name.to_owned(), walk_us };
            writer.archive(Step::bare(derived)).await?;
            compute(writer, table, walk_us).await?;
        }
        let (bookmark, synced_at) = freshness(writer, sources[0]);
        let state = writer.lake.table(table);
        (state.inputs, state.bookmark, state.synced_at) = (Some(inputs), bookmark, synced_at);
        writer.lake.trust_again(&doubted);
    }
    Ok(())
}

fn sources_of(table: &Table) -> Vec<&'static Table> {
    let Source::Derived { from } = table.source else { return Vec::new() };
    from.iter().filter_map(|name| tables::by_name(name)).collect()
}

fn freshness(writer: &mut Writer, source: &Table) -> (Option<jiff::Timestamp>, Option<jiff::Timestamp>) {
    let state = writer.lake.table(source);
    (state.bookmark, state.synced_at)
}

/// Computes a derived table as of the walk that began at `walk_us`.
pub(super) async fn compute(writer: &mut Writer, table: &'static Table, walk_us: i64) -> Result<()> {
    fold_computed(writer, table, walk_us).await.map_err(|error| error.at("table", table.name))
}

async fn fold_computed(writer: &mut Writer, table: &'static Table, walk_us: i64) -> Result<()> {
    if table.partition == Partition::OfConversation {
        return members::put_all(writer, walk_us).await;
    }
    let rule = RULES.iter().copied().find(|(known, ..)| known.name == table.name);
    let Some((_, column, rule)) = rule else { return Ok(()) };
    let seen = writer.lake.seen(column).await?;
    let inputs = inputs(writer, table).await?;
    let bytes = inputs.iter().flatten().map(Reader::bytes).sum();
    let rows = cpu::run_on(bytes, move || stamped(table, &rule(table, &seen, &inputs)?, walk_us)).await?;
    // Derived rows of this kind are never marked as deleted: what was seen once stays known.
    let change = Change { upserts: vec![rows], walk_us, ..Change::default() };
    writer.fold(table, None, change).await.map(drop)
}

/// The sources beside conversations, each of which is one small object.
async fn inputs(writer: &mut Writer, table: &Table) -> Result<Inputs> {
    let mut inputs = Inputs::new();
    for source in sources_of(table).into_iter().filter(|source| source.name != tables::CONVERSATIONS.name) {
        let mut objects = Vec::new();
        for path in writer.lake.paths(source) {
            objects.push(writer.lake.open_named(source, &path).await?);
        }
        inputs.push(objects);
    }
    Ok(inputs)
}

fn stamped(table: &Table, rows: &RecordBatch, walk_us: i64) -> Result<RecordBatch> {
    let synced = super::columns::time(walk_us, rows.num_rows());
    super::columns::exchange(table, rows, vec![("_synced_at", synced)])
}
