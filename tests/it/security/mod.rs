//! Nothing that comes from outside (answers, names, manifests, objects) does more than its worth, and no
//! secret leaves.

mod canary;
mod fuzz;
mod host;
mod manifests;
mod modes;
mod names;
mod oversize;
mod redirects;
mod unreadable;
