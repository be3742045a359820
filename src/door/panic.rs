//! A bug that stops the program still says so in the form of every other error.

use std::panic::{self, PanicHookInfo};

use drift2parquet::error::Error;

use super::talk::error_text;

/// Replaces the usual report of a panic. It goes past [`super::talk::Talk`], which may be the thing that broke.
/// Where a panic becomes an error, that is what is told.
pub fn install() {
    panic::set_hook(Box::new(|panic| {
        use std::io::Write;
        if drift2parquet::data_file::is_guarded() {
            return;
        }
        drop(std::io::stderr().write_all(error_text(&described(panic), false).as_bytes()));
    }));
}

fn described(panic: &PanicHookInfo) -> Error {
    let said = said(panic);
    let error = Error::internal(format!("internal error: {said}"));
    match panic.location() {
        Some(place) => error.at("source", place),
        None => error,
    }
}

fn said<'a>(panic: &'a PanicHookInfo) -> &'a str {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("something unexpected")
}
