//! What must hold of any bytes, as functions: the fuzz targets run them, and so does the test suite in a
//! seeded loop. Each panics when its promise is broken.

pub mod data_file;
pub mod decoder;
pub mod envelope;
pub mod forms;
mod held;
pub mod manifest;
pub mod mutate;
mod pick;
pub mod samples;
