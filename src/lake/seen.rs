//! When ids were seen in the conversations of a lake.

use super::Lake;
use crate::cpu;
use crate::error::Result;
use crate::seen::{self, AllSeen};
use crate::tables::CONVERSATIONS;

impl Lake {
    /// All ids in `column` of conversations. Holds one object at a time.
    ///
    /// # Errors
    /// Those of the store, and of an object that cannot be read.
    pub async fn seen(&mut self, column: &'static str) -> Result<AllSeen> {
        let mut seen = AllSeen::new();
        for path in self.paths(&CONVERSATIONS) {
            let object = self.open_named(&CONVERSATIONS, &path).await?;
            seen = cpu::run_on(object.bytes(), move || seen::note(seen, &object, column)).await?;
        }
        Ok(seen)
    }
}
