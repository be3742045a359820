//! Which object keeps a conversation that another hand has put into several, or into one of another partition than its
//! own. Pure: no call, no clock, no store.

use super::moving::Fate;
use super::numbered::Numbered;

/// The conversation stands in another object, too, which keeps it.
const NOWHERE: u32 = u32::MAX;

/// A conversation in an object in doubt. Partitions are told by their numbers.
#[derive(Debug, Clone, Copy)]
struct Claim {
    id: i64,
    here: u32,
    /// Where it belongs by what it says of itself; once all is settled, where it goes.
    home: u32,
}

/// All conversations in objects in doubt, in sixteen bytes each.
#[derive(Debug, Default)]
pub(super) struct Claims {
    partitions: Numbered,
    /// Sorted by id, once all is settled.
    all: Vec<Claim>,
}

impl Claims {
    /// The number of a partition.
    pub fn number(&mut self, partition: &str) -> u32 {
        self.partitions.number(partition)
    }

    /// The partitions, by their numbers.
    pub fn names(&self) -> &[String] {
        self.partitions.names()
    }

    /// A conversation that stands in one partition and by itself belongs to another, or to the same.
    pub fn add(&mut self, id: i64, here: u32, home: u32) {
        self.all.push(Claim { id, here, home });
    }

    /// All have been added: of several objects that have a conversation the one that it belongs to keeps it, or else
    /// the first of them sends it home.
    pub fn settle(&mut self) {
        self.all.sort_unstable_by_key(|claim| (claim.id, claim.here != claim.home, claim.here));
        let mut last = None;
        for claim in &mut self.all {
            if last.replace(claim.id) == Some(claim.id) {
                claim.home = NOWHERE;
            }
        }
    }

    /// These stand in an object beyond doubt, which keeps them.
    pub fn concede(&mut self, ids: &[i64]) {
        for id in ids {
            let start = self.all.partition_point(|claim| claim.id < *id);
            let claims = self.all[start..].iter_mut();
            claims.take_while(|claim| claim.id == *id).for_each(|claim| claim.home = NOWHERE);
        }
    }

    /// What becomes of a conversation in this partition.
    pub fn fate(&self, id: i64, here: u32) -> Fate {
        let start = self.all.partition_point(|claim| claim.id < id);
        let mut claims = self.all[start..].iter().take_while(|claim| claim.id == id);
        match claims.find(|claim| claim.here == here) {
            None => Fate::Stay,
            Some(claim) if claim.home == here => Fate::Stay,
            Some(claim) if claim.home == NOWHERE => Fate::Drop,
            Some(claim) => Fate::Move(claim.home),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_small() {
        assert_eq!(size_of::<Claim>(), 16);
    }

    #[test]
    fn who_is_at_home_stays_and_each_conversation_is_kept_once() {
        let mut claims = Claims::default();
        let (may, june, july) = (claims.number("may"), claims.number("june"), claims.number("july"));
        for (id, here, home) in
            [(1, may, may), (1, june, may), (2, june, may), (3, may, july), (3, june, july), (4, may, june)]
        {
            claims.add(id, here, home);
        }
        // Two versions of one conversation, each where it says that it belongs.
        claims.add(5, july, july);
        claims.add(5, may, may);
        claims.settle();
        claims.concede(&[4, 9]);
        let fates = |id| [may, june, july].map(|here| claims.fate(id, here));
        assert_eq!(fates(1), [Fate::Stay, Fate::Drop, Fate::Stay]);
        assert_eq!(fates(2), [Fate::Stay, Fate::Move(may), Fate::Stay]);
        assert_eq!(fates(3), [Fate::Move(july), Fate::Drop, Fate::Stay]);
        assert_eq!(fates(4), [Fate::Drop, Fate::Stay, Fate::Stay]);
        assert_eq!(fates(5), [Fate::Stay, Fate::Stay, Fate::Drop]);
        assert_eq!(fates(9), [Fate::Stay; 3]);
    }
}
