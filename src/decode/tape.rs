//! The only place with simd-json: a body becomes a tape of nodes, in buffers that are used again and again.
//!
//! The parser unescapes strings where they stand, in a copy of the body, and a string's slice always begins
//! right after its opening quote, whether it is empty or full of escapes. So a key's address less that of
//! the copy is the key's offset in the original body, from which the spans of values are read. Only
//! differences of addresses are computed; nothing is read through them.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use simd_json::{Buffers, INPUT_PADDING, Tape, fill_tape_padded};
pub(super) use simd_json::{Node, StaticNode};

use super::mend::{self, Altered};
use super::skim;
use super::token::Flaw;

/// How deep a body may be nested: far beyond any sense, and a bound for the parser's stack (24 MB).
const DEPTH_MAX: usize = 1_000_000;

/// The index that no node has.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Parses bodies one after the other.
pub(super) struct Parser {
    scratch: Vec<u8>,
    joined: Vec<u8>,
    buffers: Buffers,
    /// The tape's allocation while no body is parsed.
    spare: Option<Tape<'static>>,
}

impl Parser {
    pub fn new() -> Self {
        let buffers = Buffers::with_max_depth(0, DEPTH_MAX);
        Self { scratch: Vec::new(), joined: Vec::new(), buffers, spare: None }
    }

    /// Parses `body` and gives it to `work`; the strict way first, since nearly every body is sound.
    pub fn read<R>(&mut self, body: &[u8], work: impl FnOnce(&Parsed<'_>) -> R) -> Result<R, Flaw> {
        let body = skim::without_mark(body);
        let mut work = Some(work);
        if let Some(result) = self.attempt(body, body, &[], &mut work) {
            return Ok(result);
        }
        let mended = mend::mend(body)?;
        self.attempt(&mended.copy, &mended.original, &mended.altered, &mut work).ok_or(Flaw::TooMuch)
    }

    /// Parses `bodies` as one list and gives it to `work`, each with its node; nothing, and no work done, unless each
    /// of them is an object with a field, and nothing else. To set the parser up costs more than a short body.
    pub fn read_together<R>(
        &mut self,
        bodies: &[&[u8]],
        work: impl FnOnce(&Parsed<'_>, &[u32]) -> Option<R>,
    ) -> Option<R> {
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        let mut starts = Vec::with_capacity(bodies.len());
        for body in bodies {
            joined.push(if starts.is_empty() { b'[' } else { b',' });
            starts.push(joined.len());
            joined.extend_from_slice(body);
        }
        joined.push(b']');
        let each = |parsed: &Parsed<'_>| {
            let nodes: Vec<u32> = parsed.elements(0).collect();
            let stand_apart = nodes.len() == starts.len()
                && nodes.iter().zip(&starts).all(|(node, start)| parsed.is_object_at(*node, *start));
            if stand_apart { work(parsed, &nodes) } else { None }
        };
        let result = self.attempt(&joined, &joined, &[], &mut Some(each)).flatten();
        self.joined = joined;
        result
    }

    fn attempt<R, W: FnOnce(&Parsed<'_>) -> R>(
        &mut self,
        copy: &[u8],
        original: &[u8],
        altered: &[Altered],
        work: &mut Option<W>,
    ) -> Option<R> {
        self.scratch.clear();
        self.scratch.extend_from_slice(copy);
        self.scratch.resize(copy.len() + INPUT_PADDING, b' ');
        let base = self.scratch.as_ptr().addr();
        let mut tape = self.spare.take().map_or_else(|| Tape(Vec::new()), Tape::reset);
        let sound = fill_tape_padded(&mut self.scratch, copy.len(), &mut self.buffers, &mut tape).is_ok();
        let parsed = Parsed { nodes: &tape.0, text: original, base, altered, elements: RefCell::default() };
        let result = if sound { work.take().map(|work| work(&parsed)) } else { None };
        self.spare = Some(tape.reset());
        result
    }
}

/// Where a value stands, as far as that is needed to find its text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seat {
    /// Its key is the node before it.
    Keyed,
    /// It is an element of the array at this node.
    Element { array: u32, index: u32 },
}

/// The spans of the elements of the array at a node.
type ElementSpans = (u32, Rc<[Range<usize>]>);

/// A body on the tape, beside its text as it came.
pub(super) struct Parsed<'p> {
    nodes: &'p [Node<'p>],
    text: &'p [u8],
    base: usize,
    altered: &'p [Altered],
    /// Of the array that was asked for last: reading an array's text once for each of its elements would
    /// take quadratic time.
    elements: RefCell<Option<ElementSpans>>,
}

impl<'p> Parsed<'p> {
    pub fn node(&self, at: u32) -> Node<'p> {
        self.nodes[at as usize]
    }

    /// The node after the value at `at`.
    pub fn after(&self, at: u32) -> u32 {
        match self.node(at) {
            Node::Object { count, .. } | Node::Array { count, .. } => at + count as u32 + 1,
            _ => at + 1,
        }
    }

    /// The nodes of an object's values in order, each with its key; nothing if it is no object.
    pub fn fields(&self, at: u32) -> impl Iterator<Item = (&'p str, u32)> + '_ {
        let count = if let Node::Object { len, .. } = self.node(at) { len } else { 0 };
        let mut next = at + 1;
        (0..count).map(move |_| {
            let value = next + 1;
            let Node::String(key) = self.node(next) else { unreachable!("an object's keys are strings") };
            next = self.after(value);
            (key, value)
        })
    }

    /// Whether the value at `at` is an object that begins at this byte. It is told by its first key; without one,
    /// nobody can tell.
    fn is_object_at(&self, at: u32, start: usize) -> bool {
        let Some((key, _)) = self.fields(at).next() else { return false };
        let quote = self.offset(key) - 1;
        self.text.get(start) == Some(&b'{') && skim::blank_end(self.text, start + 1) == quote
    }

    /// The nodes of an array's elements in order; nothing if it is no array.
    pub fn elements(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let count = if let Node::Array { len, .. } = self.node(at) { len } else { 0 };
        let mut next = at + 1;
        (0..count).map(move |_| {
            let element = next;
            next = self.after(element);
            element
        })
    }

    /// The original text of the value at `at`.
    pub fn span(&self, at: u32, seat: Seat) -> Range<usize> {
        let start = match (self.node(at), seat) {
            (Node::String(text), _) => self.offset(text) - 1,
            _ if at == 0 => skim::blank_end(self.text, 0),
            (_, Seat::Keyed) => skim::member_start(self.text, self.key_span(at).end).unwrap_or_default(),
            (_, Seat::Element { array, index }) => return self.element_spans(array)[index as usize].clone(),
        };
        let end = self.container_end(at).or_else(|| skim::value_end(self.text, start));
        start..end.unwrap_or(self.text.len())
    }

    /// Where the original text of an object or array ends that holds a string. Behind its last string come only
    /// scalars and brackets, so nothing before needs to be read.
    fn container_end(&self, at: u32) -> Option<usize> {
        let last = (at + 1..self.after(at)).rev().find(|node| matches!(self.node(*node), Node::String(_)))?;
        let Node::String(text) = self.node(last) else { return None };
        // Of the nodes before, only objects and arrays that hold it reach beyond it.
        let depth = (at..last).filter(|node| self.after(*node) > last).count();
        skim::closing_end(self.text, skim::string_end(self.text, self.offset(text))?, depth)
    }

    /// The original text of the key of the value at `at`, with its quotes.
    pub fn key_span(&self, at: u32) -> Range<usize> {
        let Node::String(key) = self.node(at - 1) else { unreachable!("a keyed value follows its key") };
        let start = self.offset(key);
        start - 1..skim::string_end(self.text, start).unwrap_or(self.text.len())
    }

    /// The original text of a span that begins and ends with a token.
    pub fn text(&self, span: Range<usize>) -> &'p str {
        std::str::from_utf8(&self.text[span])
            .expect("the parser took it for UTF-8, and tokens end between characters")
    }

    /// What was replaced inside `span`, in order. Nothing, nearly always.
    pub fn altered(&self, span: &Range<usize>) -> &'p [Altered] {
        let first = self.altered.partition_point(|altered| altered.span.start < span.start);
        let count = self.altered[first..].partition_point(|altered| altered.span.end <= span.end);
        &self.altered[first..first + count]
    }

    /// Whether anything on the page was replaced.
    pub fn is_sound(&self) -> bool {
        self.altered.is_empty()
    }

    /// Whether what stands at `span` is not JSON as it came.
    pub fn is_broken(&self, span: &Range<usize>) -> bool {
        self.altered(span).iter().any(|altered| altered.broken)
    }

    fn offset(&self, text: &str) -> usize {
        text.as_ptr().addr() - self.base
    }

    fn element_spans(&self, array: u32) -> Rc<[Range<usize>]> {
        if let Some((known, spans)) = &*self.elements.borrow()
            && *known == array
        {
            return Rc::clone(spans);
        }
        let spans = self.read_element_spans(array);
        *self.elements.borrow_mut() = Some((array, Rc::clone(&spans)));
        spans
    }

    /// Arrays whose elements are asked for are keyed, or are the whole body.
    fn read_element_spans(&self, array: u32) -> Rc<[Range<usize>]> {
        let span = self.span(array, Seat::Keyed);
        let mut elements = skim::elements(&self.text[span.clone()]);
        let mut spans = Vec::new();
        while let Some(element) = elements.next() {
            let end = span.start + elements.at();
            spans.push(end - element.len()..end);
        }
        spans.into()
    }
}
