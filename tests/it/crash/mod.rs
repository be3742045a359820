//! Stopped anywhere: at any operation of the disk or the transport, with its effect done, not done or half
//! done, by a kill that leaves what was written, or by a power loss that forgets what was not synced.

mod disk;
mod fate;
mod histories;
pub mod life;
mod mended;
mod model;
mod resets;
mod sweep;
mod tree;

pub use self::disk::MemoryDisk;
pub use self::fate::{Course, Cut, Fate};
pub use self::life::live;
pub use self::tree::{Kept, Tree};
