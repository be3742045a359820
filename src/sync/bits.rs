//! A set of small numbers, one bit each.

/// Some of the numbers from zero on.
#[derive(Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Adds a number.
    pub fn insert(&mut self, number: usize) {
        let word = number / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// Whether a number is in it.
    pub fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_added_is_in_it() {
        let mut bits = Bits::default();
        assert!(!bits.has(70));
        for number in [70, 0, 63, 64] {
            bits.insert(number);
        }
        let there: Vec<usize> = (0..200).filter(|number| bits.has(*number)).collect();
        assert_eq!(there, [0, 63, 64, 70]);
    }
}
