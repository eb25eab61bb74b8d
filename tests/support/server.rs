//! `maint serve` on a free port or a socket of its own, and a small client that says exactly what it is told.

use crate::support::{Run, Site, exit_code, finish, send, wait_until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The sections of three keys, named after their roles; [`Server::start`] puts the keys into their files.
pub(crate) const KEYS: &str = r#"
[serve.keys.reader]
key = "file:../home/read.key"
[serve.keys.operator]
key = "file:../home/operate.key"
role = "operate"
[serve.keys.deployer]
key = "file:../home/deploy.key"
role = "deploy"
"#;

/// The key of a role.
pub(crate) fn key_of(role: &str) -> String {
    assert!(["read", "operate", "deploy"].contains(&role), "no role: {role}");
    format!("{role}-4d2Pq8vXr1LmZc7KwYh5TjNs9BfGe3Ua-{role}")
}

/// A site with those keys; `rest` follows in its `maint.toml`.
pub(crate) fn site(rest: &str) -> Site {
    let site = Site::new(&format!("{KEYS}{rest}"));
    write_keys(&site);
    site
}

fn write_keys(site: &Site) {
    for role in ["read", "operate", "deploy"] {
        fs::write(site.home().join(format!("{role}.key")), key_of(role) + "\n").unwrap();
    }
}

/// What a server says that does not start.
#[track_caller]
pub(crate) fn refused(site: &Site, args: &[&str]) -> Run {
    let mut child = site.start(args);
    wait_until("it refuses to start", || child.try_wait().unwrap().is_some());
    finish(child).exits(2)
}

/// Where a server listens.
#[derive(Clone, Debug)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A running server; it ends with this value.
pub(crate) struct Server {
    child: Option<Child>,
    place: Place,
    log: PathBuf,
}

impl Server {
    /// Starts it on a free port of the loopback interface, and returns when it answers.
    #[track_caller]
    pub(crate) fn start(site: &Site) -> Server {
        Server::with(site, site.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// The same on the socket `serve.sock` beside the site.
    #[track_caller]
    pub(crate) fn start_on_socket(site: &Site) -> Server {
        let listen = format!("unix:{}", site.around().join("serve.sock").display());
        Server::with(site, site.command(&["serve", "--listen", &listen]))
    }

    /// The same by a command of the test's own.
    #[track_caller]
    pub(crate) fn with(site: &Site, mut command: Command) -> Server {
        write_keys(site);
        let log = site.around().join("serve.log");
        let child = command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let mut server = Server { child: Some(child), place: Place::Unix(PathBuf::new()), log };
        let mut place = None;
        wait_until("the server listens", || {
            let ended = server.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the server has ended: {}", server.log());
            place = server.log().lines().find_map(place_in);
            place.is_some()
        });
        server.place = place.unwrap();
        assert_eq!(server.anonymous().get("/health").status, 200);
        server
    }

    /// Where it listens, as `http://127.0.0.1:PORT` without anything behind.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// What a browser puts into the header `Host`.
    pub(crate) fn host(&self) -> String {
        match &self.place {
            Place::Tcp(address) => address.to_string(),
            Place::Unix(_) => "localhost".to_owned(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it has said on stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks with the key of a role.
    pub(crate) fn key(&self, role: &str) -> Asker<'_> {
        self.anonymous().header("X-API-Key", &key_of(role))
    }

    /// Asks without a key.
    pub(crate) fn anonymous(&self) -> Asker<'_> {
        Asker { server: self, headers: Vec::new() }
    }

    /// `GET` with the key that may do everything.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.key("deploy").get(path)
    }

    /// `POST` with the key that may do everything.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.key("deploy").post(path, body)
    }

    /// A connection of its own, which gives up after ten seconds of silence.
    #[track_caller]
    pub(crate) fn connect(&self) -> Line {
        let line = match &self.place {
            Place::Tcp(address) => Line::Tcp(TcpStream::connect(address).unwrap()),
            Place::Unix(path) => Line::Unix(UnixStream::connect(path).unwrap()),
        };
        line.patience(Duration::from_secs(10));
        line
    }

    /// Says something, and reads one answer.
    #[track_caller]
    pub(crate) fn say(&self, bytes: &[u8]) -> Answer {
        let mut line = self.connect();
        // A server that has heard enough may refuse the rest.
        let _ = line.write_all(bytes);
        Answer::read(&mut BufReader::new(line))
    }

    /// Ends it as systemd would; what it said is the run's stderr.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Run {
        let mut child = self.child.take().unwrap();
        send(&child, rustix::process::Signal::TERM);
        let code = exit_code(child.wait().unwrap());
        Run { code, stdout: String::new(), stderr: self.log() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The place in `listening on http://ADDRESS:PORT` or `listening on unix:PATH`.
fn place_in(line: &str) -> Option<Place> {
    let (_, place) = line.split_once("listening on ")?;
    let place = place.trim_end();
    if let Some(path) = place.strip_prefix("unix:") {
        return Some(Place::Unix(path.into()));
    }
    let mut address: SocketAddr = place.strip_prefix("http://")?.parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    Some(Place::Tcp(address))
}

/// A connection to the server.
pub(crate) enum Line {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Line {
    /// How long it waits for the other side.
    pub(crate) fn patience(&self, limit: Duration) {
        match self {
            Line::Tcp(stream) => {
                stream.set_read_timeout(Some(limit)).and(stream.set_write_timeout(Some(limit)))
            }
            Line::Unix(stream) => {
                stream.set_read_timeout(Some(limit)).and(stream.set_write_timeout(Some(limit)))
            }
        }
        .unwrap();
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Line::Tcp(stream) => stream.read(buffer),
            Line::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Line::Tcp(stream) => stream.write(bytes),
            Line::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Somebody who asks, with some headers.
#[derive(Clone)]
pub(crate) struct Asker<'a> {
    server: &'a Server,
    headers: Vec<(String, String)>,
}

impl Asker<'_> {
    /// One more header; `Host` replaces the usual one.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let asker = self.clone().header("Content-Type", "application/json");
        asker.send("POST", path, Some(&body.to_string()))
    }

    /// Any request, on a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let mut text = self.head(method, path);
        if let Some(body) = body {
            let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        } else {
            text += "\r\n";
        }
        let answer = self.server.say(text.as_bytes());
        if method == "HEAD" { Answer { body: String::new(), ..answer } } else { answer }
    }

    /// Opens what does not end, such as a stream of events; its lines follow.
    #[track_caller]
    pub(crate) fn open(&self, path: &str) -> (Answer, BufReader<Line>) {
        let mut line = self.server.connect();
        line.write_all((self.head("GET", path) + "\r\n").as_bytes()).unwrap();
        let mut reader = BufReader::new(line);
        (Answer::head(&mut reader), reader)
    }

    fn head(&self, method: &str, path: &str) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            let _ = write!(text, "Host: {}\r\n", self.server.host());
        }
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text
    }
}

/// What the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// Status and headers; status 0 when the connection ended without them.
    fn head(reader: &mut impl std::io::BufRead) -> Answer {
        let mut lines = reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Answer { status, headers: headers.collect(), body: String::new() }
    }

    /// A whole answer, as far as it came.
    pub(crate) fn read(reader: &mut impl std::io::BufRead) -> Answer {
        let mut answer = Answer::head(reader);
        let mut body = Vec::new();
        if answer.header("transfer-encoding") == "chunked" {
            while let Some(chunk) = chunk(reader) {
                body.extend(chunk);
            }
        } else if let Ok(length) = answer.header("content-length").parse() {
            let _ = reader.take(length).read_to_end(&mut body);
        }
        answer.body = String::from_utf8_lossy(&body).into_owned();
        answer
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Checks the status; shows everything when it is another.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The line that says why not.
    #[track_caller]
    pub(crate) fn detail(&self) -> String {
        let json = self.json();
        json["detail"].as_str().unwrap_or_else(|| panic!("no detail in {self:?}")).to_owned()
    }
}

/// The next chunk of a body that is sent in pieces; none at its end.
pub(crate) fn chunk(reader: &mut impl std::io::BufRead) -> Option<Vec<u8>> {
    let mut size = String::new();
    reader.read_line(&mut size).ok()?;
    let size = usize::from_str_radix(size.trim(), 16).ok().filter(|size| *size > 0)?;
    let mut chunk = vec![0; size + 2];
    reader.read_exact(&mut chunk).ok()?;
    chunk.truncate(size);
    Some(chunk)
}
