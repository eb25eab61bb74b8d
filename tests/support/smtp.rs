//! A mail server on this machine that takes letters as RFC 5321 wants them, or answers as it is told.

use crate::support::tls::{Identity, Line};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A letter as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    /// What the client said, without the letter.
    pub(crate) commands: Vec<String>,
    /// The letter with the dots taken off that stood for its own.
    pub(crate) letter: String,
}

impl Taken {
    /// The value of a header, unfolded.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.letter.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let prefix = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().to_owned()
    }

    /// The text, with its transfer encoding undone.
    pub(crate) fn text(&self) -> String {
        let body = self.letter.split_once("\r\n\r\n").unwrap().1;
        match self.header("Content-Transfer-Encoding").as_str() {
            "quoted-printable" => quoted_printable(body),
            "base64" => panic!("no test needs base64"),
            _ => body.to_owned(),
        }
    }
}

fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

struct Shared {
    taken: Mutex<Vec<Taken>>,
    said: Mutex<Vec<String>>,
    /// Answers that stand for those to the commands beginning so.
    odd: Mutex<Vec<(String, String)>>,
    delay: Mutex<Duration>,
    secrecy: Secrecy,
    has_ended: AtomicBool,
}

/// How the line is kept from others.
pub(crate) enum Secrecy {
    Open,
    FromTheStart(Identity),
    WhenAsked(Identity),
}

/// A server on a free port of this machine, until it is dropped.
pub(crate) struct Smtp {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

impl Smtp {
    pub(crate) fn start() -> Smtp {
        Smtp::start_as(Secrecy::Open)
    }

    pub(crate) fn start_as(secrecy: Secrecy) -> Smtp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            taken: Mutex::default(),
            said: Mutex::default(),
            odd: Mutex::default(),
            delay: Mutex::default(),
            secrecy,
            has_ended: AtomicBool::new(false),
        });
        let port = listener.local_addr().unwrap().port();
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.has_ended.load(Relaxed) {
                    return;
                }
                let shared = Arc::clone(&own);
                std::thread::spawn(move || stream.map(|stream| serve(stream, &shared)));
            }
        });
        Smtp { port, shared }
    }

    /// From now on the answer to commands that begin with `command` is another.
    pub(crate) fn answer(&self, command: &str, reply: &str) {
        self.shared.odd.lock().unwrap().push((command.to_owned(), reply.to_owned()));
    }

    /// From now on every answer is right again.
    pub(crate) fn recover(&self) {
        self.shared.odd.lock().unwrap().clear();
        *self.shared.delay.lock().unwrap() = Duration::ZERO;
    }

    /// From now on every answer takes this long.
    pub(crate) fn slow_down(&self, delay: Duration) {
        *self.shared.delay.lock().unwrap() = delay;
    }

    /// What all clients said so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.shared.said.lock().unwrap().clone()
    }

    /// The letters so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Relaxed);
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut stream = Line::Open(stream);
    let mut features = "250-mail.test\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000000";
    match &shared.secrecy {
        Secrecy::Open => {}
        Secrecy::FromTheStart(identity) => stream.encrypt(identity),
        // Who asks for more than that before the line is encrypted is refused.
        Secrecy::WhenAsked(_) => features = "250-mail.test\r\n250 STARTTLS",
    }
    let mut reader = BufReader::new(stream);
    let mut taken = Taken::default();
    say(&mut reader, shared, "greeting", "220-mail.test at your service\r\n220 go on")?;
    loop {
        let command = line(&mut reader)?;
        taken.commands.push(command.clone());
        shared.said.lock().unwrap().push(command.clone());
        let mut answer = |reply: &str| say(&mut reader, shared, &command, reply);
        match command.split(' ').next().unwrap_or_default() {
            "EHLO" => answer(features)?,
            "STARTTLS" => {
                let Secrecy::WhenAsked(identity) = &shared.secrecy else { return None };
                answer("220 go on")?;
                reader.get_mut().encrypt(identity);
                features = "250-mail.test\r\n250 AUTH PLAIN LOGIN";
                false
            }
            _ if features.ends_with("STARTTLS") => answer("530 5.7.0 Must issue a STARTTLS command first")?,
            "AUTH" => answer("235 2.7.0 welcome")?,
            "MAIL" | "RCPT" => answer("250 2.1.0 fine")?,
            "DATA" => {
                if answer("354 go on")? {
                    continue;
                }
                taken.letter = letter(&mut reader)?;
                let is_odd = say(&mut reader, shared, "the letter", "250 2.0.0 taken")?;
                if !is_odd {
                    shared.taken.lock().unwrap().push(std::mem::take(&mut taken));
                }
                is_odd
            }
            "QUIT" => {
                answer("221 bye")?;
                return None;
            }
            _ => answer("250 whatever")?,
        };
    }
}

/// Answers a command; true when the answer was another one than `reply`.
fn say(reader: &mut BufReader<Line>, shared: &Shared, command: &str, reply: &str) -> Option<bool> {
    std::thread::sleep(*shared.delay.lock().unwrap());
    let odd = shared.odd.lock().unwrap();
    let odd = odd.iter().find(|(start, _)| command.starts_with(start)).map(|(_, reply)| reply.clone());
    let is_odd = odd.is_some();
    let reply = odd.unwrap_or_else(|| reply.to_owned());
    let stream = reader.get_mut();
    let is_said = write!(stream, "{reply}\r\n").is_ok() && stream.flush().is_ok();
    is_said.then_some(is_odd)
}

/// A line that ends as the protocol wants it.
fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.strip_suffix("\r\n")?;
    assert!(line.len() <= 998, "a line is too long");
    Some(line.to_owned())
}

fn letter(reader: &mut impl BufRead) -> Option<String> {
    let mut letter = String::new();
    loop {
        let line = line(reader)?;
        if line == "." {
            return Some(letter);
        }
        letter += line.strip_prefix('.').unwrap_or(&line);
        letter += "\r\n";
    }
}
