//! From located values to arrays: one match on the kind, and one loop over the rows of a page.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, ListArray, ListBuilder,
    NullBufferBuilder, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef};

use crate::schema::{Kind, arrow_type};

use super::group::{Group, Rows, Target};
use super::locate::Scope;
use super::notes::{Notes, Step};
use super::tape::{Node, Seat, StaticNode};
use super::value::{Read, Value};

/// A column being filled.
pub(super) enum Filler {
    Int(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    Flag(BooleanBuilder),
    Number(Float64Builder),
    Ints(ListBuilder<Int64Builder>),
    Texts(ListBuilder<StringBuilder>),
    Records(Records),
    Record(Record),
}

impl Filler {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Text | Kind::Scalar | Kind::Json => Self::Text(StringBuilder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Number => Self::Number(Float64Builder::new()),
            Kind::Ints => Self::Ints(ListBuilder::new(Int64Builder::new())),
            Kind::Texts => Self::Texts(ListBuilder::new(StringBuilder::new())),
            Kind::Records(fields) => Self::Records(Records {
                ends: vec![0],
                validity: NullBufferBuilder::new(0),
                elements: Record::new(Group::new(fields, &[])),
            }),
            Kind::Record(fields) => Self::Record(Record::new(Group::new(fields, &[]))),
        }
    }

    /// Appends one value for each located row.
    pub fn fill<'p>(&mut self, rows: &Rows<'_, 'p>, target: Target<'_>, notes: &mut Notes<'p>) {
        if rows.have_none(target) && self.append_nulls(rows.count() as usize) {
            return;
        }
        match self {
            Self::Int(into) => {
                fill_each(into, rows, target, Value::usual_int, Int64Builder::append_option, |into, row| {
                    into.append_option(rows.int(target, row, notes));
                });
            }
            Self::Time(into) => {
                let append = TimestampMicrosecondBuilder::append_option;
                fill_each(into, rows, target, Value::usual_time, append, |into, row| {
                    into.append_option(rows.read(target, row, notes, Value::time));
                });
            }
            Self::Text(into) => match target.kind {
                Kind::Scalar => fill_text(into, rows, target, notes, Value::usual_text, Value::scalar),
                Kind::Json => fill_text(into, rows, target, notes, |value| Some(value.raw()), Value::json),
                _ => fill_text(into, rows, target, notes, Value::usual_text, Value::text),
            },
            Self::Flag(into) => {
                fill_each(
                    into,
                    rows,
                    target,
                    Value::usual_flag,
                    BooleanBuilder::append_option,
                    |into, row| {
                        into.append_option(rows.read(target, row, notes, Value::flag));
                    },
                );
            }
            Self::Number(into) => {
                let append = Float64Builder::append_option;
                fill_each(into, rows, target, Value::usual_number, append, |into, row| {
                    into.append_option(rows.read(target, row, notes, Value::number));
                });
            }
            Self::Ints(into) => {
                fill_lists(into, rows, target, notes, Value::int, Int64Builder::append_option);
            }
            Self::Texts(into) => {
                fill_lists(into, rows, target, notes, Value::text, StringBuilder::append_option);
            }
            Self::Records(into) => into.fill(rows, target, notes),
            Self::Record(into) => into.fill_fields(rows, target, notes),
        }
    }

    /// Appends so many nulls at once; not to a column of lists or records.
    fn append_nulls(&mut self, count: usize) -> bool {
        match self {
            Self::Int(into) => into.append_nulls(count),
            Self::Time(into) => into.append_nulls(count),
            Self::Text(into) => into.append_nulls(count),
            Self::Flag(into) => into.append_nulls(count),
            Self::Number(into) => into.append_nulls(count),
            Self::Ints(_) | Self::Texts(_) | Self::Records(_) | Self::Record(_) => return false,
        }
        true
    }

    /// Makes room for `times` as much text as there is, so that the column need not grow step by step.
    pub fn make_room(&mut self, times: usize) {
        if let Self::Text(text) = self {
            make_room(text, times);
        }
    }

    /// The finished array.
    pub fn finish(&mut self, kind: Kind) -> ArrayRef {
        match self {
            Self::Int(from) => Arc::new(from.finish()),
            Self::Time(from) => Arc::new(from.finish()),
            Self::Text(from) => Arc::new(from.finish()),
            Self::Flag(from) => Arc::new(from.finish()),
            Self::Number(from) => Arc::new(from.finish()),
            Self::Ints(from) => Arc::new(from.finish()),
            Self::Texts(from) => Arc::new(from.finish()),
            Self::Records(from) => from.finish(kind),
            Self::Record(from) => from.finish(&arrow_type(kind)),
        }
    }
}

/// Each way to read text is a loop of its own, so that it is compiled into it.
fn fill_text<'p>(
    into: &mut StringBuilder,
    rows: &Rows<'_, 'p>,
    target: Target<'_>,
    notes: &mut Notes<'p>,
    usual: impl Fn(Value<'p>) -> Option<&'p str>,
    read: impl Fn(Value<'p>) -> Read<Cow<'p, str>>,
) {
    fill_each(into, rows, target, usual, StringBuilder::append_option, |into, row| {
        into.append_option(rows.read(target, row, notes, &read));
    });
}

/// Appends at once what is `usual` or null, which is nearly everything; what is `other` may say more than the column
/// can hold.
fn fill_each<'p, B, T>(
    into: &mut B,
    rows: &Rows<'_, 'p>,
    target: Target<'_>,
    usual: impl Fn(Value<'p>) -> Option<T>,
    append: impl Fn(&mut B, Option<T>),
    mut other: impl FnMut(&mut B, u32),
) {
    let places = rows.places(target);
    for row in 0..rows.count() {
        let found = places.iter().filter_map(|place| rows.value(row, *place)).find(|value| !value.is_null());
        match found.map(&usual) {
            Some(Some(value)) => append(into, Some(value)),
            None if !places.is_empty() => append(into, None),
            _ => other(into, row),
        }
    }
}

/// Makes room for `times` as much text as there is, and an eighth more.
fn make_room(text: &mut StringBuilder, times: usize) {
    let (rows, bytes) = (text.len() * times, text.values_slice().len() * times);
    let mut roomy = StringBuilder::with_capacity(rows + rows / 8, bytes + bytes / 8);
    let so_far = text.finish();
    roomy.append_array(&so_far).expect("what is there is of less than 2 GiB");
    *text = roomy;
}

fn is_list(node: &Node<'_>) -> bool {
    matches!(node, Node::Array { .. })
}

fn is_record(node: &Node<'_>) -> bool {
    matches!(node, Node::Object { .. })
}

/// Appends one list for each row; an element that does not fit is null and noted.
fn fill_lists<'p, B: ArrayBuilder, T>(
    into: &mut ListBuilder<B>,
    rows: &Rows<'_, 'p>,
    target: Target<'_>,
    notes: &mut Notes<'p>,
    read: impl Fn(Value<'p>) -> Read<T>,
    append: impl Fn(&mut B, Option<T>),
) {
    for row in 0..rows.count() {
        let list = rows.container(target, row, notes, is_list);
        if let Some((list, place)) = list {
            for value in elements(list) {
                let (fit, keep) = read(value).settle();
                append(into.values(), fit);
                if keep {
                    note_element(rows, target, (row, place), value, notes);
                }
            }
        }
        into.append(list.is_some());
    }
}

fn elements(list: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let Value { page, at: array, .. } = list;
    let seat = move |index| Seat::Element { array, index };
    page.elements(array).zip(0..).map(move |(at, index)| Value { page, at, seat: seat(index) })
}

fn note_element<'p>(
    rows: &Rows<'_, 'p>,
    target: Target<'_>,
    (row, place): (u32, usize),
    value: Value<'p>,
    notes: &mut Notes<'p>,
) {
    if let Seat::Element { index, .. } = value.seat
        && !rows.is_quiet(target)
    {
        let (row, mut path) = rows.scope.path(row, rows.path(place));
        path.push(Step::index(index));
        rows.scope.misfit(notes, (row, path), value, target.name);
    }
}

/// A column of records.
pub(super) struct Record {
    validity: NullBufferBuilder,
    fields: Group,
}

impl Record {
    fn new(fields: Group) -> Self {
        Self { validity: NullBufferBuilder::new(0), fields }
    }

    /// Appends one record for each of `objects`; nothing is a null record.
    fn append<'p>(
        &mut self,
        rows: &Rows<'_, 'p>,
        scope: &Scope<'_>,
        objects: &[Option<u32>],
        notes: &mut Notes<'p>,
    ) {
        for object in objects {
            self.validity.append(object.is_some());
            self.fields.push(rows.page, *object, scope, notes);
        }
        self.fields.fill(rows.page, scope, None, notes);
    }

    fn fill_fields<'p>(&mut self, rows: &Rows<'_, 'p>, target: Target<'_>, notes: &mut Notes<'p>) {
        let all: Vec<_> = (0..rows.count()).map(|row| (row, None)).collect();
        let found = all.iter().map(|(row, _)| rows.container(target, *row, notes, is_record));
        let found: Vec<_> = found.collect();
        let objects: Vec<_> = found.iter().map(|found| found.map(|(value, _)| value.at)).collect();
        let place = found.iter().flatten().map(|(_, place)| rows.path(*place)).next();
        self.append(rows, &inner(rows, target, place, &all), &objects, notes);
    }

    fn finish(&mut self, data_type: &DataType) -> ArrayRef {
        let DataType::Struct(fields) = data_type else { unreachable!("records are structs") };
        let (length, nulls) = (self.validity.len(), self.validity.finish());
        let record = StructArray::try_new_with_length(fields.clone(), self.fields.finish(), nulls, length);
        Arc::new(record.expect("each field got one value for each record"))
    }
}

/// The scope of what is nested at `place`. Where several places were lifted from, nothing is noted and the
/// path does not matter.
fn inner<'s>(
    rows: &'s Rows<'_, '_>,
    target: Target<'_>,
    place: Option<&'s [&'static str]>,
    origins: &'s [(u32, Option<u32>)],
) -> Scope<'s> {
    Scope {
        outer: Some((rows.scope, place.unwrap_or_default())),
        rows: origins,
        column: Some(rows.scope.column.unwrap_or(target.name)),
        quiet: rows.is_quiet(target),
    }
}

/// A column of lists of records.
pub(super) struct Records {
    /// Where each list ends among the elements, after a first zero.
    ends: Vec<i32>,
    validity: NullBufferBuilder,
    elements: Record,
}

impl Records {
    fn fill<'p>(&mut self, rows: &Rows<'_, 'p>, target: Target<'_>, notes: &mut Notes<'p>) {
        let (mut origins, mut objects, mut place) = (Vec::new(), Vec::new(), None);
        let before = self.ends.last().copied().unwrap_or_default();
        for row in 0..rows.count() {
            let list = rows.container(target, row, notes, is_list);
            self.validity.append(list.is_some());
            if let Some((list, at)) = list {
                place = Some(rows.path(at));
                for (value, index) in elements(list).zip(0..) {
                    origins.push((row, Some(index)));
                    objects.push(element(rows, target, (row, at), value, notes));
                }
            }
            self.ends.push(before + objects.len() as i32);
        }
        self.elements.append(rows, &inner(rows, target, place, &origins), &objects, notes);
    }

    fn finish(&mut self, kind: Kind) -> ArrayRef {
        let item = item(kind);
        let elements = self.elements.finish(item.data_type());
        let ends = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.ends, vec![0])));
        let lists = ListArray::try_new(item, ends, elements, self.validity.finish());
        Arc::new(lists.expect("the last list ends with the last element"))
    }
}

/// The object that an element is; null and noted when it is anything else.
fn element<'p>(
    rows: &Rows<'_, 'p>,
    target: Target<'_>,
    at: (u32, usize),
    value: Value<'p>,
    notes: &mut Notes<'p>,
) -> Option<u32> {
    let found = is_record(&value.node());
    if !found && !matches!(value.node(), Node::Static(StaticNode::Null)) {
        note_element(rows, target, at, value, notes);
    }
    found.then_some(value.at)
}

fn item(kind: Kind) -> FieldRef {
    match arrow_type(kind) {
        DataType::List(item) => item,
        other => unreachable!("{other} is no list"),
    }
}
