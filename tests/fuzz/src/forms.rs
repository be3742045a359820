//! The forms of page that are read: each table with each call that brings its records. The first byte of an
//! input says which form the rest is taken for.

use drift2parquet::page::Page;
use drift2parquet::schema::{Absence, Call, Source, Table};
use drift2parquet::tables::{ALL, CONVERSATION_LIST};

/// The parent that pages are said to be asked under.
pub const PARENT: i64 = 7;

/// One form of page.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The table its records become.
    pub table: &'static Table,
    /// The call that it answers.
    pub call: Call,
}

/// All forms, in a fixed order.
pub fn forms() -> Vec<Form> {
    ALL.iter().copied().chain([&CONVERSATION_LIST]).flat_map(of_table).collect()
}

fn of_table(table: &'static Table) -> Vec<Form> {
    let calls = match table.source {
        Source::Walk { list, .. } if std::ptr::eq(table, &raw const CONVERSATION_LIST) => vec![list],
        Source::Walk { detail, .. } => vec![detail],
        Source::List { call, absence: Absence::Asks(one) } => vec![call, one],
        Source::Thread { call } | Source::Lookup { call, .. } | Source::List { call, .. } => vec![call],
        Source::Derived { .. } => Vec::new(),
    };
    calls.into_iter().map(|call| Form { table, call }).collect()
}

/// The form that an input is taken for, whether it was asked under a parent, and the page.
pub fn split(input: &[u8]) -> Option<(Form, Page)> {
    let (first, body) = input.split_first()?;
    let forms = forms();
    let form = forms[usize::from(*first) % forms.len()];
    let parent = (usize::from(*first) / forms.len() % 2 == 1).then_some(PARENT);
    let page = Page { path: "/sample".into(), parent, body: bytes::Bytes::copy_from_slice(body) };
    Some((form, page))
}

/// The input that takes `body` for the form of this index.
pub fn input(form: usize, body: &[u8]) -> Vec<u8> {
    [&[form as u8], body].concat()
}
