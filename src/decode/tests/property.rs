//! Against the slow reference: every column of every table with every sort of value, and random records.
//! And random bytes, which may be refused but never break anything.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::reference::expected;
use super::*;
use crate::decode::skim;
use crate::tables;

/// Decodes one record and compares it with the reference.
fn compare(table: &Table, record: &str) {
    let decoded = try_read(table, format!(" [ {record} ] ")).expect("it decodes");
    let raw: &RawValue = serde_json::from_str(record).expect("sound JSON");
    if let [aside] = decoded.set_aside.as_slice() {
        assert_eq!(aside.record, raw.get());
        return;
    }
    let (columns, kept) = expected(table.columns, raw);
    for (name, value) in columns {
        assert_eq!(cell(&decoded, 0, &name), value, "{}.{name} of {record}", table.name);
    }
    let extra = extra(&decoded).map_or(Value::Null, |text| serde_json::from_str(&text).expect("valid JSON"));
    assert_eq!(extra, kept, "{record}");
    let noted: u64 = decoded.misfits.values().chain(decoded.unknown.values()).sum();
    assert_eq!(noted == 0, kept.is_null(), "{record}");
}

const VALUES: &[&str] = &[
    r#""text""#,
    r#""12""#,
    r#""""#,
    "1",
    "-1",
    "0",
    "9007199254740993",
    "18446744073709551615",
    "1.0",
    "1e3",
    "1741305600000",
    r#""1741305600000""#,
    "true",
    "false",
    "null",
    "{}",
    r#"{"a":1,"id":2,"x":[]}"#,
    "[]",
    "[1,2]",
    r#"["a",null,{}]"#,
    r#"[{"id":1,"name":"n","label":5,"zz":1},7]"#,
];

#[test]
fn every_column_takes_every_sort_of_value() {
    for table in tables::ALL.iter().chain([&&THINGS, &&tables::CONVERSATION_LIST]) {
        for column in table.columns {
            let paths: Vec<&[&str]> = match column.origin {
                Origin::Field(path) | Origin::Parent(path) => vec![path],
                Origin::Lifted(paths) => paths.to_vec(),
                Origin::Run => vec![],
            };
            for (path, value) in paths.iter().flat_map(|path| VALUES.iter().map(move |value| (path, value))) {
                compare(table, &with_key(table, column, &nest(path, value)));
                compare(table, &with_key(table, column, &nest(&path[..1], value)));
                twice(table, column, path, value);
            }
        }
    }
}

/// A record of the table's key and one more member.
fn with_key(table: &Table, column: &Column, member: &str) -> String {
    let keys = table.key.iter().filter(|name| **name != column.name);
    let key = |name: &&str| {
        let column = table.column(name).expect("a key column");
        let value = if matches!(column.kind, Kind::Int) { "1" } else { "\"k\"" };
        format!(r#""{}":{value},"#, column.api_name().expect("a key is from the API"))
    };
    format!("{{{}{member}}}", keys.map(key).collect::<String>())
}

fn nest(path: &[&str], value: &str) -> String {
    let inner =
        path[1..].iter().rev().fold(value.to_owned(), |inner, name| format!(r#"{{"{name}":{inner}}}"#));
    format!(r#""{}":{inner}"#, path[0])
}

/// A repeated field keeps its earlier value.
fn twice(table: &Table, column: &Column, path: &[&str], value: &str) {
    let member = format!("{},{}", nest(path, value), nest(path, "null"));
    let decoded = try_read(table, format!("[{}]", with_key(table, column, &member))).expect("it decodes");
    if decoded.set_aside.is_empty() {
        let earlier = nest(path, value);
        let (_, earlier) = earlier.split_once(':').expect("a member");
        let kept = format!(r#"{{"_duplicates":{{"{}":[{earlier}]}}}}"#, path[0]);
        assert_eq!(extra(&decoded), Some(kept), "{}.{}", table.name, column.name);
    }
}

/// Sound JSON of all sorts, as text.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => proptest::sample::select(VALUES).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| json!(number).to_string()),
        2 => any::<String>().prop_map(|text| json!(text).to_string()),
        1 => Just(r#""\u0041\ud83d\ude00\/\"""#.to_owned()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[ {}]", all.join(" ,"))),
            members(inner),
        ]
    })
}

fn members(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let names: &[&str] =
        &["a", "b", "c", "in", "x", "deep", "y", "list", "nums", "id", "type", "n", "email", "u", ""];
    let member = (proptest::sample::select(names), inner);
    proptest::collection::btree_map(member.0, member.1, 0..5).prop_map(|all| {
        let all: Vec<_> = all.iter().map(|(name, value)| format!("{} :{value}", json!(name))).collect();
        format!("{{{}\n}}", all.join(","))
    })
}

fn any_record() -> impl Strategy<Value = String> {
    let names: &[&str] = &[
        "name", "code", "ok", "score", "at", "blob", "ids", "tags", "items", "author", "parentId", "free",
        "new", "\u{e9}",
    ];
    let object = || members(any_json());
    let value = prop_oneof![2 => any_json(), 1 => object(), 1 => proptest::collection::vec(object(), 0..3).prop_map(|all| format!("[{}]", all.join(",")))];
    proptest::collection::btree_map(proptest::sample::select(names), value, 0..8).prop_map(|all| {
        let all: Vec<_> = all.iter().map(|(name, value)| format!(", {}: {value}", json!(name))).collect();
        format!(r#"{{"id":1{}}}"#, all.concat())
    })
}

/// A page that needs mending reads like the sound one, but for what was odd.
fn compare_mended(record: &str) {
    let odd = record.replacen('{', r#"{"~":NaN, "#, 1);
    let (sound, mended) = (read(format!("[{record}]")), read(format!("[{odd}]")));
    for column in THINGS.columns {
        assert_eq!(cell(&mended, 0, column.name), cell(&sound, 0, column.name), "{odd}");
    }
    let text = extra(&mended).expect("the odd value is kept");
    let without = text.replace(r#","~":{"$raw":"NaN"}"#, "").replace(r#""~":{"$raw":"NaN"},"#, "");
    let sound = extra(&sound).unwrap_or_else(|| r#"{"~":{"$raw":"NaN"}}"#.to_owned());
    assert_eq!(without, sound, "{odd}");
}

/// Fragments that make half-sound bodies.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let parts: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"d800",
        b"\xff",
        b"\xc3\xa9",
        b"1",
        b"-",
        b".",
        b"e9",
        b"NaN",
        b"null",
        b"tru",
        b"\"id\":1",
        b"\"name\":",
        b"\"x\"",
        b" ",
        b"\x00",
        b"\x0c",
        b"\n",
        b"[{\"id\":1",
        b"}]",
        b"Infinity",
        b"99999999999999999999",
    ];
    proptest::collection::vec(proptest::sample::select(parts), 0..24).prop_map(|parts| parts.concat())
}

/// Decodes what may be anything; what is decoded must have valid `_extra` and JSON columns.
fn survive(body: &[u8]) {
    let decoded = try_read(&THINGS, body.to_vec());
    let judged = skim::check(body);
    for row in 0..decoded.as_ref().map_or(0, |decoded| decoded.batch.num_rows()) {
        let decoded = decoded.as_ref().expect("it has rows");
        let texts = [extra_of(decoded, row), cell(decoded, row, "blob").as_str().map(str::to_owned)];
        for text in texts.into_iter().flatten() {
            serde_json::from_str::<&RawValue>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        }
    }
    if decoded.is_ok() {
        assert_eq!(judged, Ok(()), "{}", String::from_utf8_lossy(body));
    }
    let _ = (skim::find(body, &["id"]), skim::text(body), skim::integer(body), skim::elements(body).count());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_records_read_like_the_reference(record in any_record()) {
        compare(&THINGS, &record);
    }

    #[test]
    fn mended_records_read_like_sound_ones(record in any_record()) {
        compare_mended(&record);
    }

    #[test]
    fn random_bytes_break_nothing(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        survive(&body);
    }

    #[test]
    fn half_sound_bodies_break_nothing(body in fragments()) {
        survive(&body);
        survive(&[b"[{\"id\":1,\"blob\":".as_slice(), &body, b"}]"].concat());
        survive(&[b"[{\"id\":1,\"name\":\"".as_slice(), &body, b"\",\"u\":[\"\\ud800\"]}]"].concat());
    }

    #[test]
    fn mutated_records_break_nothing(record in any_record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = format!("[{record}]").into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        survive(&body);
        body.truncate(at);
        survive(&body);
    }
}
