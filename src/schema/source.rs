//! The ways to come by rows, and how a call's answer is laid out. Facts are from Drift's public
//! documentation (devdocs.drift.com) and its public client code.

/// How a table comes by its rows.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// The spine: a list of bare rows, newest first, and one detail call for each.
    Walk {
        /// The list.
        list: Call,
        /// The detail of one row; `{key}` stands for its id.
        detail: Call,
        /// Counts to compare a full walk with.
        stats: Call,
    },
    /// A set of rows under each row of the walked table, fetched right after its detail and replaced whole.
    Thread {
        /// The call; `{key}` stands for the parent's id.
        call: Call,
    },
    /// One row for each distinct value of a column of the walked table.
    Lookup {
        /// The column of the walked table that holds the keys.
        keys: &'static str,
        /// The call; `{key}` stands for the key.
        call: Call,
    },
    /// A whole list, read at every run.
    List {
        /// The list.
        call: Call,
        /// What it means that a stored row is no longer listed.
        absence: Absence,
    },
    /// Computed from tables already committed, with no call at all.
    Derived {
        /// The tables it is computed from.
        from: &'static [&'static str],
    },
}

/// What it means that a stored row is no longer listed.
#[derive(Debug, Clone, Copy)]
pub enum Absence {
    /// The row is gone (or no longer public): `_deleted_at` is set.
    Deletes,
    /// Each absent row is asked by its key; 404, or a true `deleted`, sets `_deleted_at`.
    Asks(Call),
    /// Rows whose time in this column lies outside the window that was asked stay; inside, they are gone.
    DeletesWithin(&'static str),
}

/// One GET, as data.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The path, in which `{key}` stands for a key.
    pub path: &'static str,
    /// Fixed query parameters.
    pub query: &'static [(&'static str, &'static str)],
    /// How further pages are asked for.
    pub paging: Paging,
    /// Where the records stand in the answer.
    pub rows: Rows,
    /// The right that the token needs.
    pub scope: &'static str,
}

/// How further pages are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// There is one page.
    One,
    /// The conversation list: `page_token` and `links` or `next` and `pagination`, whichever is answered.
    Conversations,
    /// `next` and `pagination{more,next}`.
    Next,
    /// A relative link with `index` and `size` at `data.next`.
    Index,
    /// `min_start_time` and `max_start_time`; a window whose answer is full is split.
    Window,
}

/// Where the records stand in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// An array at this path; the empty path is a bare array.
    Array(&'static [&'static str]),
    /// One record at this path.
    One(&'static [&'static str]),
}

impl Rows {
    /// The path.
    pub fn path(self) -> &'static [&'static str] {
        let (Self::Array(path) | Self::One(path)) = self;
        path
    }
}
