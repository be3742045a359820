//! Rules about pages: the batch they make, and answers that are refused.

use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::tables;

#[test]
fn pages_make_one_batch_with_the_full_schema() {
    let pages = [page(r#"[{"id":1,"u":1}]"#), page("[]"), page(r#"[{"id":2},{"id":3,"u":2}]"#)];
    let decoded = decode(&THINGS, Rows::Array(&[]), &pages).expect("it decodes");
    assert_eq!(decoded.batch.schema(), THINGS.schema());
    assert_eq!(decoded.page_of_row, [0, 2, 2]);
    assert_eq!(extra_of(&decoded, 2).as_deref(), Some(r#"{"u":2}"#));
    assert_eq!(cell(&decoded, 0, "_synced_at"), Value::Null);
    assert_eq!(cell(&decoded, 0, "_seen"), Value::Null);
    for table in tables::ALL.iter().filter(|table| !table.is_derived()) {
        let decoded = decode(table, Rows::Array(&[]), &[] as &[Page]).expect("it decodes");
        assert_eq!(decoded.batch.schema(), table.schema());
    }
}

#[test]
fn answers_of_another_form_are_errors() {
    let list = Rows::Array(&["data", "messages"]);
    for (rows, body, says) in [
        (list, r#"{"data":{}}"#, "expected a field `messages`, found none"),
        (list, r#"{"data":{"messages":{}}}"#, "expected a list at `data.messages`, found an object"),
        (list, r#"{"data":[]}"#, "expected an object with `messages`, found a list"),
        (list, r#"{"data":{"messages":[]},"data":{}}"#, "expected one field `data`, found several"),
        (Rows::Array(&[]), "{}", "expected a list at its top, found an object"),
        (Rows::One(&["data"]), r#"{"data":null}"#, "expected an object at `data`, found null"),
        (list, "<html>\n", "the answer is not JSON at byte 0"),
        (list, "", "the answer is empty"),
        (list, r#"{"data":{"messages":[{"id":"#, "the answer is cut off"),
        (Rows::Array(&[]), "[] x", "something follows the answer's JSON at byte 3"),
    ] {
        let error = decode(&THINGS, rows, &[page(body)]).expect_err(body);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.found().starts_with(&format!("answer of another form: {says}: ")), "{error}");
        assert_eq!(error.place("call"), Some("/things"));
    }
}

#[test]
fn counts_of_unknown_fields_are_bounded() {
    let fields: Vec<_> = (0..3000).map(|index| format!(r#""u{index}":0"#)).collect();
    let decoded = one(&fields.join(","));
    assert_eq!(decoded.unknown.len(), 1001);
    assert_eq!(decoded.unknown["…"], 2000);
}

/// A message as Drift's documentation shows one, in its envelope.
#[test]
fn a_documented_message_fills_its_columns() {
    let body = r#"{"data":{"messages":[{"id":9007199254740995,"conversationId":7,"body":"<p>Hi \ud83d\ude00<\/p>",
        "author":{"type":"contact","id":367,"bot":false},"type":"chat","createdAt":1741305600123,"orgId":1,
        "context":{"ip":"1.2.3.4","location":{"city":"Boston","latitude":42.36}},"attributes":{},
        "buttons":[{"label":"Yes","value":"y","reaction":{"type":"reply","message":"ok"}}],"attachments":[]}]}}"#;
    let page = Page { parent: Some(7), ..page(body) };
    let rows = Rows::Array(&["data", "messages"]);
    let decoded = decode(&tables::MESSAGES, rows, &[page]).expect("it decodes");
    for (column, expected) in [
        ("id", json!(9_007_199_254_740_995_i64)),
        ("conversation_id", json!(7)),
        ("body", json!("<p>Hi 😀</p>")),
        ("author_bot", json!(false)),
        ("created_at", json!(1_741_305_600_123_000_i64)),
        ("city", json!("Boston")),
        ("latitude", json!(42.36)),
        ("attributes", json!("{}")),
        ("attachments", json!([])),
        ("_extra", Value::Null),
    ] {
        assert_eq!(cell(&decoded, 0, column), expected, "{column}");
    }
    let reaction = json!({"type": "reply", "message": "ok"});
    assert_eq!(cell(&decoded, 0, "buttons")[0]["reaction"], reaction);
}

/// Rows, the page of each, and the records set aside with the numbers of theirs.
type Alone = (Vec<RecordBatch>, Vec<u32>, Vec<(u32, String)>);

/// What pages hold when each is decoded alone: the rows and records set aside, with the number of the page; or
/// what the first error says.
fn alone(pages: &[Page]) -> Result<Alone> {
    let (mut batches, mut numbers, mut aside) = (Vec::new(), Vec::new(), Vec::new());
    for (number, page) in (0..).zip(pages) {
        let decoded = decode(&THINGS, Rows::One(&["data"]), std::slice::from_ref(page))?;
        numbers.extend(decoded.page_of_row.iter().map(|_| number));
        aside.extend(decoded.set_aside.into_iter().map(|aside| (number, aside.record)));
        batches.push(decoded.batch);
    }
    Ok((batches, numbers, aside))
}

/// Short pages are parsed as one text, and no body may reach into the next, whatever is in it.
#[test]
fn short_pages_are_read_together_as_if_each_were_read_alone() {
    let sound = [
        r#"{"data":{"id":1,"u":1}}"#,
        r#" { "data" : {"id":"2"} } "#,
        r#"{"data":{"u":[1,{"x":"]}"}]}}"#,
        r#"{"data":{"id":3,"id":4},"more":[]}"#,
        r#"{"more":{},"data":{"id":5}}"#,
        "\u{feff}{\"data\":{\"id\":6}}",
        r#"{"data":{"id":7,"u":NaN}}"#,
        "{\"data\":{\"id\":8,\"u\":\"\\ud800\"}}",
    ];
    let odd = [
        r#"{"data":{"id":1}},{"data":{"id":2}}"#,
        r#"{"data":{"id":1}"#,
        "}",
        r#"{"data":{"id":1}},{"#,
        r#"{"data":{"id":1},"x":["#,
        r#"{"data":{"id":1},"x":"#,
        r#"{"data":{"id":1}}]"#,
        r#"[{"data":{"id":1}}"#,
        r#""data":{"id":2}}"#,
        "{}",
        "",
        r#"{"data":[]}"#,
        r#"{"data":{"id":1}} x"#,
        r#"{"data":{"id":"a}},{"data":{"id":1}}"#,
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for turn in 0..2_000 {
        let some = 2 + turn % 5;
        let any = |random: &mut fastrand::Rng| match random.u8(0..8) {
            0 if turn % 2 == 0 => page(odd[random.usize(0..odd.len())]),
            _ => page(sound[random.usize(0..sound.len())]),
        };
        let pages: Vec<Page> = (0..some).map(|_| any(&mut random)).collect();
        let bodies: Vec<_> = pages.iter().map(|page| String::from_utf8_lossy(&page.body)).collect();
        match (decode(&THINGS, Rows::One(&["data"]), &pages), alone(&pages)) {
            (Ok(decoded), Ok((batches, numbers, aside))) => {
                let batch = arrow::compute::concat_batches(&THINGS.schema(), &batches).expect("one schema");
                assert_eq!(decoded.batch, batch, "{bodies:?}");
                assert_eq!(decoded.page_of_row, numbers, "{bodies:?}");
                let found: Vec<_> =
                    decoded.set_aside.into_iter().map(|aside| (aside.page, aside.record)).collect();
                assert_eq!(found, aside, "{bodies:?}");
            }
            (Err(together), Err(alone)) => assert_eq!(together.found(), alone.found(), "{bodies:?}"),
            (together, alone) => panic!("{bodies:?}: {:?}, {:?}", together.is_ok(), alone.is_ok()),
        }
    }
}
