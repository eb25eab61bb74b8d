//! Claude on this machine, as strict as Anthropic: messages, token counting, batches, and a ledger of what was paid.

use crate::support::claude_form::{check, conforms, sheet, text_of};
use crate::support::github::Random;
use crate::support::http::{Received, Reply, Server};
use crate::support::{NOW_SECONDS, hash};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// The key that is accepted.
pub(crate) const KEY: &str = "sk-ant-api03-5ecre7Key-0f_TheTests";
/// The model that `maint` asks unless told otherwise.
pub(crate) const MODEL: &str = "claude-sonnet-5-5";

/// Picodollars a token: input, output, kept for five minutes, kept for an hour, read again.
const PRICES: [(&str, [u64; 5]); 2] = [
    (MODEL, [2_000_000, 10_000_000, 2_500_000, 4_000_000, 100_000]),
    ("claude-haiku-5-5", [100_000, 500_000, 125_000, 200_000, 10_000]),
];

/// How Claude answers, other than as usual.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// This text instead of what was asked for.
    Says(String),
    /// It would rather not.
    Refuses,
    /// It is stopped in the middle.
    IsCut,
}

/// How a request of a batch ends, other than with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Expired,
    Canceled,
    /// The request is at fault.
    Refused,
    /// Anthropic is at fault.
    Overloaded,
}

/// An answer that was paid for.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) code: String,
    pub(crate) revision: u64,
    pub(crate) usage: Value,
    pub(crate) picodollars: u64,
}

struct Batch {
    id: String,
    /// By `custom_id`.
    requests: Vec<(String, Value)>,
    /// The lines of its results, when it has ended.
    results: Option<Vec<Value>>,
    is_canceled: bool,
    created_at: String,
}

type Trouble = dyn FnMut(&Received) -> Option<Reply> + Send;

/// What the server knows, and has counted.
struct Desk {
    revision: u64,
    /// Each answer about a job differs from those before.
    is_always_new: bool,
    once: BTreeMap<String, VecDeque<Manner>>,
    always: BTreeMap<String, Manner>,
    fates: BTreeMap<String, VecDeque<Fate>>,
    trouble: Option<Box<Trouble>>,
    /// What is said to the next batch, which is made all the same.
    lost: VecDeque<Reply>,
    delay: Duration,
    /// Every so many messages the line is cut after the answer was paid for; 0 for never.
    cuts: u64,
    /// What an answer has cost is not told.
    is_silent: bool,
    /// What becomes of a batch is not counted before its end.
    counts_late: bool,
    /// Beginnings of requests that are kept, by their hash.
    kept: BTreeSet<u64>,
    batches: Vec<Batch>,
    ledger: Vec<Bill>,
    /// The codes of the messages that came, answered or not.
    asked: Vec<String>,
    /// Requests that no program should make.
    faults: Vec<String>,
    count: u64,
}

/// A Claude on a free port of this machine, until it is dropped.
pub(crate) struct Claude {
    server: Server,
    desk: Arc<Mutex<Desk>>,
}

impl Claude {
    pub(crate) fn start() -> Claude {
        let desk = Arc::new(Mutex::new(Desk {
            revision: 1,
            is_always_new: false,
            once: BTreeMap::new(),
            always: BTreeMap::new(),
            fates: BTreeMap::new(),
            trouble: None,
            lost: VecDeque::new(),
            delay: Duration::ZERO,
            cuts: 0,
            is_silent: false,
            counts_late: false,
            kept: BTreeSet::new(),
            batches: Vec::new(),
            ledger: Vec::new(),
            asked: Vec::new(),
            faults: Vec::new(),
            count: 0,
        }));
        let own = Arc::clone(&desk);
        let server = Server::start(move |request| own.lock().unwrap().answer(request));
        Claude { server, desk }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    /// The address of a path of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// What is written from now on: the same answers for the same number.
    pub(crate) fn revision(&self, revision: u64) {
        self.desk().revision = revision;
    }

    /// No two answers about a job are the same from now on.
    pub(crate) fn never_repeats_itself(&self) {
        self.desk().is_always_new = true;
    }

    /// The next answer about a job; several are used one after another.
    pub(crate) fn once(&self, code: &str, manner: Manner) {
        self.desk().once.entry(code.to_owned()).or_default().push_back(manner);
    }

    /// Every answer about a job.
    pub(crate) fn always(&self, code: &str, manner: Manner) {
        self.desk().always.insert(code.to_owned(), manner);
    }

    /// How the next request of a batch for a job ends.
    pub(crate) fn ends_as(&self, code: &str, fate: Fate) {
        self.desk().fates.entry(code.to_owned()).or_default().push_back(fate);
    }

    /// The next batch is made, but this is the answer.
    pub(crate) fn makes_a_batch_but_says(&self, reply: Reply) {
        self.desk().lost.push_back(reply);
    }

    /// What this says to a request that is right goes before what would be said, and costs nothing.
    pub(crate) fn trouble(&self, trouble: impl FnMut(&Received) -> Option<Reply> + Send + 'static) {
        self.desk().trouble = Some(Box::new(trouble));
    }

    /// No trouble from now on.
    pub(crate) fn recovers(&self) {
        self.desk().trouble = None;
    }

    /// The same to every message.
    pub(crate) fn always_says(&self, reply: Reply) {
        self.trouble(move |request| is_message(request).then(|| reply.clone()));
    }

    /// So many percent of the messages fail, each in its own way; none of them costs anything.
    pub(crate) fn fails_at_random(&self, percent: u64, seed: u64) {
        let mut random = Random::new(seed);
        self.trouble(move |request| {
            let fails = is_message(request) && random.below(100) < percent;
            fails.then(|| match random.below(8) {
                0 => problem(429, "rate_limit_error", "slow down").header("retry-after", "0"),
                1 => Reply::new(429, "").header("retry-after", "0"),
                2 => problem(529, "overloaded_error", "Overloaded"),
                3 => Reply::new(529, "").header("retry-after", "0"),
                4 => problem(500, "api_error", "Internal server error"),
                5 => Reply::new(502, "<html>Bad gateway</html>"),
                6 => Reply::json(200, &json!({"id": "msg_cut", "type": "message"})).cut(),
                _ => Reply::mute(),
            })
        });
    }

    /// Each message takes so long.
    pub(crate) fn takes(&self, delay: Duration) {
        self.desk().delay = delay;
    }

    /// Of so many messages one is answered and paid for, but the line is cut.
    pub(crate) fn loses_one_of(&self, count: u64) {
        self.desk().cuts = count;
    }

    /// Answers do not say what they have cost; they are paid for all the same.
    pub(crate) fn hides_what_it_costs(&self) {
        self.desk().is_silent = true;
    }

    /// The requests of a batch are not counted before it has ended.
    pub(crate) fn counts_late(&self) {
        self.desk().counts_late = true;
    }

    /// The lines of the results of the newest batch, which has ended.
    pub(crate) fn results(&self) -> Vec<String> {
        let desk = self.desk();
        let lines = desk.batches.last().and_then(|batch| batch.results.as_ref());
        lines.expect("a batch has ended").iter().map(ToString::to_string).collect()
    }

    /// All batches have ended.
    pub(crate) fn end(&self) {
        self.desk().end();
    }

    /// A batch of somebody else, with so many requests.
    pub(crate) fn foreign_batch(&self, requests: usize) {
        let mut desk = self.desk();
        // Nothing in them is right, and nobody pays for them.
        let requests = (0..requests).map(|number| (format!("other-{number}"), Value::Null)).collect();
        let _ = desk.make_batch(requests);
    }

    /// The `custom_id` of each batch's requests, in this order.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        let ids = |batch: &Batch| batch.requests.iter().map(|(id, _)| id.clone()).collect();
        self.desk().batches.iter().map(ids).collect()
    }

    /// What was paid for, in this order.
    pub(crate) fn ledger(&self) -> Vec<Bill> {
        self.desk().ledger.clone()
    }

    /// The sum of the ledger, in picodollars.
    pub(crate) fn spent(&self) -> u64 {
        self.desk().ledger.iter().map(|bill| bill.picodollars).sum()
    }

    /// How often a job was paid for.
    pub(crate) fn paid(&self, code: &str) -> usize {
        self.desk().ledger.iter().filter(|bill| bill.code == code).count()
    }

    /// The codes of the messages that came, in this order, answered or not.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.desk().asked.clone()
    }

    /// The requests so far whose path ends so.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        self.server.received().into_iter().filter(|request| request.path.ends_with(path)).collect()
    }

    /// How many messages were under way at the same time, at most.
    pub(crate) fn peak(&self) -> usize {
        let delay = self.desk().delay;
        let times: Vec<_> = self.received("/v1/messages").iter().map(|request| request.at).collect();
        let at_once = |time| times.iter().filter(|other| **other <= time && **other + delay > time).count();
        times.iter().map(|time| at_once(*time)).max().unwrap_or_default()
    }

    /// Counts from nothing; batches stay, and so does what is kept.
    pub(crate) fn forget(&self) {
        let mut desk = self.desk();
        desk.ledger.clear();
        desk.asked.clear();
        drop(desk);
        self.server.forget();
    }
}

/// A request that is not as it should be fails its test, whatever became of it.
impl Drop for Claude {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Ok(desk) = self.desk.lock()
        {
            assert!(desk.faults.is_empty(), "requests that Anthropic refuses: {:?}", desk.faults);
        }
    }
}

/// True for a request that costs money at once.
pub(crate) fn is_message(request: &Received) -> bool {
    request.path == "/v1/messages"
}

/// Anthropic's words for what is wrong.
pub(crate) fn problem(status: u16, kind: &str, message: &str) -> Reply {
    let error = json!({"type": kind, "message": message});
    Reply::json(status, &json!({"type": "error", "error": error, "request_id": "req_0"}))
}

fn invalid(message: &str) -> Reply {
    problem(400, "invalid_request_error", message)
}

impl Desk {
    fn answer(&mut self, request: &Received) -> Reply {
        let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
        if is_message(request) {
            self.asked.push(code_of(&body));
        }
        if let Err(what) = Desk::check(request, &body) {
            self.faults.push(format!("{} {}: {what}", request.method, request.path));
            return invalid(&what);
        }
        if request.header("x-api-key") != KEY {
            return problem(401, "authentication_error", "invalid x-api-key");
        }
        if let Some(reply) = self.trouble.as_mut().and_then(|trouble| trouble(request)) {
            return reply;
        }
        self.count += 1;
        self.route(request, &body)
            .header("request-id", &format!("req_{:06}", self.count))
            .header("anthropic-organization-id", "0a1b2c3d")
            .header("anthropic-ratelimit-requests-remaining", "3999")
    }

    /// What is wrong with a request, whoever sends it.
    fn check(request: &Received, body: &Value) -> Result<(), String> {
        if request.header("anthropic-version") != "2026-10-21" {
            return Err("anthropic-version: header is required, and 2026-10-21".to_owned());
        }
        if request.header("x-api-key").is_empty() {
            return Err("x-api-key: header is required".to_owned());
        }
        if request.method != "POST" || request.path.ends_with("/cancel") {
            return if request.body.is_empty() { Ok(()) } else { Err("there is a body".to_owned()) };
        }
        if !request.header("content-type").starts_with("application/json") || body.is_null() {
            return Err("the body is not JSON, or not called so".to_owned());
        }
        match request.path.as_str() {
            "/v1/messages" => check(body, false),
            "/v1/messages/count_tokens" => check(body, true),
            "/v1/messages/batches" => check_batch(body),
            _ => Ok(()),
        }
    }

    fn route(&mut self, request: &Received, body: &Value) -> Reply {
        let parts: Vec<&str> = request.path.split('/').skip(2).collect();
        match (request.method.as_str(), &parts[..]) {
            ("POST", ["messages"]) => match self.message(body, false) {
                Ok(message) => {
                    let is_lost = self.cuts > 0 && (self.ledger.len() as u64).is_multiple_of(self.cuts);
                    let reply = Reply::json(200, &message).after(self.delay);
                    if is_lost { reply.cut() } else { reply }
                }
                Err(reply) => reply,
            },
            ("POST", ["messages", "count_tokens"]) => {
                Reply::json(200, &json!({"input_tokens": beginning(body).1 + request_tokens(body)}))
            }
            ("POST", ["messages", "batches"]) => self.batch(request, body),
            ("GET", ["messages", "batches"]) => self.list(request),
            ("GET", ["messages", "batches", id]) => self.look(request, id),
            ("GET", ["messages", "batches", id, "results"]) => {
                let batch = self.batches.iter().find(|batch| batch.id == *id);
                let Some(lines) = batch.and_then(|batch| batch.results.as_ref()) else {
                    return problem(404, "not_found_error", "no results");
                };
                let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
                Reply::new(200, lines.join("\n") + "\n").header("content-type", "application/x-jsonl")
            }
            ("POST", ["messages", "batches", id, "cancel"]) => {
                let batch = self.batches.iter_mut().find(|batch| batch.id == *id);
                let Some(batch) = batch else { return problem(404, "not_found_error", "no such batch") };
                batch.is_canceled = true;
                Reply::json(200, &batch.json(request))
            }
            ("GET", ["models", id]) if price(id).is_some() => {
                let model = json!({"type": "model", "id": id, "display_name": id, "lifecycle": "active",
                    "created_at": "2026-06-01T00:00:00Z", "retires_at": null, "max_tokens": 128_000, "capabilities": {}});
                Reply::json(200, &model)
            }
            _ => {
                self.faults.push(format!("{} {}", request.method, request.path));
                problem(404, "not_found_error", "Not Found")
            }
        }
    }

    /// The answer to a message, which is paid for.
    fn message(&mut self, params: &Value, is_batch: bool) -> Result<Value, Reply> {
        let model = params["model"].as_str().unwrap_or_default();
        let not_found = || problem(404, "not_found_error", &format!("model: {model}"));
        let price = price(model).ok_or_else(not_found)?;
        let code = code_of(params);
        if code.is_empty() {
            self.faults.push("a message without a code".to_owned());
            return Err(invalid("the test wants a code in the message"));
        }
        let before = self.ledger.iter().filter(|bill| bill.code == code).count() as u64;
        let revision = if self.is_always_new { before + 1 } else { self.revision };
        let once = self.once.get_mut(&code).and_then(VecDeque::pop_front);
        let manner = once.or_else(|| self.always.get(&code).cloned());
        let chance = hash(format!("{code} {revision}").as_bytes());
        let (mut text, mut reason, mut output) = (String::new(), "end_turn", 850 + chance % 600);
        match manner {
            Some(Manner::Says(words)) => text = words,
            Some(Manner::Refuses) => (reason, output) = ("refusal", 9),
            Some(Manner::IsCut) | None => {
                text = self.written(&code, revision, params)?;
                let most = params["max_tokens"].as_u64().unwrap_or_default();
                if manner.is_some() || output > most {
                    (reason, output) = ("max_tokens", most);
                    text.truncate(
                        text.len() / 2
                            - (0..4).find(|back| text.is_char_boundary(text.len() / 2 - back)).unwrap(),
                    );
                }
            }
        }
        let usage = self.usage(params, output, chance % 200);
        let picodollars = cost(&price, &usage) / if is_batch { 2 } else { 1 };
        self.ledger.push(Bill { code, revision, usage: usage.clone(), picodollars });
        let mut content = vec![json!({"type": "text", "text": text})];
        if chance.is_multiple_of(3) {
            content.insert(0, json!({"type": "thinking", "thinking": "{\"hm\"", "signature": "c2ln"}));
        }
        if reason == "refusal" {
            content.clear();
        }
        let usage = if self.is_silent { Value::Null } else { usage };
        let details = (reason == "refusal").then(|| json!({"type": "refusal", "category": "cyber"}));
        Ok(json!({
            "id": format!("msg_{:06}", self.ledger.len()), "type": "message", "role": "assistant", "model": model,
            "content": content, "stop_reason": reason, "stop_sequence": null, "stop_details": details, "usage": usage,
        }))
    }

    /// The text of a usual answer: of all that is known about a job, what the schema asks for.
    fn written(&mut self, code: &str, revision: u64, params: &Value) -> Result<String, Reply> {
        let schema = &params["output_config"]["format"]["schema"];
        let mut sheet = sheet(code, revision);
        let wanted = |key: &String| !schema["properties"][key].is_null();
        sheet.as_object_mut().unwrap().retain(|key, _| wanted(key));
        if let Err(what) = conforms(&sheet, schema, schema) {
            self.faults.push(format!("the schema does not describe a sheet: {what}"));
            return Err(invalid(&what));
        }
        Ok(sheet.to_string())
    }

    /// What is counted for an answer: the beginning of a request that was asked to be kept costs less the next time.
    fn usage(&mut self, params: &Value, output: u64, thinking: u64) -> Value {
        let (kept, tokens, is_hour) = beginning(params);
        let own = request_tokens(params);
        let (mut input, mut written, mut read) = (own, [0, 0], 0);
        match kept {
            Some(hash) if !self.kept.insert(hash) => read = tokens,
            Some(_) => written[usize::from(is_hour)] = tokens,
            None => input += tokens,
        }
        json!({
            "input_tokens": input, "cache_creation_input_tokens": written[0] + written[1],
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": written[0], "ephemeral_1h_input_tokens": written[1]},
            "output_tokens": output, "output_tokens_details": {"thinking_tokens": thinking.min(output)},
            "service_tier": "standard",
        })
    }

    fn make_batch(&mut self, requests: Vec<(String, Value)>) -> usize {
        let id = format!("msgbatch_{:08}", self.batches.len() + 1);
        let time = DateTime::from_timestamp(NOW_SECONDS, 0).unwrap();
        let created_at = time.to_rfc3339_opts(SecondsFormat::Secs, true);
        self.batches.push(Batch { id, requests, results: None, is_canceled: false, created_at });
        self.batches.len() - 1
    }

    fn batch(&mut self, request: &Received, body: &Value) -> Reply {
        let requests = body["requests"].as_array().unwrap().iter();
        let requests =
            requests.map(|one| (one["custom_id"].as_str().unwrap().to_owned(), one["params"].clone()));
        let made = self.make_batch(requests.collect());
        self.lost.pop_front().unwrap_or_else(|| Reply::json(200, &self.json(&self.batches[made], request)))
    }

    fn json(&self, batch: &Batch, request: &Received) -> Value {
        let mut json = batch.json(request);
        if self.counts_late && batch.results.is_none() {
            json["request_counts"]["processing"] = json!(0);
        }
        json
    }

    fn look(&self, request: &Received, id: &str) -> Reply {
        match self.batches.iter().find(|batch| batch.id == id) {
            Some(batch) => Reply::json(200, &self.json(batch, request)),
            None => problem(404, "not_found_error", "no such batch"),
        }
    }

    /// The newest first.
    fn list(&mut self, request: &Received) -> Reply {
        let parameters: BTreeMap<&str, &str> =
            request.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let limit: usize = parameters.get("limit").map_or(20, |limit| limit.parse().unwrap_or_default());
        let is_known = parameters.keys().all(|key| ["limit", "after_id", "before_id"].contains(key));
        if !is_known || !(1..=1_000).contains(&limit) {
            self.faults.push(format!("a list of batches with {}", request.query));
            return invalid("limit");
        }
        let after = parameters.get("after_id").copied();
        let newest = self.batches.iter().rev();
        let mut rest = newest
            .skip_while(|batch| after.is_some_and(|id| batch.id != id))
            .skip(usize::from(after.is_some()));
        let data: Vec<Value> = rest.by_ref().take(limit).map(|batch| self.json(batch, request)).collect();
        let id = |batch: Option<&Value>| batch.map_or(Value::Null, |batch| batch["id"].clone());
        let list = json!({"first_id": id(data.first()), "last_id": id(data.last()), "has_more": rest.next().is_some(),
            "data": data});
        Reply::json(200, &list)
    }

    /// Every batch that is under way ends.
    fn end(&mut self) {
        for at in 0..self.batches.len() {
            if self.batches[at].results.is_some() {
                continue;
            }
            let is_canceled = self.batches[at].is_canceled;
            let mut lines: Vec<Value> = Vec::new();
            for (custom_id, params) in self.batches[at].requests.clone() {
                let result = if is_canceled { json!({"type": "canceled"}) } else { self.result(&params) };
                lines.push(json!({"custom_id": custom_id, "result": result}));
            }
            lines.sort_by_key(|line| hash(line["custom_id"].to_string().as_bytes()));
            self.batches[at].results = Some(lines);
        }
    }

    fn result(&mut self, params: &Value) -> Value {
        let errored = |kind: &str, message: &str| {
            let error = json!({"type": kind, "message": message});
            json!({"type": "errored", "error": {"type": "error", "error": error}})
        };
        if let Err(what) = check(params, false) {
            if !params.is_null() {
                self.faults.push(format!("in a batch: {what}"));
            }
            return errored("invalid_request_error", &what);
        }
        let code = code_of(params);
        match self.fates.get_mut(&code).and_then(VecDeque::pop_front) {
            Some(Fate::Expired) => json!({"type": "expired"}),
            Some(Fate::Canceled) => json!({"type": "canceled"}),
            Some(Fate::Refused) => errored("invalid_request_error", "messages: it is too strange"),
            Some(Fate::Overloaded) => errored("overloaded_error", "Overloaded"),
            None => match self.message(params, true) {
                Ok(message) => json!({"type": "succeeded", "message": message}),
                Err(_) => errored("not_found_error", "model"),
            },
        }
    }
}

impl Batch {
    fn json(&self, request: &Received) -> Value {
        let count = |kind: &str| {
            let lines = self.results.iter().flatten();
            lines.filter(|line| line["result"]["type"] == kind).count()
        };
        let has_ended = self.results.is_some();
        let processing = if has_ended { 0 } else { self.requests.len() };
        let status = match (has_ended, self.is_canceled) {
            (true, _) => "ended",
            (false, true) => "canceling",
            (false, false) => "in_progress",
        };
        let url = format!("http://{}/v1/messages/batches/{}/results", request.header("host"), self.id);
        json!({
            "id": self.id, "type": "message_batch", "processing_status": status,
            "request_counts": {
                "processing": processing, "succeeded": count("succeeded"), "errored": count("errored"),
                "canceled": count("canceled"), "expired": count("expired"),
            },
            "created_at": self.created_at, "expires_at": "2026-11-21T15:02:26Z",
            "ended_at": has_ended.then_some("2026-11-20T15:40:00Z"), "archived_at": null,
            "cancel_initiated_at": self.is_canceled.then_some("2026-11-20T15:30:00Z"),
            "results_url": has_ended.then_some(url),
        })
    }
}

/// The job that a message is about: the first code in it.
pub(crate) fn code_of(params: &Value) -> String {
    let text = text_of(&params["messages"][0]["content"]);
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_code = |word: &&str| {
        word.len() == 5
            && word.starts_with(|letter: char| letter.is_ascii_uppercase())
            && word[1..].bytes().all(|byte| byte.is_ascii_digit())
    };
    words.into_iter().find(is_code).unwrap_or_default().to_owned()
}

/// One bad `custom_id` refuses the whole batch.
fn check_batch(body: &Value) -> Result<(), String> {
    let requests =
        body["requests"].as_array().filter(|all| !all.is_empty()).ok_or("requests: Field required")?;
    let mut seen = BTreeSet::new();
    for (at, request) in requests.iter().enumerate() {
        let id = request["custom_id"].as_str().unwrap_or_default();
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if !(1..=64).contains(&id.len()) || !id.bytes().all(is_letter) {
            return Err(format!(
                "requests.{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
            ));
        }
        if !seen.insert(id) {
            return Err(format!("requests.{at}.custom_id: `{id}` is not unique"));
        }
        if request.as_object().is_some_and(|map| map.len() != 2) || !request["params"].is_object() {
            return Err(format!("requests.{at}: it should be a custom_id and params"));
        }
    }
    Ok(())
}

fn price(model: &str) -> Option<[u64; 5]> {
    PRICES.iter().find(|(name, _)| *name == model).map(|(_, price)| *price)
}

/// In picodollars.
fn cost(price: &[u64; 5], usage: &Value) -> u64 {
    let tokens = |value: &Value| value.as_u64().unwrap_or_default();
    let counted = [
        &usage["input_tokens"],
        &usage["output_tokens"],
        &usage["cache_creation"]["ephemeral_5m_input_tokens"],
        &usage["cache_creation"]["ephemeral_1h_input_tokens"],
        &usage["cache_read_input_tokens"],
    ];
    counted.into_iter().zip(price).map(|(count, price)| tokens(count) * price).sum()
}

fn tokens(text: &str) -> u64 {
    text.len() as u64 / 4 + 1
}

/// The tokens of a request that are its own.
fn request_tokens(params: &Value) -> u64 {
    params["messages"].as_array().into_iter().flatten().map(|one| tokens(&text_of(&one["content"]))).sum()
}

/// What all requests begin with: its hash when it is to be kept, its tokens, and whether it is kept for an hour.
fn beginning(params: &Value) -> (Option<u64>, u64, bool) {
    let system = &params["system"];
    let text = format!("{}{}", text_of(system), params["output_config"]);
    let mark =
        system.as_array().and_then(|blocks| blocks.iter().find_map(|block| block.get("cache_control")));
    let tokens = tokens(&text);
    // What is shorter is not kept, and nobody says so.
    let kept =
        mark.filter(|_| tokens >= 1_024).map(|_| hash(format!("{}{text}", params["model"]).as_bytes()));
    (kept, tokens, mark.is_some_and(|mark| mark["ttl"] == "1h"))
}
