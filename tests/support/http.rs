//! Web servers on this machine: one that answers as it is told, and a Discord as strict as the real one.

use crate::support::tls::{Identity, Line};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Received {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    /// So many spaces follow the body.
    padding: usize,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The whole body.
    Whole,
    /// No answer at all: the line is cut when the request has come.
    Mute,
    /// The line is cut in the middle of the body.
    Cut,
    /// The body never ends.
    Endless,
    /// The body never ends, and comes byte by byte.
    Dripping,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
            delay: Duration::ZERO,
            padding: 0,
            ending: Ending::Whole,
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        Reply::new(status, body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Reply {
        self.delay = delay;
        self
    }

    /// So many spaces follow the body.
    pub(crate) fn padded(self, padding: usize) -> Reply {
        Reply { padding, ..self }
    }

    /// The line is cut before any answer.
    pub(crate) fn mute() -> Reply {
        Reply { ending: Ending::Mute, ..Reply::new(200, "") }
    }

    /// The line is cut in the middle of the answer.
    pub(crate) fn cut(self) -> Reply {
        Reply { ending: Ending::Cut, ..self }
    }

    /// The answer never ends.
    pub(crate) fn endless(self) -> Reply {
        Reply { ending: Ending::Endless, ..self }
    }

    /// The answer never ends, and comes byte by byte.
    pub(crate) fn dripping(self) -> Reply {
        Reply { ending: Ending::Dripping, ..self }
    }
}

type Judge = dyn Fn(&Received) -> Reply + Send + Sync;

struct Shared {
    received: Mutex<Vec<Received>>,
    script: Mutex<VecDeque<Reply>>,
    judge: Box<Judge>,
    identity: Option<Identity>,
    has_ended: AtomicBool,
}

/// A server on a free port of this machine, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// A server that answers what `judge` says.
    pub(crate) fn start(judge: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_as(None, judge)
    }

    /// The same for https.
    pub(crate) fn start_as(
        identity: Option<Identity>,
        judge: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            script: Mutex::default(),
            judge: Box::new(judge),
            identity,
            has_ended: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.has_ended.load(Relaxed) {
                    return;
                }
                let shared = Arc::clone(&own);
                // A client that hangs up early is no concern of the server.
                std::thread::spawn(move || stream.map(|stream| serve(stream, &shared)));
            }
        });
        Server { address, shared }
    }

    /// A server that says the same to everybody.
    pub(crate) fn always(reply: Reply) -> Server {
        Server::start(move |_| reply.clone())
    }

    /// Discord with one webhook at `/api/webhooks/1/token-3f9a1c`.
    pub(crate) fn discord() -> Server {
        Server::start(discord)
    }

    /// Slack with one webhook at `/services/T0/B0/token-3f9a1c`.
    pub(crate) fn slack() -> Server {
        Server::start(slack)
    }

    /// The next request gets this instead; several are used one after another.
    pub(crate) fn next(&self, reply: Reply) {
        self.shared.script.lock().unwrap().push_back(reply);
    }

    /// The address of a path on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.shared.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Forgets the requests so far.
    pub(crate) fn forget(&self) {
        self.shared.received.lock().unwrap().clear();
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut line = Line::Open(stream);
    if let Some(identity) = &shared.identity {
        line.encrypt(identity);
    }
    let mut reader = BufReader::new(line);
    let received = read(&mut reader)?;
    // What is scripted is said, but the request must be right all the same.
    let judged = (shared.judge)(&received);
    let reply = shared.script.lock().unwrap().pop_front().unwrap_or(judged);
    shared.received.lock().unwrap().push(received);
    std::thread::sleep(reply.delay);
    write(reader.get_mut(), &reply).ok()
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
        at: Instant::now(),
    })
}

fn write(stream: &mut Line, reply: &Reply) -> std::io::Result<()> {
    if reply.ending == Ending::Mute {
        return Ok(());
    }
    write!(stream, "HTTP/1.1 {} Told\r\nconnection: close\r\n", reply.status)?;
    let length = reply.body.len() + reply.padding;
    match reply.ending {
        Ending::Whole => write!(stream, "content-length: {length}\r\n")?,
        Ending::Cut => write!(stream, "content-length: {}\r\n", length + 1_000)?,
        // It ends when the line does.
        Ending::Mute | Ending::Endless | Ending::Dripping => {}
    }
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&reply.body)?;
    let spaces = [b' '; 4_096];
    for start in (0..reply.padding).step_by(spaces.len()) {
        stream.write_all(&spaces[..spaces.len().min(reply.padding - start)])?;
    }
    stream.flush()?;
    loop {
        match reply.ending {
            Ending::Whole | Ending::Cut | Ending::Mute => return Ok(()),
            Ending::Endless => stream.write_all(&spaces)?,
            Ending::Dripping => {
                stream.write_all(b" ")?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The path of Discord's one webhook.
pub(crate) const WEBHOOK: &str = "/api/webhooks/1/token-3f9a1c";

/// What Discord answers: 200 and the message, or why it is refused.
fn discord(request: &Received) -> Reply {
    let problem =
        |status, code, message: &str| Reply::json(status, &json!({"code": code, "message": message}));
    match request.path.strip_prefix("/api/webhooks/1/") {
        Some("token-3f9a1c") => {}
        Some(_) => return problem(401, 50_027, "Invalid Webhook Token"),
        None => return problem(404, 10_015, "Unknown Webhook"),
    }
    if request.method != "POST" || !request.header("content-type").starts_with("application/json") {
        return problem(405, 0, "405: Method Not Allowed");
    }
    if !request.query.split('&').any(|parameter| parameter == "wait=true") {
        // The real one answers 204 and tells nobody when the message is then lost.
        return problem(400, 50_035, "the test wants ?wait=true");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return problem(400, 50_109, "The request body contains invalid JSON.");
    };
    if body["content"].is_null() && body["embeds"].as_array().is_none_or(Vec::is_empty) {
        return problem(400, 50_006, "Cannot send an empty message");
    }
    match check(&body) {
        Ok(()) => Reply::json(
            200,
            &json!({"id": "1310000000000000001", "channel_id": "7", "embeds": body["embeds"]}),
        ),
        Err(what) => problem(400, 50_035, &format!("Invalid Form Body: {what}")),
    }
}

fn check(body: &Value) -> Result<(), String> {
    if body["allowed_mentions"] != json!({"parse": []}) {
        return Err("allowed_mentions".to_owned());
    }
    only(body, &["content", "embeds", "allowed_mentions", "username"])?;
    text(body, "content", 1, 2_000, false)?;
    let none = Vec::new();
    let embeds = body["embeds"].as_array().unwrap_or(&none);
    if embeds.len() > 10 {
        return Err("embeds".to_owned());
    }
    let sums = embeds.iter().map(check_embed).collect::<Result<Vec<usize>, String>>()?;
    if sums.iter().sum::<usize>() > 6_000 {
        return Err("MAX_EMBED_SIZE_EXCEEDED".to_owned());
    }
    Ok(())
}

/// The number of its characters.
fn check_embed(embed: &Value) -> Result<usize, String> {
    only(embed, &["title", "description", "color", "timestamp", "fields", "footer"])?;
    let mut sum = text(embed, "title", 1, 256, false)? + text(embed, "description", 1, 4_096, false)?;
    if !embed["color"].is_null() && embed["color"].as_u64().is_none_or(|colour| colour > 0xFF_FF_FF) {
        return Err("color".to_owned());
    }
    if let Some(time) = embed.get("timestamp")
        && time.as_str().is_none_or(|time| chrono::DateTime::parse_from_rfc3339(time).is_err())
    {
        return Err("timestamp".to_owned());
    }
    let none = Vec::new();
    let fields = embed["fields"].as_array().unwrap_or(&none);
    if fields.len() > 25 {
        return Err("fields".to_owned());
    }
    for field in fields {
        only(field, &["name", "value", "inline"])?;
        sum += text(field, "name", 1, 256, true)? + text(field, "value", 1, 1_024, true)?;
    }
    if let Some(footer) = embed.get("footer") {
        only(footer, &["text"])?;
        sum += text(footer, "text", 1, 2_048, true)?;
    }
    Ok(sum)
}

fn only(value: &Value, known: &[&str]) -> Result<(), String> {
    let map = value.as_object().ok_or("not an object")?;
    match map.iter().find(|(key, value)| !known.contains(&key.as_str()) || value.is_null()) {
        Some((key, _)) => Err(format!("{key}: This field is not known, or is null")),
        None => Ok(()),
    }
}

/// The number of characters of a text that must be within limits; white space at its ends does not count.
fn text(value: &Value, key: &str, least: usize, most: usize, is_required: bool) -> Result<usize, String> {
    let Some(text) = value.get(key) else {
        return if is_required { Err(format!("{key}: This field is required")) } else { Ok(0) };
    };
    let text = text.as_str().ok_or(format!("{key}: not a text"))?;
    let count = text.trim().chars().count();
    if (least..=most).contains(&count) {
        Ok(text.chars().count())
    } else {
        Err(format!("{key}: {count} characters"))
    }
}

/// The path of Slack's one webhook.
pub(crate) const SLACK: &str = "/services/T0/B0/token-3f9a1c";

/// What Slack answers: 200 and "ok", or a word.
fn slack(request: &Received) -> Reply {
    if request.path != SLACK {
        return Reply::new(404, "no_service");
    }
    if request.method != "POST" || !request.header("content-type").starts_with("application/json") {
        return Reply::new(400, "invalid_payload");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Reply::new(400, "invalid_payload");
    };
    let is_plain = |text: &str| {
        let known = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        !known.contains(['&', '<', '>'])
    };
    if body["text"].as_str().is_none_or(|text| text.is_empty() || !is_plain(text)) {
        return Reply::new(400, "no_text");
    }
    let none = Vec::new();
    let blocks = body["blocks"].as_array().unwrap_or(&none);
    let is_fine = |block: &Value| {
        let text = block["text"]["text"].as_str().unwrap_or_default();
        block["type"] == "section"
            && block["text"]["type"] == "mrkdwn"
            && (1..=3_000).contains(&text.chars().count())
            && is_plain(text)
    };
    let sum: usize = blocks.iter().map(|block| block.to_string().chars().count()).sum();
    if blocks.len() <= 50 && blocks.iter().all(is_fine) && sum < 13_000 {
        Reply::new(200, "ok")
    } else {
        Reply::new(400, "invalid_blocks")
    }
}
