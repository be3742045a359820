//! Steps of an archive, gathered by partition, decoded in groups and folded: while one group is folded, others are
//! decoded ahead of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::standing::Standing;
use crate::archive::{Conversation, Conversations, Head, Segment, StepAt};
use crate::cpu;
use crate::error::{Error, Result};
use crate::lake::open_segment;
use crate::manifest::{ArchiveSegment, Forgotten};
use crate::stop::Stop;
use crate::store::Store;
use crate::sync::replay::{Group, apply};
use crate::sync::writer::Writer;
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS};

/// Of the memory that is given, so much may be pages that are folded at once; a partition with more of them is
/// folded several times. Two such groups are in memory, as rows, and one step as pages.
const GROUP_SHARE: u64 = 8;

/// What segments that are kept open may take, in bytes.
const OPEN_BYTES: u64 = 32 << 20;

/// So many of them are kept open at most: each may be a file, of which a process may have a thousand or fewer.
const OPEN_MAX: usize = 32;

/// Pages that are decoded together lie in so many segments at most.
const SEGMENTS_MAX: usize = 16;

/// So many groups are decoded ahead at most.
const GROUPS_MAX: usize = 8;

/// A step, where it stands, and as much of it as decides with which others it is folded.
pub(super) struct Place {
    segment: usize,
    number: usize,
    bytes: u64,
    kind: Kind,
}

enum Kind {
    /// Nothing is folded from it.
    Nothing,
    /// Of this partition and walk; of these conversations, the first `fresh` of which were there, but not in the lake.
    Conversations { partition: String, walk_us: i64, members: bool, ids: Vec<i64>, fresh: usize },
    /// Conversations are dropped.
    Reset,
    /// Folded alone, after all before it and before all after it.
    Alone,
}

pub(super) fn places(segment: usize, opened: &Segment) -> Vec<Place> {
    let kind = |head: &Head| match head {
        Head::Listed(_) => Kind::Nothing,
        Head::Conversations(head) => of_conversations(head),
        Head::Reset { table } if table == CONVERSATIONS.name => Kind::Reset,
        _ => Kind::Alone,
    };
    let place =
        |(number, at): (usize, &StepAt)| Place { segment, number, bytes: at.bytes(), kind: kind(&at.head) };
    opened.steps().iter().enumerate().map(place).collect()
}

fn of_conversations(head: &Conversations) -> Kind {
    // What is known of one that is gone may be all that is left of it, so it stays.
    let (fresh, others): (Vec<&Conversation>, Vec<&Conversation>) =
        head.with.iter().partition(|one| !one.known && !one.gone);
    Kind::Conversations {
        partition: head.partition.clone(),
        walk_us: head.walk_us,
        members: head.members,
        fresh: fresh.len(),
        ids: fresh.into_iter().chain(others).map(|one| one.id).collect(),
    }
}

/// Conversations of one walk that may be folded partition by partition.
#[derive(Default)]
struct Stretch {
    walk_us: Option<i64>,
    of: BTreeMap<String, Vec<(usize, usize, u64)>>,
}

/// What is being rebuilt.
pub(super) struct Rebuilding<'a> {
    source: Arc<dyn Store>,
    segments: &'a [ArchiveSegment],
    group_bytes: u64,
    /// The newest last.
    open: VecDeque<(usize, Arc<Segment>)>,
    stretch: Stretch,
    standing: Standing,
    stop: Stop,
}

impl<'a> Rebuilding<'a> {
    /// From these segments, with so much memory, until it is asked to stop.
    pub(super) fn new(
        source: Arc<dyn Store>,
        segments: &'a [ArchiveSegment],
        memory: u64,
        stop: Stop,
    ) -> Self {
        let (open, stretch, standing) = (VecDeque::new(), Stretch::default(), Standing::default());
        Self { source, segments, group_bytes: memory / GROUP_SHARE, open, stretch, standing, stop }
    }

    /// Folds all steps, in order; where it is asked to stop, the rest is not folded.
    pub(super) async fn run(&mut self, writer: &mut Writer, steps: Vec<Place>) -> Result<()> {
        for Place { segment, number, bytes, kind } in steps {
            if self.stop.asked().is_some() {
                return Ok(());
            }
            match kind {
                Kind::Nothing => {}
                Kind::Alone => self.apply_alone(writer, segment, number, bytes).await?,
                Kind::Reset => {
                    self.apply_alone(writer, segment, number, bytes).await?;
                    self.standing.clear();
                }
                Kind::Conversations { partition, walk_us, members, ids, fresh } => {
                    let astray = self.standing.astray(&ids, fresh, &partition);
                    let again = self.standing.has_any_in_stretch(&ids);
                    // Where members follow only what came or went, it matters which step that was.
                    let apart = !members && !writer.lake.paths(&CAMPAIGN_MEMBERS).is_empty();
                    let other = self.stretch.walk_us.is_some_and(|walk| walk != walk_us);
                    if apart || other || again || !astray.is_empty() {
                        self.flush(writer).await?;
                    }
                    astray.settle(writer, &partition, members).await?;
                    self.stretch.walk_us = Some(walk_us);
                    self.standing.set(&ids, &partition);
                    self.stretch.of.entry(partition).or_default().push((segment, number, bytes));
                }
            }
        }
        self.flush(writer).await
    }

    /// Whether a conversation may have been folded into several partitions.
    pub(super) fn is_divided(&self) -> bool {
        self.standing.is_divided()
    }

    /// Folds one step, after all before it.
    async fn apply_alone(
        &mut self,
        writer: &mut Writer,
        segment: usize,
        number: usize,
        bytes: u64,
    ) -> Result<()> {
        self.flush(writer).await?;
        let step = self.opened(segment).await?;
        let step = cpu::run_on(bytes, move || step.step(number)).await?;
        apply(writer, step).await
    }

    /// Folds what has been gathered; while one group is folded, those after it are decoded, as many as are no larger
    /// together than one may be.
    async fn flush(&mut self, writer: &mut Writer) -> Result<()> {
        let stretch = std::mem::take(&mut self.stretch);
        self.standing.begin_stretch();
        let group_bytes = self.group_bytes;
        let mut ahead = Ahead::default();
        for group in stretch.of.into_values().flat_map(|steps| pieces(steps, group_bytes)) {
            let bytes = group.iter().map(|(_, _, bytes)| bytes).sum();
            while ahead.is_full_for(bytes, group_bytes) && ahead.fold_first(writer).await? {}
            if self.stop.asked().is_some() {
                break;
            }
            let decoding = self.decode(group, bytes, &ahead.turn, writer.forgotten.clone()).await?;
            ahead.push(bytes, decoding);
        }
        while self.stop.asked().is_none() && ahead.fold_first(writer).await? {}
        writer.lake.land().await
    }

    async fn decode(
        &mut self,
        group: Vec<(usize, usize, u64)>,
        bytes: u64,
        turn: &Arc<Mutex<()>>,
        forgotten: Forgotten,
    ) -> Result<Decoding> {
        let mut steps = Vec::with_capacity(group.len());
        for (segment, number, _) in &group {
            steps.push((self.opened(*segment).await?, *number));
        }
        let decode = move || {
            let mut decoded: Option<Group> = None;
            for (segment, number) in steps {
                // One step after the other, so that the pages of only one of them are in memory.
                let step = segment.step(number)?;
                if let Head::Conversations(head) = step.head {
                    let group = decoded.get_or_insert_with(|| Group::new(&head));
                    group.add(head, step.bodies, forgotten.clone())?;
                }
            }
            Ok(decoded)
        };
        let turn = turn.clone();
        Ok(tokio::spawn(async move {
            let _turn = turn.lock().await;
            cpu::run_on(bytes, decode).await
        }))
    }

    async fn opened(&mut self, number: usize) -> Result<Arc<Segment>> {
        if let Some((_, segment)) = self.open.iter().find(|(open, _)| *open == number) {
            return Ok(segment.clone());
        }
        let segment = Arc::new(open_segment(self.source.as_ref(), &self.segments[number].path).await?);
        self.keep(number, segment.clone());
        Ok(segment)
    }

    /// Keeps a segment open, and of those before it as many as there is memory for.
    pub(super) fn keep(&mut self, number: usize, segment: Arc<Segment>) {
        let held =
            |open: &VecDeque<(usize, Arc<Segment>)>| open.iter().map(|(_, one)| one.held()).sum::<u64>();
        self.open.push_back((number, segment));
        while self.open.len() > OPEN_MAX || self.open.len() > 1 && held(&self.open) > OPEN_BYTES {
            self.open.pop_front();
        }
    }
}

type Decoding = JoinHandle<Result<Option<Group>>>;

/// Groups that are decoded, or on their way to be, in the order in which they are folded.
#[derive(Default)]
struct Ahead {
    groups: VecDeque<(u64, Decoding)>,
    /// How long their pages are together.
    bytes: u64,
    /// Who has it decodes, one after the other: the pages of only one step are in memory.
    turn: Arc<Mutex<()>>,
}

impl Ahead {
    fn is_full_for(&self, bytes: u64, bytes_max: u64) -> bool {
        self.bytes + bytes > bytes_max || self.groups.len() >= GROUPS_MAX
    }

    fn push(&mut self, bytes: u64, decoding: Decoding) {
        self.bytes += bytes;
        self.groups.push_back((bytes, decoding));
    }

    /// Folds the first of them, if there is one; answers whether there was.
    async fn fold_first(&mut self, writer: &mut Writer) -> Result<bool> {
        let Some((bytes, decoding)) = self.groups.pop_front() else { return Ok(false) };
        let group =
            decoding.await.map_err(|cause| Error::internal("a computation failed").caused_by(cause))??;
        self.bytes -= bytes;
        if let Some(group) = group {
            group.fold(writer).await?;
        }
        Ok(true)
    }
}

/// Cut so that each piece is small enough to be folded at once, and lies in few segments, each of which is open while the
/// piece is decoded.
fn pieces(steps: Vec<(usize, usize, u64)>, group_bytes: u64) -> Vec<Vec<(usize, usize, u64)>> {
    let mut pieces: Vec<Vec<(usize, usize, u64)>> = Vec::new();
    let (mut bytes, mut segments) = (0, 0);
    for step in steps {
        let is_next = pieces.last().and_then(|piece| piece.last()).is_none_or(|last| last.0 != step.0);
        match pieces.last_mut() {
            Some(piece)
                if bytes + step.2 <= group_bytes && segments + usize::from(is_next) <= SEGMENTS_MAX =>
            {
                bytes += step.2;
                segments += usize::from(is_next);
                piece.push(step);
            }
            _ => {
                (bytes, segments) = (step.2, 1);
                pieces.push(vec![step]);
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::archive::{SegmentWriter, Step};
    use crate::store::Directory;

    /// Bug: a group whose pages lay in many segments had all of them open.
    #[test]
    fn a_piece_is_small_and_lies_in_few_segments() {
        let steps: Vec<(usize, usize, u64)> = (0..100).map(|step| (step / 2, step, 1)).collect();
        let cut = pieces(steps.clone(), 1_000);
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [32, 32, 32, 4]);
        assert_eq!(cut.concat(), steps);
        assert_eq!(pieces(steps.clone(), 10).len(), 10);
        assert_eq!(pieces(steps, 1_000_000)[3], [(48, 96, 1), (48, 97, 1), (49, 98, 1), (49, 99, 1)]);
    }

    /// Bug: each segment that was looked at stayed an open file, until a process could have no more.
    #[test]
    fn no_more_than_some_segments_stay_open() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Directory::new(folder.path()));
        let mut rebuilding = Rebuilding::new(store, &[], 256 << 20, Stop::default());
        for number in 0..3 * OPEN_MAX {
            let mut segment = SegmentWriter::new().unwrap();
            segment.push(&Step::bare(Head::Reset { table: "users".to_owned() })).unwrap();
            let segment = Segment::open(Bytes::from(segment.finish().unwrap())).unwrap();
            rebuilding.keep(number, Arc::new(segment));
        }
        assert_eq!(rebuilding.open.len(), OPEN_MAX);
        assert_eq!(rebuilding.open.back().unwrap().0, 3 * OPEN_MAX - 1);
    }
}
