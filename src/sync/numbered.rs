//! Partitions by small numbers: what is known of millions of conversations has the number, not the name.

use std::collections::HashMap;

/// The partitions met so far, numbered from zero in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Numbered {
    /// The number of a partition; of one that was not met before the next.
    pub fn number(&mut self, partition: &str) -> u32 {
        if let Some(number) = self.numbers.get(partition) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(partition.to_owned(), number);
        self.names.push(partition.to_owned());
        number
    }

    /// The number of a partition, if it was met.
    pub fn known(&self, partition: &str) -> Option<u32> {
        self.numbers.get(partition).copied()
    }

    /// The partition of this number.
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// All partitions, by their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_a_number_of_its_own() {
        let mut numbered = Numbered::default();
        let numbers = ["may", "june", "may", "july", "june"].map(|name| numbered.number(name));
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert_eq!(numbered.names(), ["may", "june", "july"]);
        assert_eq!(
            (numbered.name(2), numbered.known("june"), numbered.known("august")),
            ("july", Some(1), None)
        );
    }
}
