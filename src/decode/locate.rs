//! One walk over each record, to learn where the value of each declared place stands. What is not declared
//! is noted on the way; columns are filled afterwards, for all rows in one go.

use super::layout::{Layout, ROOT, Whole};
use super::notes::{Notes, Reason, Step};
use super::tape::{NOWHERE, Node, Parsed, Seat, StaticNode};
use super::value::Value;

/// How many fields of an object are guessed; beyond that, records hardly repeat their order.
const GUESSES: usize = 64;

/// Where the rows of a group stand in the records they are part of, so that a note can say its path.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    /// The scope around it, and the place of the list or record there.
    pub outer: Option<(&'s Scope<'s>, &'s [&'static str])>,
    /// For each row here, the row there, and the index when it is an element of a list.
    pub rows: &'s [(u32, Option<u32>)],
    /// The column under which misfits are counted, where the inner ones have no names of their own.
    pub column: Option<&'static str>,
    /// Nothing is noted, since a map above is kept whole.
    pub quiet: bool,
}

impl Scope<'_> {
    /// The scope of the records themselves.
    pub const RECORDS: Self = Self { outer: None, rows: &[], column: None, quiet: false };

    /// The record's row, and the path to `place` of row `row`.
    pub fn path<'p>(&self, row: u32, place: &[&'static str]) -> (u32, Vec<Step<'p>>) {
        let (row, mut path) = match self.outer {
            None => (row, Vec::new()),
            Some((outer, at)) => {
                let (outer_row, index) = self.rows[row as usize];
                let (row, mut path) = outer.path(outer_row, at);
                path.extend(index.map(Step::index));
                (row, path)
            }
        };
        path.extend(place.iter().map(|name| Step::name(*name)));
        (row, path)
    }

    /// Notes a value that does not fit `column`.
    pub fn misfit<'p>(
        &self,
        notes: &mut Notes<'p>,
        at: (u32, Vec<Step<'p>>),
        value: Value<'p>,
        column: &'static str,
    ) {
        notes.keep(at, value, Reason::Misfit(self.column.unwrap_or(column)));
    }
}

/// The nodes of the places of each row.
#[derive(Debug)]
pub(super) struct Located {
    width: usize,
    cells: Vec<u32>,
    /// For each place, whether any of the rows has it.
    present: Vec<bool>,
    /// For each place, its children in the order in which the previous record had them.
    guesses: Vec<Vec<Option<usize>>>,
}

impl Located {
    pub fn new(layout: &Layout) -> Self {
        let width = layout.places.len();
        Self { width, cells: Vec::new(), present: vec![false; width], guesses: vec![Vec::new(); width] }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u32 {
        (self.cells.len() / self.width) as u32
    }

    /// The node of `place` in `row`, if the record has it.
    pub fn at(&self, row: u32, place: usize) -> Option<u32> {
        let at = self.cells[row as usize * self.width + place];
        (at != NOWHERE).then_some(at)
    }

    /// Whether no row has this place. May say no where only rows had it that were taken back.
    pub fn is_nowhere(&self, place: usize) -> bool {
        !self.present[place]
    }

    /// Takes back the last row.
    pub fn pop(&mut self) {
        self.cells.truncate(self.cells.len().saturating_sub(self.width));
    }

    pub fn clear(&mut self) {
        self.cells.clear();
        self.present.fill(false);
    }

    /// Adds a row for the object at `record`; without one, a row that has nothing.
    pub fn push<'p>(
        &mut self,
        layout: &Layout,
        page: &'p Parsed<'p>,
        record: Option<u32>,
        scope: &Scope<'_>,
        notes: &mut Notes<'p>,
    ) {
        let row = self.rows();
        self.cells.resize(self.cells.len() + self.width, NOWHERE);
        if let Some(record) = record {
            let mut walk = Walk { layout, page, scope, notes, row, located: self };
            walk.object(record, ROOT);
        }
    }

    fn cell(&mut self, row: u32, place: usize) -> &mut u32 {
        &mut self.cells[row as usize * self.width + place]
    }
}

/// Equality of short names, eight bytes at a time: a call to compare memory costs more than that.
fn is_same(name: &str, key: &str) -> bool {
    let ((name, name_end), (key, key_end)) =
        (name.as_bytes().as_chunks::<8>(), key.as_bytes().as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    name.len() == key.len()
        && name_end.len() == key_end.len()
        && name.iter().zip(key).all(|(name, key)| word(name) == word(key))
        && name_end.iter().zip(key_end).all(|(name, key)| name == key)
}

/// The walk over one record. It goes as deep as places are declared, never as deep as the data.
struct Walk<'w, 'p> {
    layout: &'w Layout,
    page: &'p Parsed<'p>,
    scope: &'w Scope<'w>,
    notes: &'w mut Notes<'p>,
    row: u32,
    located: &'w mut Located,
}

impl<'p> Walk<'_, 'p> {
    fn object(&mut self, at: u32, place: usize) {
        let keeps = self.layout.places[place].whole == Whole::Flattened && !self.scope.quiet;
        let page = self.page;
        for (index, (key, value)) in page.fields(at).enumerate() {
            match self.child(place, index, key) {
                Some(child) => self.settle(child, value, keeps),
                None if keeps => self.unknown(place, key, value),
                None => {}
            }
        }
        let layout = self.layout;
        layout.places[place].branches.iter().for_each(|child| self.branch(*child));
    }

    /// The child called `key`: first that which came at this position the last time.
    fn child(&mut self, place: usize, index: usize, key: &str) -> Option<usize> {
        let guesses = &mut self.located.guesses[place];
        if let Some(Some(guess)) = guesses.get(index)
            && is_same(self.layout.places[*guess].name, key)
        {
            return Some(*guess);
        }
        let child = self.layout.child(place, key);
        if index < GUESSES {
            guesses.resize(guesses.len().max(index + 1), None);
            guesses[index] = child;
        }
        child
    }

    /// The last value of a repeated key wins.
    fn settle(&mut self, place: usize, value: u32, keeps: bool) {
        self.located.present[place] = true;
        let earlier = std::mem::replace(self.located.cell(self.row, place), value);
        if earlier != NOWHERE && keeps {
            let path = self.path(place);
            let value = self.keyed(earlier);
            let reason = match self.layout.places[place].whole {
                Whole::Extra => Reason::Unknown,
                _ => Reason::Misfit(self.scope.column.unwrap_or(self.layout.places[place].column)),
            };
            self.notes.earlier(path, value, reason);
        }
    }

    fn unknown(&mut self, place: usize, key: &'p str, value: u32) {
        let path = self.path(place);
        self.notes.unknown(path, key, self.keyed(value));
    }

    /// Goes into a place that has places below it.
    fn branch(&mut self, place: usize) {
        let Some(at) = self.located.at(self.row, place) else { return };
        let whole = self.layout.places[place].whole;
        if whole == Whole::Extra && !self.scope.quiet {
            self.notes.keep(self.path(place), self.keyed(at), Reason::Unknown);
        }
        match self.page.node(at) {
            Node::Object { .. } => self.object(at, place),
            Node::Static(StaticNode::Null) => {}
            _ if whole == Whole::Flattened && !self.scope.quiet => {
                let (path, value) = (self.path(place), self.keyed(at));
                self.scope.misfit(self.notes, path, value, self.layout.places[place].column);
            }
            _ => {}
        }
    }

    fn path(&self, place: usize) -> (u32, Vec<Step<'p>>) {
        self.scope.path(self.row, &self.layout.places[place].path)
    }

    fn keyed(&self, at: u32) -> Value<'p> {
        Value { page: self.page, at, seat: Seat::Keyed }
    }
}
