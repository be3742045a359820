//! A table's columns, compiled once into a small tree of API names: what to look for in a record, and what
//! becomes of it.

use crate::schema::{Column, Origin};

/// The node of the record itself.
pub(super) const ROOT: usize = 0;

/// Who keeps the whole of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// A column of its own.
    Column,
    /// Nobody needs to: its fields have columns, and `_extra` keeps its other fields.
    Flattened,
    /// `_extra`, since only some of its leaves have columns.
    Extra,
    /// A map above it.
    Above,
}

/// One API name at one place of a record.
#[derive(Debug)]
pub(super) struct Place {
    /// The names from the record down to here.
    pub path: Vec<&'static str>,
    /// The last of them; nothing for the record itself.
    pub name: &'static str,
    pub whole: Whole,
    pub children: Vec<usize>,
    /// Those of them for which something has to be done besides filling their column.
    pub branches: Vec<usize>,
    /// The first column at or below this place, under which a misfit is counted.
    pub column: &'static str,
}

impl Place {
    /// Whether something has to be done about the value besides filling its column.
    fn is_branch(&self) -> bool {
        !self.children.is_empty() || self.whole == Whole::Extra
    }
}

/// Where a column's value is found.
#[derive(Debug)]
pub(super) enum Feed {
    /// At this place.
    Field(usize),
    /// At the first of these places whose value fits.
    Lifted(Vec<usize>),
    /// The key the page was asked under; the own value is at this place.
    Parent(usize),
    /// Nowhere: the run fills it.
    Run,
}

/// The places of a record, or of a nested record.
#[derive(Debug)]
pub(super) struct Layout {
    pub places: Vec<Place>,
    /// For each column, in order.
    pub columns: Vec<Feed>,
}

impl Layout {
    pub fn new(columns: &[Column]) -> Self {
        let root = Place {
            path: Vec::new(),
            name: "",
            whole: Whole::Flattened,
            children: Vec::new(),
            branches: Vec::new(),
            column: "",
        };
        let mut layout = Self { places: vec![root], columns: Vec::new() };
        layout.columns = columns.iter().map(|column| layout.add(column)).collect();
        layout.settle(ROOT, false);
        layout.find_branches();
        layout
    }

    fn add(&mut self, column: &Column) -> Feed {
        match column.origin {
            Origin::Field(path) => Feed::Field(self.place(path, column)),
            Origin::Parent(path) => Feed::Parent(self.place(path, column)),
            Origin::Lifted(paths) => {
                Feed::Lifted(paths.iter().map(|path| self.place(path, column)).collect())
            }
            Origin::Run => Feed::Run,
        }
    }

    fn place(&mut self, path: &[&'static str], column: &Column) -> usize {
        path.iter().fold(ROOT, |parent, name| {
            self.child(parent, name).unwrap_or_else(|| self.grow(parent, name, column))
        })
    }

    /// The child of this name.
    pub fn child(&self, parent: usize, name: &str) -> Option<usize> {
        self.places[parent].children.iter().copied().find(|child| self.places[*child].name == name)
    }

    fn grow(&mut self, parent: usize, name: &'static str, column: &Column) -> usize {
        let path = self.places[parent].path.iter().copied().chain([name]).collect();
        let child = self.places.len();
        let column = column.name;
        self.places.push(Place {
            path,
            name,
            whole: Whole::Above,
            children: Vec::new(),
            branches: Vec::new(),
            column,
        });
        self.places[parent].children.push(child);
        child
    }

    /// Decides, from the root down, who keeps each place's whole value.
    fn settle(&mut self, place: usize, covered: bool) {
        if place != ROOT {
            self.places[place].whole = self.keeper(place, covered);
        }
        let covered = self.places[place].whole != Whole::Flattened;
        for child in self.places[place].children.clone() {
            self.settle(child, covered);
        }
    }

    fn find_branches(&mut self) {
        for place in 0..self.places.len() {
            let is_branch = |child: &usize| self.places[*child].is_branch();
            self.places[place].branches =
                self.places[place].children.iter().copied().filter(is_branch).collect();
        }
    }

    fn keeper(&self, place: usize, covered: bool) -> Whole {
        if self.is_field(place) {
            Whole::Column
        } else if covered {
            Whole::Above
        } else if self.has_field_below(place) {
            Whole::Flattened
        } else {
            Whole::Extra
        }
    }

    fn is_field(&self, place: usize) -> bool {
        self.columns.iter().any(|from| matches!(from, Feed::Field(at) | Feed::Parent(at) if *at == place))
    }

    fn has_field_below(&self, place: usize) -> bool {
        self.places[place].children.iter().any(|child| self.is_field(*child) || self.has_field_below(*child))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Kind;
    use crate::tables;

    fn whole(table: &str, path: &[&str]) -> Whole {
        let layout = Layout::new(tables::by_name(table).expect("a table").columns);
        layout.places.iter().find(|place| place.path == path).expect("a place").whole
    }

    #[test]
    fn every_place_has_one_keeper() {
        assert_eq!(whole("messages", &["author"]), Whole::Flattened);
        assert_eq!(whole("messages", &["author", "id"]), Whole::Column);
        assert_eq!(whole("messages", &["context"]), Whole::Column);
        assert_eq!(whole("messages", &["context", "location"]), Whole::Above);
        assert_eq!(whole("contacts", &["attributes", "email"]), Whole::Above);
    }

    #[test]
    fn a_leaf_of_a_map_that_no_column_keeps_leaves_the_map_to_extra() {
        const COLUMNS: &[Column] = &[Column::lifted("x", &[&["map", "x"]], Kind::Int, "X.")];
        let layout = Layout::new(COLUMNS);
        assert_eq!(layout.places[1].whole, Whole::Extra);
        assert_eq!(layout.places[2].whole, Whole::Above);
    }
}
