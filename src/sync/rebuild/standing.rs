//! Where the conversations stand that have been folded so far, in sixteen bytes each. A live lake knows by its ledger
//! which conversations it has and where; an archive tells of it only by what was fetched. Where another hand has
//! changed the live lake, a conversation may have been lost and fetched anew, or have gone to another partition: what
//! was folded of it before must not stay where it was. Which of them are in the stretch of steps that is folded next is
//! known, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::archive::Home;
use crate::columns::{int_at, ints};
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::Change;
use crate::sync::moving::{Fate, Moving};
use crate::sync::numbered::Numbered;
use crate::sync::strays;
use crate::sync::writer::Writer;
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS};

/// Where in the word of a conversation the number of its stretch stands; below it stands that of its partition.
const STRETCH: u32 = 24;

/// Conversations by id, each with the numbers of its stretch and its partition: sorted runs, of which neighbours of like
/// length are joined.
#[derive(Debug, Default)]
pub(super) struct Standing {
    partitions: Numbered,
    /// Each sorted, and more than twice as long as the next, which is newer.
    runs: Vec<Vec<(i64, u32)>>,
    /// The stretch that is being gathered. The number comes again after 255 others: then a stretch may be taken to have
    /// a conversation that it does not, and is folded earlier than it need be.
    stretch: u8,
    /// Whether a step has ever found one elsewhere than those before it, or all were dropped.
    divided: bool,
}

/// Conversations of a step that do not stand where it found them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Astray {
    /// By the partition where they stand: the lake had them elsewhere.
    gone: BTreeMap<String, Vec<i64>>,
    /// By the partition where they stand: the lake did not have them any more.
    lost: BTreeMap<String, Vec<i64>>,
}

impl Standing {
    /// Those of these ids that were folded before into another partition, or that the lake did not have when they were
    /// fetched: the first `fresh` of them.
    pub fn astray(&mut self, ids: &[i64], fresh: usize, partition: &str) -> Astray {
        let mut astray = Astray::default();
        for (place, id) in ids.iter().enumerate() {
            let Some(stands) = self.get(*id).map(|number| self.partitions.name(number)) else {
                continue;
            };
            if place < fresh {
                astray.lost.entry(stands.to_owned()).or_default().push(*id);
            } else if stands != partition {
                astray.gone.entry(stands.to_owned()).or_default().push(*id);
            }
        }
        self.divided |= !astray.is_empty();
        astray
    }

    /// Whether a conversation may have been folded into several partitions.
    pub fn is_divided(&self) -> bool {
        self.divided
    }

    /// Whether one of these ids is in the stretch that is being gathered.
    pub fn has_any_in_stretch(&self, ids: &[i64]) -> bool {
        ids.iter().any(|id| self.word(*id).is_some_and(|word| word >> STRETCH == u32::from(self.stretch)))
    }

    /// What was gathered is folded, and another stretch begins.
    pub fn begin_stretch(&mut self) {
        self.stretch = self.stretch.wrapping_add(1);
    }

    fn get(&self, id: i64) -> Option<u32> {
        self.word(id).map(|word| word & ((1 << STRETCH) - 1))
    }

    fn word(&self, id: i64) -> Option<u32> {
        let within = |run: &&Vec<(i64, u32)>| {
            run.first().is_some_and(|first| first.0 <= id) && run.last().is_some_and(|last| id <= last.0)
        };
        let find = |run: &Vec<(i64, u32)>| {
            run.binary_search_by_key(&id, |(id, _)| *id).ok().map(|place| run[place].1)
        };
        self.runs.iter().rev().filter(within).find_map(find)
    }

    /// These stand in this partition now, and are in the stretch that is being gathered.
    pub fn set(&mut self, ids: &[i64], partition: &str) {
        let number = self.partitions.number(partition) | u32::from(self.stretch) << STRETCH;
        let mut newest: Vec<(i64, u32)> = ids.iter().map(|id| (*id, number)).collect();
        newest.sort_unstable();
        while self.runs.last().is_some_and(|last| last.len() <= 2 * newest.len()) {
            let mut older = self.runs.pop().unwrap_or_default();
            // Stable, so that of one id the newer follows.
            older.append(&mut newest);
            older.sort_by_key(|(id, _)| *id);
            older.reverse();
            older.dedup_by_key(|(id, _)| *id);
            older.reverse();
            newest = older;
        }
        self.runs.push(newest);
    }

    /// None stands anywhere any more.
    pub fn clear(&mut self) {
        self.divided = true;
        self.runs.clear();
    }
}

impl Astray {
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.lost.is_empty()
    }

    /// Makes it so in the new lake before the step is folded into `partition`: who was lost goes, with the member of a
    /// campaign that is computed of it; messages of both, and who has only gone elsewhere, go to that partition.
    pub async fn settle(self, writer: &mut Writer, partition: &str, members: bool) -> Result<()> {
        for (stands, ids) in self.lost {
            if members {
                drop_rows(writer, CAMPAIGN_MEMBERS.name, &stands, &ids).await?;
            }
            drop_rows(writer, CONVERSATIONS.name, &stands, &ids).await?;
            follow(writer, &stands, partition, &ids).await?;
        }
        for (stands, ids) in self.gone {
            take_over(writer, stands.clone(), partition, ids.clone()).await?;
            follow(writer, &stands, partition, &ids).await?;
        }
        Ok(())
    }
}

async fn follow(writer: &mut Writer, stands: &str, partition: &str, ids: &[i64]) -> Result<()> {
    if stands == partition {
        return Ok(());
    }
    let gone: Vec<Home> = ids.iter().map(|id| Home(*id, partition.to_owned())).collect();
    strays::follow(writer, stands, &gone).await
}

/// Removes rows of these conversations from one partition of a table.
async fn drop_rows(writer: &mut Writer, table: &str, partition: &str, ids: &[i64]) -> Result<()> {
    let (table, column) = if table == CONVERSATIONS.name {
        (&CONVERSATIONS, "id")
    } else {
        (&CAMPAIGN_MEMBERS, "conversation_id")
    };
    if !writer.lake.paths(table).contains(&table.object_path(Some(partition))) {
        return Ok(());
    }
    let ids = sorted(ids.to_vec());
    let picks = move |batch: &RecordBatch| {
        let values = ints(batch, column);
        let is_one = |row| int_at(values, row).is_some_and(|id| ids.binary_search(&id).is_ok());
        (0..batch.num_rows()).map(is_one).collect()
    };
    let dropped = Some(Picker { columns: vec![column], picks: Arc::new(picks) });
    writer.fold(table, Some(partition), Change { dropped, ..Change::default() }).await.map(drop)
}

/// Takes conversations from one partition to another.
async fn take_over(writer: &mut Writer, stands: String, partition: &str, ids: Vec<i64>) -> Result<()> {
    let ids = sorted(ids);
    let judge = move |batch: &RecordBatch| {
        let keys = ints(batch, CONVERSATIONS.key[0]);
        let is_one = |row| ids.binary_search(&keys.value(row)).is_ok();
        (0..batch.num_rows()).map(|row| if is_one(row) { Fate::Move(0) } else { Fate::Stay }).collect()
    };
    let moving = Moving {
        table: &CONVERSATIONS,
        partition: stands,
        names: Arc::new(vec![partition.to_owned()]),
        columns: vec![CONVERSATIONS.key[0]],
        judge: Arc::new(judge),
    };
    moving.carry_out(writer).await
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_counts() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut standing, mut model) = (Standing::default(), BTreeMap::new());
        for _ in 0..600 {
            let partition = ["may", "june", "july"][random.usize(0..3)];
            let ids: std::collections::BTreeSet<i64> =
                (0..random.usize(0..9)).map(|_| random.i64(-300..300)).collect();
            let ids: Vec<i64> = ids.into_iter().collect();
            standing.set(&ids, partition);
            model.extend(ids.into_iter().map(|id| (id, partition)));
        }
        let name = |id| standing.get(id).map(|number| standing.partitions.name(number));
        assert!((-310..310).all(|id| name(id) == model.get(&id).copied()));
        assert!(standing.runs.len() < 9, "{}", standing.runs.len());
    }

    #[test]
    fn who_is_in_the_stretch_is_known() {
        let mut standing = Standing::default();
        standing.set(&[1, 2], "may");
        assert!(standing.has_any_in_stretch(&[9, 2]) && !standing.has_any_in_stretch(&[9]));
        standing.begin_stretch();
        assert!(!standing.has_any_in_stretch(&[1, 2]));
        standing.set(&[2, 3], "june");
        assert!(standing.has_any_in_stretch(&[1, 3]) && !standing.has_any_in_stretch(&[1]));
        assert_eq!(standing.astray(&[1, 3], 0, "june").gone["may"], [1]);
    }

    #[test]
    fn who_was_lost_or_has_gone_elsewhere_is_told_apart() {
        let mut standing = Standing::default();
        standing.set(&[1, 2, 3, 4], "may");
        assert!(standing.astray(&[9, 1, 2], 1, "may").is_empty());
        let astray = standing.astray(&[1, 9, 2], 1, "may");
        assert_eq!(astray.lost["may"], [1]);
        assert!(astray.gone.is_empty());
        assert_eq!(standing.astray(&[3, 4], 1, "june").gone["may"], [4]);
    }
}
