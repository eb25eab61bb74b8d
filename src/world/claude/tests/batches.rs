//! Batches: submitted once, whatever happens, and collected whatever comes.

use super::*;

fn batch(id: &str, status: &str, results: &Value) -> Value {
    let counts = json!({"processing": 1, "succeeded": 2, "errored": 3, "canceled": 4, "expired": 5});
    json!({"id": id, "processing_status": status, "request_counts": counts, "results_url": results})
}

fn told(body: &Value) -> Told {
    (200, String::new(), body.to_string())
}

fn submit(site: &Site) -> Result<String, Setback> {
    site.claude.submit(&site.world, &[prompt("A1101"), prompt("B2")], &Permit::of_a_test())
}

#[test]
fn a_batch_is_submitted_with_all_its_requests() {
    let site = Site::told(|_, _| told(&batch("msgbatch_1", "in_progress", &Value::Null)));
    assert_eq!(submit(&site), Ok("msgbatch_1".to_owned()));
    let asked = site.asked.lock().unwrap();
    let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/messages/batches HTTP/1.1"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["requests"][1]["custom_id"], "B2");
    assert_eq!(body["requests"][1]["params"]["messages"][0]["content"], "Fiche B2");
}

#[test]
fn a_batch_that_may_be_there_is_not_submitted_again() {
    let cut = Site::acting(|_, _, _| Ok(()));
    let mute = Site::acting(|_, _, _| {
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    let failed = Site::told(|_, _| error(500, "", "api_error", "Internal"));
    let page = Site::told(|_, _| (200, String::new(), "<html>".to_owned()));
    let no_id = Site::told(|_, _| told(&batch("../x", "ended", &Value::Null)));
    for site in [&cut, &mute, &failed, &page, &no_id] {
        match submit(site) {
            Err(Setback::Run(why)) => {
                assert!(why.ends_with("; the batch may have been submitted all the same"), "{why}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(site.requests(), 1);
    }
}

#[test]
fn a_batch_that_was_not_taken_is_submitted_again_or_refused() {
    let busy = Site::told(|_, count| match count {
        0 => error(529, "", "overloaded_error", "Overloaded"),
        1 => error(429, "retry-after: 0\r\n", "rate_limit_error", "slow down"),
        _ => told(&batch("msgbatch_1", "in_progress", &Value::Null)),
    });
    assert_eq!((submit(&busy), busy.requests()), (Ok("msgbatch_1".to_owned()), 3));
    let refused = Site::told(|_, _| error(400, "", "invalid_request_error", "requests.0.custom_id: String"));
    assert!(matches!(submit(&refused), Err(Setback::Request(why)) if why.contains("custom_id")));
    assert_eq!(refused.requests(), 1);
}

#[test]
fn a_batch_is_found_or_is_not_there() {
    let site = Site::told(|request, _| match request.split(' ').nth(1).unwrap() {
        "/v1/messages/batches/msgbatch_1" => {
            told(&batch("msgbatch_1", "ended", &json!("https://x.example/")))
        }
        "/v1/messages/batches/msgbatch_2" => told(&batch("msgbatch_2", "canceling", &Value::Null)),
        "/v1/messages/batches?limit=100" => told(&json!({"has_more": true, "data": [
            batch("msgbatch_2", "in_progress", &Value::Null), 7, {"id": 5}, {"id": ""}, {"id": "msgbatch_3"}]})),
        _ => error(404, "", "not_found_error", "no"),
    });
    let look = |id: &str| site.claude.batch(&site.world, id).unwrap();
    let found = look("msgbatch_1").unwrap();
    assert_eq!((&*found.id, found.is_ended, found.requests), ("msgbatch_1", true, 15));
    assert!(!look("msgbatch_2").unwrap().is_ended);
    assert!(look("msgbatch_9").is_none() && look("../../models").is_none());
    let all = site.claude.batches(&site.world).unwrap().unwrap();
    let all: Vec<_> = all.iter().map(|batch| (&*batch.id, batch.requests)).collect();
    assert_eq!(all, [("msgbatch_2", 15), ("msgbatch_3", 0)]);
}

#[test]
fn where_no_list_of_batches_is_nobody_says_that_there_are_none() {
    let site = Site::told(|_, _| error(404, "", "not_found_error", "Not Found"));
    assert!(matches!(site.claude.batches(&site.world), Ok(None)));
    for odd in [json!({}), json!({"data": "none"}), json!([])] {
        let site = Site::told(move |_, _| told(&odd));
        assert!(site.claude.batches(&site.world).is_err());
    }
}

const RESULTS: &str = r#"{"custom_id":"C","result":{"type":"expired"}}
{"custom_id":"A","result":{"type":"succeeded","message":{"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn"}}}
garbage

{"custom_id":"B","result":{"type":"errored","error":{"type":"error","error":{"type":"invalid_request_error","message":"bad"}}}}
{"custom_id":"A","result":{"type":"expired"}}
{"custom_id":7,"result":{}}
{"custom_id":"D","result":{"type":"errored","error":{"type":"error","error":{"type":"api_error","message":"later"}}}}
{"custom_id":"E","result":{"type":"errored","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}}
{"custom_id":"F","result":{"type":"succeeded","message":"none"}}
{"custom_id":"G"}
{"custom_id":"H","result":{"type":"canceled"}}
{"custom_id":"I","result":{"type":"succee"#;

/// What became of each: the text, why not, or that it may be asked for again.
fn fates(results: Vec<(String, Fate)>) -> String {
    let shown = |(id, fate): (String, Fate)| match fate {
        Fate::Answered(message) => format!("{id} {}", message.text),
        Fate::Refused(why) => format!("{id} {why}"),
        Fate::Unanswered(_) => format!("{id} -"),
    };
    results.into_iter().map(shown).collect::<Vec<_>>().join(", ")
}

#[test]
fn results_come_in_any_order_and_with_anything_among_them() {
    let site = Site::told(|request, _| match request.split(' ').nth(1).unwrap() {
        "/v1/messages/batches/b1/results" => (200, String::new(), RESULTS.to_owned()),
        _ => error(404, "", "not_found_error", "no"),
    });
    let results = |results: Option<&str>| {
        let results = results.map(str::to_owned);
        let batch = Batch { id: "b1".to_owned(), is_ended: true, requests: 9, results };
        site.claude.results(&site.world, &batch)
    };
    let expected = "C -, A x, B Claude: invalid_request_error: bad, D -, E -, F -, G -, H -";
    assert_eq!(fates(results(None).unwrap().unwrap()), expected);
    let host = site.world.config.update_fiches.base_url.clone().unwrap();
    for elsewhere in ["https://api.anthropic.com/x", "http://127.0.0.1:1/x", "nonsense", "file:///etc/passwd"]
    {
        assert_eq!(
            fates(results(Some(elsewhere)).unwrap().unwrap()),
            expected,
            "{elsewhere} does not see the key"
        );
    }
    let own = format!("{host}/v1/messages/batches/b1/results");
    assert_eq!(fates(results(Some(&own)).unwrap().unwrap()), expected);
    let missing = format!("{host}/elsewhere");
    assert!(matches!(results(Some(&missing)), Ok(None)), "its own address is used");
}
