//! Folding what the archive holds, by the same functions that folded it when it came: one step after the other,
//! or many of one partition at once.

use bytes::Bytes;

use super::build::{Built, build};
use super::children::{Tally, put};
use super::record::fetched_again;
use super::writer::Writer;
use super::{contacts, derive, lists, strays};
use crate::archive::{Conversations, Head, Step};
use crate::error::Result;
use crate::manifest::Forgotten;
use crate::tables;

/// Folds what a run that died has archived and perhaps not folded. What was folded already stays as it is.
pub(super) async fn redo(writer: &mut Writer) -> Result<()> {
    while let Some((path, segment)) = writer.lake.next_redo().await? {
        tracing::info!(segment = path, "folding what a run has archived that did not end");
        for number in 0..segment.steps().len() {
            let step = segment.step(number).map_err(|error| error.at("segment", &path))?;
            apply(writer, step).await?;
        }
        writer.lake.redone(&path);
    }
    Ok(())
}

/// Folds one step.
pub(super) async fn apply(writer: &mut Writer, step: Step) -> Result<()> {
    let Step { head, bodies } = step;
    match head {
        Head::Listed(_) => Ok(()),
        Head::Conversations(head) => {
            let mut group = Group::new(&head);
            group.add(head, bodies, writer.forgotten.clone())?;
            group.fold(writer).await
        }
        Head::Lookup(head) => contacts::fold_again(writer, head, bodies).await,
        Head::List(head) => lists::fold_again(writer, head, bodies).await,
        Head::Derived { table, walk_us } => match tables::by_name(&table) {
            Some(table) if table.is_derived() => derive::compute(writer, table, walk_us).await,
            _ => Ok(()),
        },
        Head::Empty { table, partition } => match tables::by_name(&table) {
            Some(table) if writer.lake.paths(table).is_empty() => {
                writer.lake.put_empty(table, partition.as_deref()).await
            }
            _ => Ok(()),
        },
        Head::Strays { homes, all_listed } => strays::drop_again(writer, homes, all_listed).await,
        Head::Reset { table } => match tables::by_name(&table) {
            Some(table) => {
                writer.lake.drop_table(table).await?;
                writer.checkpoint().await?;
                writer.lake.finish_dropping().await
            }
            None => Ok(()),
        },
    }
}

/// Conversations of one partition and one walk, decoded and ready to be folded.
pub(super) struct Group {
    partition: String,
    walk_us: i64,
    members: bool,
    built: Built,
}

impl Group {
    /// Of the partition and the walk of a step.
    pub fn new(first: &Conversations) -> Self {
        let Conversations { partition, walk_us, members, .. } = first;
        let (partition, walk_us, members) = (partition.clone(), *walk_us, *members);
        Self { partition, walk_us, members, built: Built::default() }
    }

    /// Decodes the pages of a step. Pure computing, on the pool.
    pub fn add(&mut self, head: Conversations, bodies: Vec<Bytes>, forgotten: Forgotten) -> Result<()> {
        let (fetched, context) = fetched_again(head, bodies, forgotten)?;
        let mut built = build(fetched, &context)?;
        // What is to be told of it was told when it came.
        built.decoded.clear();
        self.built.add(built);
        Ok(())
    }

    /// Folds them.
    pub async fn fold(self, writer: &mut Writer) -> Result<()> {
        let mut tally = Tally::default();
        put(writer, self.walk_us, &self.partition, self.built, self.members, &mut tally).await
    }
}
