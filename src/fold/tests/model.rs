//! Random histories against a model: a map from identity to row, with the rules written out plainly.
//! What is compared is the bytes of whole objects.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Identity = [i64; 2];
type Model = BTreeMap<Identity, Sample>;

/// One fold of a history.
#[derive(Debug, Clone)]
struct Step {
    upserts: Vec<(Identity, u64, u64, bool)>,
    stubs: Vec<(Identity, u64)>,
    replaced: Vec<i64>,
    gone: Leaving,
    dropped: Leaving,
}

#[derive(Debug, Clone)]
enum Leaving {
    Nobody,
    Parents(Vec<i64>),
    Everybody,
}

fn identity() -> impl Strategy<Value = Identity> {
    (0_i64..8, 0_i64..3).prop_map(|(id, parent)| [id, parent])
}

fn leaving() -> impl Strategy<Value = Leaving> {
    prop_oneof![
        6 => Just(Leaving::Nobody),
        2 => vec(0_i64..3, 0..3).prop_map(Leaving::Parents),
        1 => Just(Leaving::Everybody),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let upserts = vec((identity(), 0_u64..3, 0_u64..2, prop::bool::weighted(0.15)), 0..8);
    let stubs = vec((identity(), 0_u64..2), 0..2);
    (upserts, stubs, vec(0_i64..3, 0..2), leaving(), leaving()).prop_map(
        |(upserts, stubs, replaced, gone, dropped)| Step { upserts, stubs, replaced, gone, dropped },
    )
}

impl Step {
    fn upserts(&self, walk_us: i64) -> Vec<Sample> {
        let sample = |(identity, content, ledger, deleted): &(Identity, u64, u64, bool)| Sample {
            sort: identity.to_vec(),
            content: *content,
            ledger: *ledger,
            synced_us: walk_us,
            deleted_us: deleted.then_some(walk_us),
        };
        self.upserts.iter().map(sample).collect()
    }

    fn stubs(&self, walk_us: i64) -> Vec<Sample> {
        let sample = |(identity, ledger): &(Identity, u64)| Sample {
            sort: identity.to_vec(),
            content: 9,
            ledger: *ledger,
            synced_us: walk_us,
            deleted_us: Some(walk_us),
        };
        self.stubs.iter().map(sample).collect()
    }

    fn apply(&self, table: &Table, model: &mut Model, walk_us: i64) {
        let mut read = Model::new();
        let stubs = self.stubs(walk_us);
        let stubbed: BTreeSet<Identity> = stubs.iter().map(key).collect();
        read.extend(stubs.into_iter().chain(self.upserts(walk_us)).map(|s| (key(&s), s)));
        let upserted: BTreeSet<Identity> = self.upserts.iter().map(|(identity, ..)| *identity).collect();
        let dropped = self.dropped(model, &read);
        for (identity, old) in model.iter_mut().filter(|(identity, _)| !read.contains_key(*identity)) {
            let parent = identity[1];
            let gone = self.replaced.contains(&parent) || self.gone.takes(parent, || true);
            if gone && old.deleted_us.is_none() {
                bury(old, walk_us);
            }
        }
        for (identity, new) in read {
            let is_stub = stubbed.contains(&identity) && !upserted.contains(&identity);
            match model.get_mut(&identity) {
                None => drop(model.insert(identity, new)),
                Some(old) if is_stub => merge_stub(table, old, &new, walk_us),
                Some(old) => merge(table, old, new),
            }
        }
        model.retain(|identity, _| !dropped.contains(identity));
    }

    /// Whom the stored or the incoming row condemns.
    fn dropped(&self, stored: &Model, read: &Model) -> BTreeSet<Identity> {
        let rows = stored.iter().chain(read);
        let condemned = |(identity, row): &(&Identity, &Sample)| {
            self.dropped.takes(identity[1], || row.deleted_us.is_some())
        };
        rows.filter(condemned).map(|(identity, _)| *identity).collect()
    }
}

impl Leaving {
    fn takes(&self, parent: i64, everybody: impl Fn() -> bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::Parents(parents) => parents.contains(&parent),
            Self::Everybody => everybody(),
        }
    }

    fn parents(&self) -> Option<Matching<'_>> {
        match self {
            Self::Parents(parents) => Some(of_parents(parents)),
            _ => None,
        }
    }
}

fn of_parents(parents: &[i64]) -> Matching<'_> {
    Matching { column: "conversation_id", values: Values::Ints(parents) }
}

fn key(sample: &Sample) -> Identity {
    [sample.sort[0], sample.sort[1]]
}

fn bury(row: &mut Sample, walk_us: i64) {
    (row.synced_us, row.deleted_us) = (walk_us, Some(walk_us));
}

fn merge(table: &Table, old: &mut Sample, mut new: Sample) {
    let both_gone = old.deleted_us.is_some() && new.deleted_us.is_some();
    let same_state = old.deleted_us.is_some() == new.deleted_us.is_some();
    if same_state && old.content == new.content {
        (new.synced_us, new.deleted_us) = (old.synced_us, old.deleted_us);
    }
    if both_gone {
        new.deleted_us = old.deleted_us;
    }
    if !has_ledger(table) {
        new.ledger = old.ledger;
    }
    *old = new;
}

fn merge_stub(table: &Table, old: &mut Sample, stub: &Sample, walk_us: i64) {
    if old.deleted_us.is_none() {
        bury(old, walk_us);
    }
    if has_ledger(table) {
        old.ledger = stub.ledger;
    }
}

fn has_ledger(table: &Table) -> bool {
    Roles::of(table).iter().any(|role| role == roles::Role::Ledger)
}

fn changes<'a>(table: &'a Table, step: &'a Step, walk_us: i64) -> Changes<'a> {
    Changes {
        table,
        upserts: vec![batch(table, &step.upserts(walk_us))],
        stubs: Some(batch(table, &step.stubs(walk_us))),
        replaced: Some(of_parents(&step.replaced)),
        gone: match &step.gone {
            Leaving::Everybody => Gone::AllAbsent,
            some => some.parents().map_or(Gone::None, Gone::Of),
        },
        dropped: match &step.dropped {
            Leaving::Everybody => Dropped::Deleted,
            some => some.parents().map_or(Dropped::None, Dropped::Of),
        },
        walk_us,
    }
}

fn folded(table: &Table, old: Option<Encoded>, changes: Changes<'_>) -> (Option<Encoded>, FoldCounts) {
    let result = fold(old.as_ref().map(|old| reader(table, old)).as_ref(), changes).unwrap();
    (result.object.or(old), result.counts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn histories_end_as_the_model_says(steps in vec(step(), 1..8)) {
        let table = &MESSAGES;
        let (mut model, mut stored) = (Model::new(), None);
        for (number, step) in steps.iter().enumerate() {
            let walk_us = 1_000_000 * (number as i64 + 1);
            let before = stored.clone();
            let was = model.clone();
            step.apply(table, &mut model, walk_us);
            let (after, counts) = folded(table, stored, changes(table, step, walk_us));
            let rows: Vec<Sample> = model.values().cloned().collect();
            prop_assert_eq!(counts.rows, rows.len() as u64);
            match &after {
                Some(after) => prop_assert!(*after == object(table, &rows)),
                None => prop_assert!(rows.is_empty()),
            }
            prop_assert_eq!(counts.changes() == 0, after == before);
            let parts = counts.inserted + counts.updated + counts.relisted + counts.tombstoned
                + counts.revived + counts.unchanged;
            prop_assert_eq!(parts, counts.rows);
            prop_assert!(was.len() as u64 + counts.inserted == counts.rows + counts.dropped);
            stored = after;
        }
    }

    #[test]
    fn the_order_and_the_cuts_of_folds_leave_no_trace(
        contents in vec(0_u64..1_000, 1..60),
        order in vec(any::<prop::sample::Index>(), 60),
        cut in 1_usize..20,
    ) {
        for table in [&CONVERSATIONS, &MESSAGES, users(), tables::by_name("landing_pages").unwrap()] {
            let rows: Vec<Sample> =
                contents.iter().enumerate().map(|(n, c)| Sample::new(&[n as i64 / 2, n as i64], *c)).collect();
            // One part of the identity must be enough for tables with one key column.
            let rows: Vec<Sample> =
                if table.sort.len() == 1 { rows.into_iter().step_by(2).collect() } else { rows };
            let mut shuffled = rows.clone();
            (0..rows.len()).for_each(|at| shuffled.swap(at, order[at].index(rows.len())));
            let mut stored = None;
            for part in shuffled.chunks(cut) {
                stored = folded(table, stored, upserts(table, part)).0;
            }
            prop_assert!(stored == Some(object(table, &rows)));
        }
    }
}
