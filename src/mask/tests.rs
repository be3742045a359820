//! What is taken out of a page, and that all else stays as it was sent.

use super::*;
use crate::config::AskedMasking;
use crate::tables::{CONVERSATIONS, DETAIL, LIST, THREAD};

const LAKE: &str = "lake";

fn key() -> SecretString {
    SecretString::from("0123456789abcdef")
}

fn mask(excluded: &[&str], hashed: &[&str]) -> Mask {
    let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let asked = AskedMasking::read(Some(&names(excluded)), Some(&names(hashed))).unwrap();
    Mask::of(&asked.over(&Masking::default()), Some(&key()), LAKE).unwrap().unwrap()
}

fn applied(mask: &Mask, call: &Call, body: &'static str) -> String {
    String::from_utf8(mask.apply(call, Bytes::from_static(body.as_bytes())).to_vec()).unwrap()
}

fn contact() -> Call {
    calls_of(&tables::CONTACTS)[0]
}

fn hashed(text: &str) -> String {
    hex::encode(Hmac::new(key().expose_secret().as_bytes()).of(text.as_bytes()))
}

#[test]
fn what_is_left_out_becomes_null_and_all_else_stays() {
    let mask = mask(&["messages.body", "messages.author_id"], &[]);
    let body = r#"{"data":{"messages":[ {"id":1,"body":"a\"}],{","author":{"id":7,"x":"body"}} ,{"body":null,"id":2}]},"pagination":{"body":"kept"}}"#;
    let expected = r#"{"data":{"messages":[ {"id":1,"body":null,"author":{"id":null,"x":"body"}} ,{"body":null,"id":2}]},"pagination":{"body":"kept"}}"#;
    assert_eq!(applied(&mask, &THREAD, body), expected);
}

#[test]
fn a_value_is_hashed_wherever_its_column_may_be_filled_from() {
    let mask = mask(&[], &["messages.city", "contacts.external_id"]);
    let body = r#"{"data":{"messages":[{"context":{"city":"Bern","location":{"city":"B\u0065rn"}}}]}}"#;
    let bern = hashed("Bern");
    let expected = format!(
        r#"{{"data":{{"messages":[{{"context":{{"city":"{bern}","location":{{"city":"{bern}"}}}}}}]}}}}"#
    );
    assert_eq!(applied(&mask, &THREAD, body), expected);
    // A number is hashed as its text.
    let body = r#"{"data":{"attributes":{"externalId":12,"external_id":null}}}"#;
    let expected =
        format!(r#"{{"data":{{"attributes":{{"externalId":"{}","external_id":null}}}}}}"#, hashed("12"));
    assert_eq!(applied(&mask, &contact(), body), expected);
}

#[test]
fn repeated_and_escaped_keys_are_followed() {
    let mask = mask(&["contacts.email"], &[]);
    let body = r#"{"data":{"attributes":{"email":"a","\u0065mail":["b"],"email":{"c":1}},"attributes":{"email":"d"}},"data":{"attributes":{"email":"e"}}}"#;
    let expected = r#"{"data":{"attributes":{"email":null,"\u0065mail":null,"email":null},"attributes":{"email":null}},"data":{"attributes":{"email":null}}}"#;
    assert_eq!(applied(&mask, &contact(), body), expected);
}

#[test]
fn what_cannot_be_looked_into_is_left_out_whole() {
    let mask = mask(&["contacts.email"], &["contacts.phone"]);
    for (body, expected) in [
        (r#"{"data":{"id":1,"attributes":"email=a"}}"#, r#"{"data":{"id":1,"attributes":null}}"#),
        (r#"{"data":{"id":1,"attributes":["a"]}}"#, r#"{"data":{"id":1,"attributes":null}}"#),
        (r#"{"data":{"id":1,"attributes":[]}}"#, r#"{"data":{"id":1,"attributes":[]}}"#),
        (r#"{"data":"a"}"#, r#"{"data":null}"#),
        (r#"{"data":["a",{"attributes":{"email":1}}]}"#, r#"{"data":[null,{"attributes":{"email":null}}]}"#),
    ] {
        assert_eq!(applied(&mask, &contact(), body), expected);
    }
}

#[test]
fn a_map_that_is_left_out_takes_what_is_hashed_in_it_along() {
    let mask = mask(&["contacts.attributes"], &["contacts.email"]);
    assert_eq!(
        applied(&mask, &contact(), r#"{"data":{"attributes":{"email":"a"},"id":1}}"#),
        r#"{"data":{"attributes":null,"id":1}}"#
    );
}

#[test]
fn the_list_is_masked_like_the_detail() {
    let mask = mask(&["conversations.status"], &[]);
    assert_eq!(
        applied(&mask, &LIST, r#"{"data":[{"id":1,"status":"open"}],"links":{"status":1}}"#),
        r#"{"data":[{"id":1,"status":null}],"links":{"status":1}}"#
    );
    assert_eq!(
        applied(&mask, &DETAIL, r#"{"data":{"id":1,"status":"open"}}"#),
        r#"{"data":{"id":1,"status":null}}"#
    );
}

#[test]
fn answers_to_other_calls_are_not_touched() {
    let mask = mask(&["contacts.email"], &[]);
    let body = Bytes::from_static(br#"{"data":{"attributes":{"email":"a"}}}"#);
    assert_eq!(mask.apply(&DETAIL, body.clone()).as_ptr(), body.as_ptr());
}

/// Every column that may be left out has a place in the record of one of its calls.
#[test]
fn every_column_that_may_be_left_out_stands_somewhere() {
    for table in tables::ALL {
        for column in
            table.columns.iter().filter(|column| crate::config::may_be_left_out(table, column).is_ok())
        {
            assert!(
                !paths(column).is_empty() && !calls_of(table).is_empty(),
                "{}.{}",
                table.name,
                column.name
            );
        }
    }
    assert_eq!(calls_of(&CONVERSATIONS).len(), 2);
}

#[test]
fn another_key_is_refused_and_none_is_too() {
    let asked = AskedMasking::read(None, Some(&["contacts.email".to_owned()])).unwrap();
    let mut masking = asked.over(&Masking::default());
    assert_eq!(Mask::of(&masking, None, LAKE).unwrap_err().kind().exit_code(), 2);
    masking.key_id = Some(key_id(&key(), LAKE));
    assert!(Mask::of(&masking, Some(&key()), LAKE).is_ok());
    let other = SecretString::from("fedcba9876543210");
    assert!(Mask::of(&masking, Some(&other), LAKE).unwrap_err().to_string().contains("another key"));
}
