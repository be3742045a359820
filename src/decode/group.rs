//! The columns of a table, or of a record nested in one: filled page by page, each for all rows in one go.

use arrow::array::ArrayRef;

use crate::schema::{Column, Kind};

use super::column::Filler;
use super::layout::{Feed, Layout};
use super::locate::{Located, Scope};
use super::notes::Notes;
use super::tape::{Node, Parsed, Seat};
use super::value::{Read, Value};

/// Columns that are filled together.
pub(super) struct Group {
    columns: &'static [Column],
    /// The positions of those that are the key.
    keys: Vec<usize>,
    layout: Layout,
    located: Located,
    fillers: Vec<Filler>,
}

impl Group {
    /// Of these columns, of which those named `key` must have a value.
    pub fn new(columns: &'static [Column], key: &[&str]) -> Self {
        let layout = Layout::new(columns);
        let located = Located::new(&layout);
        let fillers = columns.iter().map(|column| Filler::new(column.kind)).collect();
        let keys = (0..columns.len()).filter(|position| key.contains(&columns[*position].name)).collect();
        Self { columns, keys, layout, located, fillers }
    }

    /// Locates the object at `record` as the next row; without one, the next row is null.
    pub fn push<'p>(
        &mut self,
        page: &'p Parsed<'p>,
        record: Option<u32>,
        scope: &Scope<'_>,
        notes: &mut Notes<'p>,
    ) {
        self.located.push(&self.layout, page, record, scope, notes);
    }

    /// Takes back the row that was located last.
    pub fn pop(&mut self) {
        self.located.pop();
    }

    /// How many rows are located and not yet filled in.
    pub fn rows(&self) -> u32 {
        self.located.rows()
    }

    /// Whether a column holds the key that a page was asked under.
    pub fn has_parent(&self) -> bool {
        self.layout.columns.iter().any(|from| matches!(from, Feed::Parent(_)))
    }

    /// The first of the key columns that the row located last has no usable value for.
    pub fn lacks(&self, page: &Parsed<'_>, parent: Option<i64>) -> Option<&'static str> {
        let row = self.rows().checked_sub(1)?;
        let rows = self.view(page, &Scope::RECORDS, parent);
        let mut keys =
            self.keys.iter().map(|position| (&self.columns[*position], &self.layout.columns[*position]));
        keys.find(|(column, from)| !rows.has_key(column.kind, from, row)).map(|(column, _)| column.name)
    }

    /// Fills all columns with the rows that are located, and lets go of these.
    pub fn fill<'p>(
        &mut self,
        page: &'p Parsed<'p>,
        scope: &Scope<'_>,
        parent: Option<i64>,
        notes: &mut Notes<'p>,
    ) {
        let rows = Rows { page, layout: &self.layout, located: &self.located, scope, parent };
        let columns = self.columns.iter().zip(&self.layout.columns);
        for ((column, from), filler) in columns.zip(&mut self.fillers) {
            filler.fill(&rows, Target { name: column.name, kind: column.kind, from }, notes);
        }
        self.located.clear();
    }

    /// Makes room for `times` as much text as there is.
    pub fn make_room(&mut self, times: usize) {
        self.fillers.iter_mut().for_each(|filler| filler.make_room(times));
    }

    /// The finished arrays, in the order of the columns.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        let pairs = self.columns.iter().zip(&mut self.fillers);
        pairs.map(|(column, filler)| filler.finish(column.kind)).collect()
    }

    fn view<'v, 'p>(
        &'v self,
        page: &'p Parsed<'p>,
        scope: &'v Scope<'v>,
        parent: Option<i64>,
    ) -> Rows<'v, 'p> {
        Rows { page, layout: &self.layout, located: &self.located, scope, parent }
    }
}

/// The column that is being filled.
#[derive(Clone, Copy)]
pub(super) struct Target<'f> {
    pub name: &'static str,
    pub kind: Kind,
    pub from: &'f Feed,
}

/// The located rows of a page.
pub(super) struct Rows<'v, 'p> {
    pub page: &'p Parsed<'p>,
    layout: &'v Layout,
    located: &'v Located,
    pub scope: &'v Scope<'v>,
    parent: Option<i64>,
}

impl<'p> Rows<'_, 'p> {
    pub fn count(&self) -> u32 {
        self.located.rows()
    }

    /// Whether `target` has a value in no row. May say no where it is so.
    pub fn have_none(&self, target: Target<'_>) -> bool {
        match target.from {
            Feed::Run => true,
            Feed::Lifted(places) => places.iter().all(|place| self.located.is_nowhere(*place)),
            Feed::Field(place) => self.located.is_nowhere(*place),
            Feed::Parent(_) => false,
        }
    }

    /// The names down to a place.
    pub fn path(&self, place: usize) -> &[&'static str] {
        &self.layout.places[place].path
    }

    /// What `target` holds in `row`; notes what does not fit.
    pub fn read<T>(
        &self,
        target: Target<'_>,
        row: u32,
        notes: &mut Notes<'p>,
        read: impl Fn(Value<'p>) -> Read<T>,
    ) -> Option<T> {
        match target.from {
            Feed::Run => None,
            Feed::Lifted(places) => places
                .iter()
                .find_map(|place| self.value(row, *place).and_then(|value| read(value).fitting())),
            Feed::Field(place) | Feed::Parent(place) => {
                let value = self.value(row, *place)?;
                let (fit, keep) = read(value).settle();
                if keep {
                    self.misfit(target, row, *place, value, notes);
                }
                fit
            }
        }
    }

    /// What an integer column holds in `row`: the key of the parent, where it holds that.
    pub fn int(&self, target: Target<'_>, row: u32, notes: &mut Notes<'p>) -> Option<i64> {
        let (Feed::Parent(place), Some(parent)) = (target.from, self.parent) else {
            return self.read(target, row, notes, Value::int);
        };
        if let Some(value) = self.value(row, *place)
            && value.usual_int() != Some(parent)
            && !matches!(value.int(), Read::Null)
            && !matches!(value.int(), Read::Fits(own) if own == parent)
        {
            self.misfit(target, row, *place, value, notes);
        }
        Some(parent)
    }

    /// The list or record that `target` holds in `row`, and its place; notes what is neither that nor null.
    pub fn container(
        &self,
        target: Target<'_>,
        row: u32,
        notes: &mut Notes<'p>,
        fits: impl Fn(&Node<'p>) -> bool,
    ) -> Option<(Value<'p>, usize)> {
        match target.from {
            Feed::Run => None,
            Feed::Lifted(places) => places
                .iter()
                .filter_map(|place| Some((self.value(row, *place)?, *place)))
                .find(|(value, _)| fits(&value.node())),
            Feed::Field(place) | Feed::Parent(place) => {
                let value = self.value(row, *place)?;
                if fits(&value.node()) {
                    return Some((value, *place));
                }
                if !value.is_null() {
                    self.misfit(target, row, *place, value, notes);
                }
                None
            }
        }
    }

    /// Whether what is inside of `target` is noted; not when a map above is kept whole.
    pub fn is_quiet(&self, target: Target<'_>) -> bool {
        self.scope.quiet || matches!(target.from, Feed::Lifted(_))
    }

    fn misfit(&self, target: Target<'_>, row: u32, place: usize, value: Value<'p>, notes: &mut Notes<'p>) {
        if !self.is_quiet(target) {
            self.scope.misfit(notes, self.scope.path(row, self.path(place)), value, target.name);
        }
    }

    /// Where `target` is looked for, one place after the other. None where more than that is to be known: a key that
    /// the page was asked under, or that something on the page was replaced.
    pub fn places<'f>(&self, target: Target<'f>) -> &'f [usize] {
        match target.from {
            _ if !self.page.is_sound() => &[],
            Feed::Field(place) => std::slice::from_ref(place),
            Feed::Lifted(places) => places,
            Feed::Parent(_) | Feed::Run => &[],
        }
    }

    pub fn value(&self, row: u32, place: usize) -> Option<Value<'p>> {
        let at = self.located.at(row, place)?;
        Some(Value { page: self.page, at, seat: Seat::Keyed })
    }

    fn has_key(&self, kind: Kind, from: &Feed, row: u32) -> bool {
        let is_key = |place: &usize| self.value(row, *place).is_some_and(|value| value.is_key(kind));
        match from {
            Feed::Run => false,
            Feed::Parent(_) if self.parent.is_some() => true,
            Feed::Field(place) | Feed::Parent(place) => is_key(place),
            Feed::Lifted(places) => places.iter().any(is_key),
        }
    }
}
