//! One test per rule about records: kinds, origins, lists, keys, duplicates, and what stands in `_extra`.

use serde_json::json;

use super::*;

fn check(fields: &str, column: &str, expected: &Value, kept: Option<&str>) {
    let decoded = one(fields);
    assert_eq!(cell(&decoded, 0, column), *expected, "{fields}");
    assert_eq!(extra(&decoded).as_deref(), kept, "{fields}");
}

#[test]
fn integers_are_exact_or_kept() {
    check(r#""author":{"id":9007199254740993}"#, "author_id", &json!(9_007_199_254_740_993_i64), None);
    check(r#""author":{"id":-9223372036854775808}"#, "author_id", &json!(i64::MIN), None);
    check(r#""author":{"id":"12"}"#, "author_id", &json!(12), Some(r#"{"author":{"id":"12"}}"#));
    for odd in
        ["1.0", "1e3", "18446744073709551615", r#""+1""#, r#""01""#, r#"" 1""#, r#""x""#, "true", "[1]"]
    {
        let kept = format!(r#"{{"author":{{"id":{odd}}}}}"#);
        check(&format!(r#""author":{{"id":{odd}}}"#), "author_id", &Value::Null, Some(&kept));
    }
}

#[test]
fn times_are_milliseconds_of_this_century() {
    check(r#""at":1741305600123"#, "at", &json!(1_741_305_600_123_000_i64), None);
    check(
        r#""at":"1741305600123""#,
        "at",
        &json!(1_741_305_600_123_000_i64),
        Some(r#"{"at":"1741305600123"}"#),
    );
    check(r#""at":100000000000"#, "at", &json!(100_000_000_000_000_i64), None);
    for odd in ["1741305600", "0", "-1", "4102444800000", "1.5e12", r#""2025-03-07""#, "99999999999"] {
        check(&format!(r#""at":{odd}"#), "at", &Value::Null, Some(&format!(r#"{{"at":{odd}}}"#)));
    }
}

#[test]
fn texts_scalars_flags_and_numbers() {
    check(r#""name":"a\"\u00e9\n""#, "name", &json!("a\"é\n"), None);
    check(r#""name":"""#, "name", &json!(""), None);
    check(r#""name":5"#, "name", &Value::Null, Some(r#"{"name":5}"#));
    check(r#""code":1.50"#, "code", &json!("1.50"), None);
    check(r#""code":false"#, "code", &json!("false"), None);
    check(r#""code":"x""#, "code", &json!("x"), None);
    check(r#""code":[]"#, "code", &Value::Null, Some(r#"{"code":[]}"#));
    check(r#""ok":true"#, "ok", &json!(true), None);
    check(r#""ok":1"#, "ok", &Value::Null, Some(r#"{"ok":1}"#));
    check(r#""score":1e3"#, "score", &json!(1000.0), None);
    check(r#""score":0.1"#, "score", &json!(0.1), None);
    check(r#""score":"0.1""#, "score", &Value::Null, Some(r#"{"score":"0.1"}"#));
}

#[test]
fn json_is_kept_byte_for_byte() {
    for raw in [r#"{"b": 1.0,"a":[ ]}"#, r#""\u0041""#, "1e3", "[1, 2]", r#""""#, "true"] {
        check(&format!(r#""blob" : {raw} , "ok":true"#), "blob", &json!(raw), None);
    }
    check(r#""blob":null"#, "blob", &Value::Null, None);
}

#[test]
fn null_says_nothing_anywhere() {
    let all = r#""name":null,"code":null,"ok":null,"score":null,"at":null,"blob":null,"ids":null,"tags":null,
        "items":null,"author":null,"parentId":null,"free":null"#;
    let decoded = one(all);
    assert_eq!(extra(&decoded), None);
    assert!(decoded.misfits.is_empty() && decoded.unknown.is_empty());
}

#[test]
fn lists_are_missing_null_empty_or_filled() {
    check(r#""ok":true"#, "ids", &Value::Null, None);
    check(r#""ids":null"#, "ids", &Value::Null, None);
    check(r#""ids":[]"#, "ids", &json!([]), None);
    check(
        r#""ids":[3,null,"abc","4",1.0]"#,
        "ids",
        &json!([3, null, null, 4, null]),
        Some(r#"{"ids":{"2":"abc","3":"4","4":1.0}}"#),
    );
    check(r#""ids":{"a":1}"#, "ids", &Value::Null, Some(r#"{"ids":{"a":1}}"#));
    check(
        r#""tags":["a",null,7,["b"]]"#,
        "tags",
        &json!(["a", null, null, null]),
        Some(r#"{"tags":{"2":7,"3":["b"]}}"#),
    );
}

#[test]
fn records_keep_their_unknown_fields_by_index() {
    let items = r#""items":[{"a":1,"foo":1},null,"x",{"a":"q","in":{"x":2,"deep":{"y":"z","w":0}},"c":{"k" : 1}},
        {"in":5,"nums":[1,"n"],"list":[{"x":1},{"x":true,"v":[]}]}]"#;
    let decoded = one(items);
    let none = json!({"a": null, "b": null, "c": null, "inner": null, "list": null, "nums": null});
    let with = |fields: Value| {
        let mut item = none.clone();
        item.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        item
    };
    let expected = json!([
        with(json!({"a": 1})),
        null,
        null,
        with(json!({"c": "{\"k\" : 1}", "inner": {"x": 2, "y": "z"}})),
        with(json!({"nums": [1, null], "list": [{"x": 1, "y": null}, {"x": null, "y": null}]})),
    ]);
    assert_eq!(cell(&decoded, 0, "items"), expected);
    let kept = r#"{"items":{"0":{"foo":1},"2":"x","3":{"a":"q","in":{"deep":{"w":0}}},"4":{"in":5,"list":{"1":{"v":[],"x":true}},"nums":{"1":"n"}}}}"#;
    assert_eq!(extra(&decoded).as_deref(), Some(kept));
    assert_eq!(decoded.misfits, [("items", 5)].into());
    let unknown = [("items.foo", 1), ("items.in.deep.w", 1), ("items.list.v", 1)];
    assert_eq!(decoded.unknown, unknown.map(|(path, count)| (path.to_owned(), count)).into());
}

#[test]
fn flattened_parents_keep_what_has_no_column() {
    check(
        r#""author":{"nick":"x","id":3,"a":{}}"#,
        "author_id",
        &json!(3),
        Some(r#"{"author":{"a":{},"nick":"x"}}"#),
    );
    check(r#""author":"x""#, "author_id", &Value::Null, Some(r#"{"author":"x"}"#));
    assert_eq!(one(r#""author":[1]"#).misfits, [("author_id", 1)].into());
}

#[test]
fn unknown_fields_are_sorted_and_as_sent() {
    let decoded = one(r#""z": {"q" :1.0},"b":"\u0041","a":null,"B":[1, 2]"#);
    assert_eq!(extra(&decoded).as_deref(), Some(r#"{"B":[1, 2],"a":null,"b":"\u0041","z":{"q" :1.0}}"#));
    assert_eq!(decoded.unknown.len(), 4);
}

#[test]
fn lifted_leaves_are_taken_where_they_fit_and_never_kept_twice() {
    let free = r#"{"email":"a@b.c","n":"x","deep":{"n":7,"o":1},"pre":[ 1 ],"marks":[1,"x"],"parts":[{"x":1,"u":2},4]}"#;
    let decoded = one(&format!(r#""free":{free}"#));
    assert_eq!(cell(&decoded, 0, "free"), json!(free));
    assert_eq!(cell(&decoded, 0, "email"), json!("a@b.c"));
    assert_eq!(cell(&decoded, 0, "count"), json!(7));
    assert_eq!(cell(&decoded, 0, "pre"), json!("[ 1 ]"));
    assert_eq!(cell(&decoded, 0, "marks"), json!([1, null]));
    assert_eq!(cell(&decoded, 0, "parts"), json!([{"x": 1, "y": null}, null]));
    assert_eq!(extra(&decoded), None);
    assert!(decoded.misfits.is_empty() && decoded.unknown.is_empty());
    check(r#""free":{"email":5,"n":"8","email":6}"#, "count", &json!(8), None);
    check(r#""free":"no map""#, "free", &json!("\"no map\""), None);
}

#[test]
fn the_parent_s_key_wins_and_another_own_one_is_kept() {
    let under = |fields: &str, parent| {
        let body = format!(r#"[{{"id":1,{fields}}}]"#);
        let page = Page { parent, ..page(body) };
        let decoded = decode(&THINGS, Rows::Array(&[]), &[page]).expect("it decodes");
        (cell(&decoded, 0, "parent_id"), extra(&decoded))
    };
    assert_eq!(under(r#""ok":true"#, Some(7)), (json!(7), None));
    assert_eq!(under(r#""parentId":null"#, Some(7)), (json!(7), None));
    assert_eq!(under(r#""parentId":7"#, Some(7)), (json!(7), None));
    assert_eq!(under(r#""parentId":8"#, Some(7)), (json!(7), Some(r#"{"parentId":8}"#.into())));
    assert_eq!(under(r#""parentId":"7""#, Some(7)), (json!(7), Some(r#"{"parentId":"7"}"#.into())));
    assert_eq!(under(r#""parentId":8"#, None), (json!(8), None));
    assert_eq!(under(r#""parentId":"x""#, None), (Value::Null, Some(r#"{"parentId":"x"}"#.into())));
}

#[test]
fn the_last_of_a_repeated_key_wins_and_the_others_are_kept() {
    check(
        r#""name":"a","name":null,"name":"c""#,
        "name",
        &json!("c"),
        Some(r#"{"_duplicates":{"name":["a",null]}}"#),
    );
    check(
        r#""author":{"id":1,"x":2},"author":{"id":3,"id":4}"#,
        "author_id",
        &json!(4),
        Some(r#"{"_duplicates":{"author":[{"id":1,"x":2}]},"author":{"_duplicates":{"id":[3]}}}"#),
    );
    check(
        r#""u":1,"u":2,"u":3,"name":5"#,
        "name",
        &Value::Null,
        Some(r#"{"_duplicates":{"u":[1,2]},"name":5,"u":3}"#),
    );
    check(
        r#""items":[{"a":1,"a":2}]"#,
        "id",
        &json!(1),
        Some(r#"{"items":{"0":{"_duplicates":{"a":[1]}}}}"#),
    );
    check(
        r#""_duplicates":{"id":[9]},"ok":1,"ok":true"#,
        "ok",
        &json!(true),
        Some(r#"{"_duplicates":{"_duplicates":[{"id":[9]}],"ok":[1]}}"#),
    );
    let decoded = read(r#"[{"id":1,"id":2}]"#);
    assert_eq!(cell(&decoded, 0, "id"), json!(2));
    assert_eq!(extra(&decoded).as_deref(), Some(r#"{"_duplicates":{"id":[1]}}"#));
    assert_eq!(decoded.misfits, [("id", 1)].into());
}

#[test]
fn a_field_that_looks_like_ours_is_told_apart() {
    check(r#""u":{"$raw":"x"}"#, "id", &json!(1), Some(r#"{"u":{"$raw":"{\"$raw\":\"x\"}"}}"#));
    check(r#""$raw":1"#, "id", &json!(1), Some(r#"{"$raw":1}"#));
}

#[test]
fn records_without_a_key_are_set_aside() {
    let decoded =
        read(r#"[{"id":1}, 5 ,{"name":"x", "u":1},{"id":null},{"id":1.5},"s",null,[{}],{"id":"3"}]"#);
    let aside: Vec<_> = decoded.set_aside.iter().map(|aside| aside.record.as_str()).collect();
    assert_eq!(
        aside,
        ["5", r#"{"name":"x", "u":1}"#, r#"{"id":null}"#, r#"{"id":1.5}"#, r#""s""#, "null", "[{}]"]
    );
    assert_eq!(decoded.set_aside[0].reason, "the record is a number, not an object");
    assert_eq!(decoded.set_aside[1].reason, "its key `id` is missing or cannot be used");
    assert_eq!(decoded.batch.num_rows(), 2);
    assert_eq!(cell(&decoded, 1, "id"), json!(3));
    assert!(decoded.unknown.is_empty());
    let single = decode(&THINGS, Rows::One(&["data"]), &[page(r#"{"data": {"x":1} }"#)]).expect("it decodes");
    assert_eq!(single.set_aside[0].record, r#"{"x":1}"#);
}
