//! Chance that is not chance: every draw is a pure function of a seed and a place.
//!
//! Two calls with the same seed and the same place give the same draws, in any order and on any machine.
//! Nothing else in this package makes random choices.

/// What a draw is about, so that draws about different things do not follow one another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Topic {
    Conversation = 1,
    ConversationId,
    ConversationDetail,
    Message,
    MessageBody,
    Attachment,
    ContactOf,
    Contact,
    ContactId,
    User,
    Team,
    Account,
    Playbook,
    Meeting,
    Mutation,
    Latency,
    Faults,
    Flip,
}

/// A stream of draws.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    state: u64,
}

impl Chance {
    /// The stream of `seed` at the place `(topic, a, b)`.
    pub(crate) fn at(seed: u64, topic: Topic, a: u64, b: u64) -> Self {
        Self { state: hash(seed, topic, a, b) }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.state)
    }

    /// A number below `limit`; 0 when the limit is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn per_mille(&mut self, n: u32) -> bool {
        self.below(1000) < u64::from(n)
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// One number for a place.
pub(crate) fn hash(seed: u64, topic: Topic, a: u64, b: u64) -> u64 {
    let start = scramble(seed ^ (topic as u64).wrapping_mul(0xA24B_AED4_963E_E407));
    scramble(scramble(start ^ a.wrapping_mul(0x9FB2_1C65_1E98_DF25)) ^ b.wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
}

/// The finaliser of `SplitMix64`: cheap, and every bit of the input reaches every bit of the output.
fn scramble(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
