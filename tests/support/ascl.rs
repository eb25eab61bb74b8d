//! The Astrophysics Source Code Library on this machine, and documents in its form.

use crate::support::github::{Kind, Random, Repository};
use crate::support::hash;
use crate::support::http::{Received, Reply, Server};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

/// Where the document is.
pub(crate) const PATH: &str = "/code/json";

type Trouble = dyn FnMut(&Received) -> Option<Reply> + Send;

struct Shelf {
    document: String,
    trouble: Option<Box<Trouble>>,
}

/// A server with one document, until it is dropped.
pub(crate) struct Ascl {
    server: Server,
    shelf: Arc<Mutex<Shelf>>,
}

impl Ascl {
    pub(crate) fn with(document: String) -> Ascl {
        let shelf = Arc::new(Mutex::new(Shelf { document, trouble: None }));
        let own = Arc::clone(&shelf);
        Ascl { server: Server::start(move |request| answer(&mut own.lock().unwrap(), request)), shelf }
    }

    /// Another document from now on.
    pub(crate) fn replace(&self, document: String) {
        self.shelf.lock().unwrap().document = document;
    }

    /// The same to every request.
    pub(crate) fn always(&self, reply: Reply) {
        self.shelf.lock().unwrap().trouble = Some(Box::new(move |_| Some(reply.clone())));
    }

    /// About every second request fails, each in its own way.
    pub(crate) fn fails_at_random(&self, seed: u64) {
        let mut random = Random::new(seed);
        self.shelf.lock().unwrap().trouble = Some(Box::new(move |_| match random.below(10) {
            0 => Some(Reply::new(503, "")),
            1 => Some(Reply::new(200, "{\"1\": {\"ascl_id\"").cut()),
            2 => Some(Reply::mute()),
            3 => Some(Reply::new(500, "<html>")),
            4 => Some(Reply::new(200, "<html><title>Maintenance</title>")),
            _ => None,
        }));
    }

    /// All is well again.
    pub(crate) fn recovers(&self) {
        self.shelf.lock().unwrap().trouble = None;
    }

    pub(crate) fn url(&self) -> String {
        self.server.url(PATH)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.server.received()
    }
}

fn answer(shelf: &mut Shelf, request: &Received) -> Reply {
    if let Some(reply) = shelf.trouble.as_mut().and_then(|trouble| trouble(request)) {
        return reply;
    }
    if request.method != "GET" || request.path != PATH {
        return Reply::new(404, "<html>Not found</html>");
    }
    let etag = format!("\"{:x}\"", hash(shelf.document.as_bytes()));
    let is_known = request.header("if-none-match") == etag;
    let reply = if is_known { Reply::new(304, "") } else { Reply::new(200, shelf.document.clone()) };
    reply
        .header("content-type", "application/json")
        .header("etag", &etag)
        .header("last-modified", "Thu, 19 Nov 2026 03:00:00 GMT")
}

/// An entry that leads to this repository, in one of the ways of the real document.
fn entry(number: usize, name: &str) -> Value {
    let link = format!("https://github.com/{name}");
    let mut entry = json!({
        "ascl_id": format!("{:02}{:02}.{:03}", number / 12_000 % 90 + 10, number / 1_000 % 12 + 1, number % 1_000),
        "title": format!("Étoile {number}: a program"), "credit": "Müller, Jörg; O'Neill, Ann",
        "abstract": "It computes.\n\n<p>See also <a href=\"http://ascl.net/1207.009\">PyFITS</a> — &lt;β&gt;.</p>",
        "topic_id": if number.is_multiple_of(3) { json!(number.to_string()) } else { Value::Null }, "bibcode": "",
        "views": if number.is_multiple_of(2) { json!(number) } else { json!(number.to_string()) },
        "preferred_citation": "", "site_list": false, "used_in": false, "described_in": [], "keywords": [],
    });
    let (key, value) = match number % 7 {
        0 => ("abstract", json!(format!("The <a href=\"{link}\">code</a>, described at length."))),
        1 => ("preferred_citation", json!(format!("Please see citation information here: {link}#citing"))),
        2 => ("site_list", json!([format!("{link}/blob/main/README.md"), "https://example.org/"])),
        3 => ("site_list", json!([format!("{link}.git")])),
        4 => ("abstract", json!(format!("The code is at {link}. It computes."))),
        5 => ("site_list", json!(["https://example.org/~x/", format!("http://www.github.com/{name}")])),
        _ => ("site_list", json!([link, "https://docs.example.org/en/latest/"])),
    };
    entry[key] = value;
    entry
}

/// A document that leads to these repositories: an object as PHP writes it, with escaped slashes.
pub(crate) fn document<S: AsRef<str>>(names: &[S]) -> String {
    let entries = names.iter().enumerate().map(|(at, name)| ((at + 1).to_string(), entry(at, name.as_ref())));
    as_php(&Value::Object(entries.collect::<Map<String, Value>>()))
}

/// The same as a list.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    Value::Array(names.iter().enumerate().map(|(at, name)| entry(at, name.as_ref())).collect()).to_string()
}

/// JSON as PHP writes it.
pub(crate) fn as_php(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            '/' => text.push_str("\\/"),
            character if character.is_ascii() => text.push(character),
            character => {
                let mut pair = [0; 2];
                for unit in character.encode_utf16(&mut pair) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text
}

/// Repositories of nobody, some of which have an astronomer's word in their name: as many as that, and of those so many.
/// One of them is gone, some have no star, many have as many stars as another.
pub(crate) fn universe(count: usize, of_astronomy: usize) -> Vec<Repository> {
    const WORDS: [&str; 8] = ["astro", "Sky", "Galaxy", "cosmo", "healpy", "CMB", "planck", "stellar"];
    let mut random = Random::new(42);
    let every = count / of_astronomy.max(1);
    let one = |at: usize| {
        let (id, turn) = (u64::try_from(at).unwrap() + 1_000, at / every);
        let is_astronomy = at.is_multiple_of(every) && turn < of_astronomy;
        let word = WORDS[turn % WORDS.len()];
        let name = match (is_astronomy, turn % 5) {
            (true, 0) => format!("{word}Lab{}/tool{at}", at % 97),
            (true, _) => format!("Lab{}/{word}-{at}.py", at % 97),
            (false, _) => format!("Lab{}/tool_{at}", at % 97),
        };
        let stars = random.below(40).pow(2);
        let kind = if at == every { Kind::Gone } else { Kind::Usual };
        let day = random.below(28) + 1;
        Repository::new(id, &name, stars)
            .changed(&format!("2026-{:02}-{day:02}T08:00:00Z", at % 11 + 1))
            .of_kind(kind)
    };
    (0..count).map(one).collect()
}
