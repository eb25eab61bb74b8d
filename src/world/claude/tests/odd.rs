//! Answers that nobody expects: whatever comes, there is an answer or one line that says why there is none.

use super::*;
use proptest::prelude::*;

#[test]
fn an_answer_that_is_none_is_asked_for_once_more() {
    let error = json!({"type": "error", "error": {"type": "api_error", "message": "x"}}).to_string();
    for body in [
        "",
        "<html>",
        "[]",
        "null",
        "{}",
        "{\"content\": 5}",
        &error,
        "{\"content\": [",
        "\u{feff}{}",
        "{\"content\": []}",
    ] {
        let own = body.to_owned();
        let site = Site::told(move |_, _| (200, String::new(), own.clone()));
        let asked = site.ask();
        let why = run(asked.answer);
        assert!(why.starts_with("Claude: its answer is not what was asked for"), "{body}: {why}");
        assert_eq!((asked.lost, site.requests()), (2, 2), "{body}");
    }
}

#[test]
fn an_answer_that_is_too_large_or_packed_is_not_asked_for_again() {
    let large = Site::told(|_, _| (200, String::new(), " ".repeat(5 << 20)));
    let asked = large.ask();
    assert_eq!(
        (&*request(asked.answer), asked.lost),
        ("Claude: the answer is larger than 4.0 MB (1 try)", 1)
    );
    for _ in 0..3 {
        let _ = large.ask();
    }
    assert_eq!(large.requests(), 2, "paid for in vain");
    let packed = Site::told(|_, _| (200, "content-encoding: gzip\r\n".to_owned(), "x".to_owned()));
    assert!(request(packed.ask().answer).contains("compressed"));
    assert_eq!(packed.requests(), 1);
}

#[test]
fn the_words_of_a_server_are_cut_escaped_and_without_the_key() {
    let long = format!("{}{KEY}\u{1b}]0;x\u{7}", "y".repeat(190));
    for body in [
        json!({"error": {"message": long}}).to_string(),
        json!({"message": long}).to_string(),
        json!({"error": long}).to_string(),
        long.clone(),
    ] {
        let site = Site::told(move |_, _| (400, "request-id: req_\r\n".to_owned(), body.clone()));
        let why = request(site.ask().answer);
        assert!(!why.contains("sk-ant") && why.len() < 300, "{why}");
        assert!(!why.contains(|c: char| c.is_control()), "{why:?}");
    }
    let strange = Site::told(|_, _| (599, String::new(), "<html>".repeat(1_000)));
    assert!(run(strange.ask().answer).starts_with("Claude: it answers 599 (5 tries"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![Just("text".to_owned()), Just("refusal".to_owned()), ".{0,20}"].prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("content"),
        Just("type"),
        Just("text"),
        Just("usage"),
        Just("input_tokens"),
        Just("output_tokens"),
        Just("stop_reason"),
        Just("stop_details"),
        Just("category"),
        Just("cache_creation"),
        Just("id")
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

#[test]
fn an_answer_that_repeats_the_key_is_kept_without_it() {
    let site = Site::told(|_, _| {
        let mut answer = answer();
        answer["content"][1]["text"] = json!(json!({"description": KEY, "x": KEY}).to_string());
        (200, String::new(), answer.to_string())
    });
    assert_eq!(site.ask().answer.unwrap().text, r#"{"description":"[secret]","x":"[secret]"}"#);
}

proptest! {
    #[test]
    fn any_json_is_read_or_is_none(content in any_json(), usage in any_json(), reason in any_json()) {
        let answer = json!({"content": [content], "usage": usage, "stop_reason": reason.to_string(), "stop_details": content});
        let message = Message::read(&answer).unwrap();
        let prices = prices_of_sonnet();
        let usage = message.usage;
        let most = prices.most(usage.whole_input(), usage.output, Mode::Batch);
        prop_assert!(prices.cost(&usage, Mode::Batch) <= most);
        if let Ending::Refused(Some(why)) | Ending::Other(why) = message.ending {
            prop_assert!(!why.contains(|c: char| c.is_control()));
        }
    }
}

fn prices_of_sonnet() -> prices::Prices {
    prices::Prices::of(&crate::config::update_fiches::UpdateFichesSection::default()).unwrap()
}
