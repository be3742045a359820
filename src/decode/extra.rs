//! Writes the notes of a row as its `_extra`: a JSON object that mirrors the record by API names.
//!
//! - Keys are sorted by their bytes; elements of lists stand under their index, as a key.
//! - Values stand as they were sent. What is not JSON stands as text in `{"$raw":"…"}`; so does a value that
//!   could be mistaken for that, being an object with a field `$raw` of its own. When it is the key that is
//!   no JSON string, `$raw` holds the whole member, key and value.
//! - Earlier values of a repeated key stand, in order, in the list `{"_duplicates":{"key":[…]}}` of the object
//!   they were fields of. A field of the record that is itself called `_duplicates` stands in that list under
//!   its own name: `{"_duplicates":{"_duplicates":[…]}}`. So nothing is mistaken for anything else.

use std::mem;

use super::escape;
use super::notes::{DUPLICATES, Note, Step};
use super::skim;

/// The key that says that a value is not JSON.
const RAW: &str = "$raw";

/// Brings the notes of a page into the order in which they are written, and repeated unknown fields with
/// their earlier values where those belong.
pub(super) fn arrange(notes: &mut [Note<'_>]) {
    notes.iter_mut().filter(|note| is_own_duplicates(note)).for_each(set_apart);
    sort(notes);
    let mut moved = false;
    for next in 1..notes.len() {
        let (before, after) = notes.split_at_mut(next);
        let (note, following) = (&mut before[next - 1], &after[0]);
        if !note.earlier && note.row == following.row && note.path == following.path {
            set_apart(note);
            moved = true;
        }
    }
    if moved {
        sort(notes);
    }
}

/// The sort is stable: what shares a path stays in the order in which it was sent.
fn sort(notes: &mut [Note<'_>]) {
    notes.sort_by(|a, b| (a.row, &a.path).cmp(&(b.row, &b.path)));
}

fn is_own_duplicates(note: &Note<'_>) -> bool {
    !note.earlier && note.path.last().is_some_and(|step| step.name == DUPLICATES)
}

fn set_apart(note: &mut Note<'_>) {
    let at = note.path.len().saturating_sub(1);
    note.path.insert(at, Step::name(DUPLICATES));
    note.earlier = true;
}

/// Writes one row's arranged notes as a JSON object.
pub(super) fn write(notes: &[Note<'_>], into: &mut String) {
    let mut open: &[Step<'_>] = &[];
    into.push('{');
    for (index, note) in notes.iter().enumerate() {
        let repeats = index > 0 && notes[index - 1].path == note.path;
        if repeats {
            // The list of earlier values goes on: take back its end.
            into.pop();
        } else {
            enter(&note.path, mem::replace(&mut open, &note.path), index == 0, into);
        }
        write_value(note, repeats, into);
    }
    close(open.len().saturating_sub(1), into);
    into.push('}');
}

/// Closes the objects that `from` is in and `to` is not, and opens those of `to`, down to its last key.
fn enter(to: &[Step<'_>], from: &[Step<'_>], first: bool, into: &mut String) {
    let shared = to.iter().zip(from).take_while(|(a, b)| a == b).count();
    close(from.len().saturating_sub(shared + 1), into);
    if !first {
        into.push(',');
    }
    for (index, step) in to.iter().enumerate().skip(shared) {
        if index > shared {
            into.push('{');
        }
        escape::quote(into, &step.name);
        into.push(':');
    }
}

fn close(levels: usize, into: &mut String) {
    into.extend(std::iter::repeat_n('}', levels));
}

fn write_value(note: &Note<'_>, repeats: bool, into: &mut String) {
    if note.earlier {
        into.push(if repeats { ',' } else { '[' });
    }
    if note.broken || skim::find(note.raw.as_bytes(), &[RAW]).is_some() {
        into.push('{');
        escape::quote(into, RAW);
        into.push(':');
        escape::quote(into, note.raw);
        into.push('}');
    } else {
        into.push_str(note.raw);
    }
    if note.earlier {
        into.push(']');
    }
}
