//! Nothing that comes from outside (answers, names, manifests, objects) does more than its worth, and no
//! secret leaves.

mod fuzz;
mod unreadable;
