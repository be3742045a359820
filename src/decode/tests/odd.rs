//! What strict parsers refuse, and what breaks careless ones: one odd value never costs a page.

use serde_json::json;

use super::*;
use crate::decode::skim;

fn kept(fields: &str) -> (Decoded, Value) {
    let decoded = one(fields);
    let kept = extra(&decoded).map_or(Value::Null, |text| serde_json::from_str(&text).expect("valid JSON"));
    (decoded, kept)
}

#[test]
fn numbers_that_are_none_stand_as_raw() {
    let (decoded, kept) = kept(r#""score":NaN,"code":Infinity,"author":{"id":-Infinity},"u":NaN,"ok":true"#);
    let raw = |text: &str| json!({ "$raw": text });
    assert_eq!(
        kept,
        json!({"score": raw("NaN"), "code": raw("Infinity"), "author": {"id": raw("-Infinity")}, "u": raw("NaN")})
    );
    assert_eq!((cell(&decoded, 0, "score"), cell(&decoded, 0, "ok")), (Value::Null, json!(true)));
}

#[test]
fn numbers_beyond_the_parser_stay_numbers() {
    let big = "123456789012345678901234567890";
    let decoded = one(&format!(
        r#""score":{big},"code":-{big},"blob":{{"x":{big}}},"at":{big},"u":[1e999],"ids":[{big}]"#
    ));
    assert_eq!(cell(&decoded, 0, "score"), json!(123_456_789_012_345_678_901_234_567_890.0));
    assert_eq!(cell(&decoded, 0, "code"), json!(format!("-{big}")));
    assert_eq!(cell(&decoded, 0, "blob"), json!(format!(r#"{{"x":{big}}}"#)));
    let kept = format!(r#"{{"at":{big},"ids":{{"0":{big}}},"u":[1e999]}}"#);
    assert_eq!(extra(&decoded), Some(kept));
    check_misfit_of_huge_float();
}

fn check_misfit_of_huge_float() {
    let decoded = one(r#""score":1e999"#);
    assert_eq!(
        (cell(&decoded, 0, "score"), extra(&decoded).as_deref()),
        (Value::Null, Some(r#"{"score":1e999}"#))
    );
}

#[test]
fn lone_surrogates_become_replacements_and_are_kept() {
    let (decoded, kept) = kept(
        r#""name":"a\ud800b","tags":["\ud83d\ude00","\udc00"],"free":{"email":"\ud800","n":1},"items":[{"b":"\ud800"}]"#,
    );
    assert_eq!(cell(&decoded, 0, "name"), json!("a\u{fffd}b"));
    assert_eq!(cell(&decoded, 0, "tags"), json!(["😀", "\u{fffd}"]));
    assert_eq!(cell(&decoded, 0, "email"), json!("\u{fffd}"));
    assert_eq!(cell(&decoded, 0, "free"), json!("{\"email\":\"\u{fffd}\",\"n\":1}"));
    let raw = |text: &str| json!({ "$raw": text });
    assert_eq!(
        kept,
        json!({
            "name": raw(r#""a\ud800b""#), "tags": {"1": raw(r#""\udc00""#)}, "items": {"0": {"b": raw(r#""\ud800""#)}},
            "free": raw(r#"{"email":"\ud800","n":1}"#),
        })
    );
    assert_eq!(decoded.misfits["name"], 1);
}

#[test]
fn keys_that_are_no_strings_are_kept_with_their_value() {
    let (_, kept) = kept(r#""k\ud800": 1,"k\ud801":2"#);
    assert_eq!(
        kept,
        json!({"k\u{fffd}": {"$raw": r#""k\ud801":2"#}, "_duplicates": {"k\u{fffd}": [{"$raw": r#""k\ud800": 1"#}]}})
    );
}

#[test]
fn marks_broken_bytes_and_raw_controls() {
    assert_eq!(read(b"\xef\xbb\xbf [{\"id\":1}]".as_slice()).batch.num_rows(), 1);
    let decoded = read(b"[{\"id\":1,\"name\":\"a\xffb\",\"tags\":[\"x\ty\",\"z\"]},{\"id\":2,\"name\":\"ok\"},{\"u\":\"\xfe\"}]".as_slice());
    assert_eq!(cell(&decoded, 0, "name"), json!("a\u{fffd}b"));
    assert_eq!(cell(&decoded, 0, "tags"), json!(["x\ty", "z"]));
    let kept = "{\"name\":{\"$raw\":\"\\\"a\u{fffd}b\\\"\"},\"tags\":{\"0\":{\"$raw\":\"\\\"x\\ty\\\"\"}}}";
    assert_eq!(extra(&decoded).as_deref(), Some(kept));
    assert_eq!((cell(&decoded, 1, "name"), extra_of(&decoded, 1)), (json!("ok"), None));
    assert_eq!(decoded.set_aside[0].record, "{\"u\":\"\u{fffd}\"}");
}

#[test]
fn texts_of_all_scripts_come_through() {
    let text = "\u{0}שלום 😀 \u{202e}مرحبا\u{7f}\u{2028}";
    let escaped = serde_json::to_string(text).expect("text");
    let decoded =
        one(&format!(r#""name":{escaped},"blob":{escaped},"code":"\u0000\ud83d\ude00","":{escaped}"#));
    assert_eq!(cell(&decoded, 0, "name"), json!(text));
    assert_eq!(cell(&decoded, 0, "blob"), json!(escaped));
    assert_eq!(cell(&decoded, 0, "code"), json!("\u{0}😀"));
    assert_eq!(extra(&decoded), Some(format!(r#"{{"":{escaped}}}"#)));
}

#[test]
fn keys_may_be_escaped() {
    let decoded = one(r#""\u006eame":"x","bl\u006fb" : [ 1],"u\"\n":{"a":1},"":2"#);
    assert_eq!(cell(&decoded, 0, "name"), json!("x"));
    assert_eq!(cell(&decoded, 0, "blob"), json!("[ 1]"));
    assert_eq!(extra(&decoded).as_deref(), Some(r#"{"":2,"u\"\n":{"a":1}}"#));
}

#[test]
fn depth_costs_no_stack() {
    for depth in [1000, 100_000] {
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        let objects = r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
        let body = format!(r#"[{{"id":1,"blob":{deep},"u":{objects},"name":{deep},"free":NaN}}]"#);
        skim::check(body.as_bytes()).expect("it is JSON");
        let decoded = read(body);
        assert_eq!(cell(&decoded, 0, "blob"), json!(deep));
        assert_eq!(extra(&decoded).map(|text| text.len() > 7 * depth), Some(true));
    }
    let too_deep = "[".repeat(1_000_001) + &"]".repeat(1_000_001);
    let error = try_read(&THINGS, too_deep).expect_err("too deep");
    assert!(error.to_string().contains("nested too deep"), "{error}");
}

#[test]
fn long_strings_and_long_lists_take_linear_time() {
    let long = "x\\n".repeat(3 << 20);
    let numbers = vec!["\"x\""; 100_000].join(",");
    let floats = vec!["1.5"; 100_000].join(",");
    let decoded = one(&format!(r#""name":"{long}","ids":[{floats}],"u":[{numbers}],"v":"\ud800""#));
    assert_eq!(cell(&decoded, 0, "name"), json!("x\n".repeat(3 << 20)));
    assert_eq!(decoded.misfits["ids"], 100_000);
}

#[test]
fn envelopes_are_read_without_their_rows() {
    let body = br#" {"data":[{"updatedAt": 12 },{"updatedAt":"x"}], "pagination" : {"more":true,"next":"a\/b\u0026"}, "links":null}"#;
    skim::check(body).expect("it is JSON");
    let next = skim::find(body, &["pagination", "next"]).and_then(skim::text);
    assert_eq!(next.as_deref(), Some("a/b&"));
    assert_eq!(skim::find(body, &["links"]), Some(b"null".as_slice()));
    assert_eq!(skim::find(body, &["links", "next"]), None);
    let rows = skim::find(body, &["data"]).expect("rows");
    let times = skim::elements(rows).map(|row| skim::find(row, &["updatedAt"]).and_then(skim::integer));
    assert_eq!(times.collect::<Vec<_>>(), [Some(12), None]);
    let names: Vec<_> = skim::fields(body).filter_map(|(key, _)| skim::text(key)).collect();
    assert_eq!(names, ["data", "pagination", "links"]);
}

#[test]
fn bodies_that_are_not_json_are_told_apart() {
    use skim::Flaw;
    for (body, flaw) in [
        ("", Flaw::Empty),
        (" \n", Flaw::Empty),
        ("<html>", Flaw::Unexpected(0)),
        ("[1,2", Flaw::CutOff),
        (r#"{"a":"b"#, Flaw::CutOff),
        (r#"{"a""#, Flaw::CutOff),
        ("[tru", Flaw::CutOff),
        ("[1,]", Flaw::Unexpected(3)),
        ("[,1]", Flaw::Unexpected(1)),
        ("[1}", Flaw::Unexpected(2)),
        (r#"{"a":1,}"#, Flaw::Unexpected(7)),
        ("[01]", Flaw::Unexpected(1)),
        ("[1.]", Flaw::Unexpected(1)),
        ("{1:2}", Flaw::Unexpected(1)),
        ("{} {}", Flaw::Trailing(3)),
    ] {
        assert_eq!(skim::check(body.as_bytes()), Err(flaw), "{body}");
    }
    for body in
        ["null", "[]", "{}", " 1 ", "[NaN,-Infinity]", "\u{feff}{}", r#"{"a":[{},[],"\ud800",-0.5e-7]}"#]
    {
        assert_eq!(skim::check(body.as_bytes()), Ok(()), "{body}");
    }
}
