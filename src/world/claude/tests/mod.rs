//! Asking small servers that answer as they are told.

mod asking;
mod batches;
mod configuration;
mod odd;

use super::*;
use crate::config::secret::SecretRef;
use crate::config::units::Length;
use crate::world::http::hostile::{server, world as hurried};
use serde_json::json;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

pub(super) const KEY: &str = "sk-ant-\"quoted\"-1234567890";

/// What a server answers: status, headers, body.
pub(super) type Told = (u16, String, String);

/// A site, its Claude, and what was asked of the server; the file holds the key.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) claude: Claude,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    _key: NamedTempFile,
}

impl Site {
    /// The server answers each request by its text and by how many came before.
    pub(super) fn told(answer: impl Fn(&str, usize) -> Told + Send + Sync + 'static) -> Site {
        Site::acting(move |request, count, stream| {
            let (status, headers, body) = answer(request, count);
            let length = body.len();
            let head = format!("HTTP/1.1 {status} Told\r\nconnection: close\r\ncontent-length: {length}\r\n");
            write!(stream, "{head}{headers}\r\n{body}")
        })
    }

    /// The server does this with each request.
    pub(super) fn acting(
        act: impl Fn(&str, usize, &mut std::net::TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Site {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let url = server(move |request, stream| {
            let count = {
                let mut seen = seen.lock().unwrap();
                seen.push(request.to_owned());
                seen.len() - 1
            };
            act(request, count, stream)
        });
        Site::at(&url.replace("/secret-path", ""), asked)
    }

    pub(super) fn at(url: &str, asked: Arc<Mutex<Vec<String>>>) -> Site {
        let (world, key) = world(url);
        let claude = Claude::of(&world, Mode::Direct, json!({"type": "object"})).unwrap();
        Site { world, claude, asked, _key: key }
    }

    pub(super) fn ask(&self) -> Asked {
        self.claude.ask(&self.world, &prompt("A1101"), &|| Ok(()), &Permit::of_a_test())
    }

    pub(super) fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A world in a hurry, whose Claude is there.
pub(super) fn world(url: &str) -> (World, NamedTempFile) {
    let mut key = NamedTempFile::new().unwrap();
    writeln!(key, "{KEY}").unwrap();
    let mut world = hurried();
    let section = &mut world.config.update_fiches;
    section.base_url = Some(url.to_owned());
    section.api_key = Some(SecretRef::File(key.path().to_owned()));
    section.timeout = Length::try_from("500ms".to_owned()).unwrap();
    section.tries = 5;
    (world, key)
}

pub(super) fn prompt(id: &str) -> Prompt {
    Prompt { id: id.to_owned(), instructions: "Tu rédiges.".to_owned(), request: format!("Fiche {id}") }
}

/// An answer that is fine.
pub(super) fn answer() -> Value {
    json!({"id": "msg_01", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "{}"}],
        "stop_reason": "end_turn", "stop_details": null,
        "usage": {"input_tokens": 800, "output_tokens": 1400}})
}

pub(super) fn fine() -> Told {
    (200, String::new(), answer().to_string())
}

/// An error as Anthropic writes it.
pub(super) fn error(status: u16, headers: &str, kind: &str, message: &str) -> Told {
    let error = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_7"});
    (status, headers.to_owned(), error.to_string())
}

/// Why the whole run ends.
pub(super) fn run(answer: Result<Message, Setback>) -> String {
    match answer {
        Err(Setback::Run(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Why this request has failed.
pub(super) fn request(answer: Result<Message, Setback>) -> String {
    match answer {
        Err(Setback::Request(why)) => why,
        other => panic!("{other:?}"),
    }
}
