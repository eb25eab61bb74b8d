//! `maint serve` behind nginx and under systemd, as the examples in docs have it.

use crate::support::server::{Answer, Server, key_of, site};
use crate::support::tls::Identity;
use crate::support::{Site, binary, leave_out, wait_until};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const EXAMPLE: &str = include_str!("../docs/nginx.conf");
/// The site that the example goes with.
const SITE: &str = "[serve]\nhosts = [\"localhost\"]\nbehind_proxy = true\n[jobs.a]\n\
    shell = \"echo one; until [ -e go ]; do sleep 0.02; done; echo two\"\n";

type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// nginx with the example, on ports of its own; it ends with this value.
struct Proxy {
    nginx: Child,
    folder: PathBuf,
    open: SocketAddr,
    encrypted: SocketAddr,
    client: Arc<ClientConfig>,
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The line for IPv6, where this machine has it.
fn ipv6(address: SocketAddr, kind: &str) -> String {
    let line = format!("listen [::]:{}{kind};", address.port());
    if TcpListener::bind("[::1]:0").is_ok() { line } else { String::new() }
}

/// nginx as Debian installs it.
fn nginx() -> Command {
    let program =
        ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).exists());
    Command::new(program.unwrap_or("nginx"))
}

impl Proxy {
    /// Starts it before a server at `upstream`; nothing where nginx or openssl is missing.
    fn start(site: &Site, upstream: &str) -> Option<Proxy> {
        if nginx().arg("-v").output().is_err() {
            leave_out("the server behind nginx", "nginx is not here");
            return None;
        }
        let folder = site.around().join("nginx");
        fs::create_dir(&folder).unwrap();
        let identity = Identity::make(&folder)?;
        let (open, encrypted) = (free_port(), free_port());
        let live = "/etc/letsencrypt/live/bot.example.org/";
        let example = EXAMPLE
            .replace("server 127.0.0.1:8000;", &format!("server {upstream};"))
            .replace("listen 80;", &format!("listen {};", open.port()))
            .replace("listen 443 ssl;", &format!("listen {} ssl;", encrypted.port()))
            .replace("listen [::]:80;", &ipv6(open, ""))
            .replace("listen [::]:443 ssl;", &ipv6(encrypted, " ssl"))
            .replace(&format!("{live}fullchain.pem"), identity.certificate.to_str().unwrap())
            .replace(&format!("{live}privkey.pem"), folder.join("key.pem").to_str().unwrap())
            .replace("bot.example.org", "localhost");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary =
            temporary.map(|name| format!("{name}_temp_path {}/{name};\n", folder.display())).concat();
        let user = if crate::support::is_root() { "user root;" } else { "" };
        let whole = format!(
            "daemon off; pid nginx.pid; error_log stderr; {user}\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{example}}}\n"
        );
        fs::write(folder.join("nginx.conf"), whole).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut command = nginx();
        command.arg("-p").arg(&folder).arg("-c").arg(folder.join("nginx.conf")).stdin(Stdio::null());
        let nginx = command.stderr(log).spawn().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&identity.certificate).unwrap()).unwrap();
        let client = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
        let mut proxy = Proxy { nginx, folder, open, encrypted, client };
        wait_until("nginx listens", || {
            let log = || fs::read_to_string(proxy.folder.join("log")).unwrap();
            assert!(proxy.nginx.try_wait().unwrap().is_none(), "{}", log());
            TcpStream::connect(proxy.encrypted).is_ok()
        });
        Some(proxy)
    }

    /// The page's own address.
    fn url(&self) -> String {
        format!("https://localhost:{}", self.encrypted.port())
    }

    /// Asks through the proxy; what follows the head can be read on.
    fn open(&self, method: &str, path: &str, headers: &str, body: &str) -> BufReader<Encrypted> {
        let stream = TcpStream::connect(self.encrypted).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        let mut line = StreamOwned::new(connection, stream);
        let (port, length) = (self.encrypted.port(), body.len());
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}");
        line.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
        BufReader::new(line)
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        Answer::read(&mut self.open(method, path, headers, body))
    }

    fn log_in(&self, key: &str, headers: &str) -> Answer {
        let headers = format!("Content-Type: application/json\r\n{headers}");
        self.ask("POST", "/api/v1/session", &headers, &json!({ "key": key }).to_string())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        crate::support::send(&self.nginx, rustix::process::Signal::TERM);
        let _ = self.nginx.wait();
    }
}

#[test]
fn behind_nginx_the_page_is_encrypted_and_its_cookie_too() {
    let site = site(SITE);
    let server = Server::start(&site);
    let Some(proxy) = Proxy::start(&site, &server.host()) else { return };
    let answer = proxy.ask("GET", "/health", "", "").is(200);
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let mut plain = TcpStream::connect(proxy.open).unwrap();
    plain.write_all(b"GET /stop HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let sent_on = Answer::read(&mut BufReader::new(plain)).is(301);
    assert_eq!(sent_on.header("location"), "https://localhost/stop");
    let own = format!("Origin: {}\r\n", proxy.url());
    let begun = proxy.log_in(&key_of("operate"), &own).is(204);
    let cookie = begun.header("set-cookie");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let _ = proxy.ask("GET", "/api/v1/jobs", &cookie, "").is(200);
    let _ = proxy.ask("POST", "/api/v1/jobs/a/plan", &(cookie.clone() + &own), "").is(200);
    let unencrypted = own.replace("https", "http");
    let _ = proxy.ask("POST", "/api/v1/jobs/a/plan", &(cookie + &unencrypted), "").is(403);
    let key = format!("X-API-Key: {}\r\nContent-Type: application/json\r\n", key_of("operate"));
    let _ = proxy.ask("POST", "/deployment/maintenance", &key, &"x".repeat(65 << 10)).is(413);
}

#[test]
fn behind_nginx_wrong_keys_count_for_who_shows_them() {
    let site = site(SITE);
    let server = Server::start_on_socket(&site);
    let socket = format!("unix:{}", site.around().join("serve.sock").display());
    let Some(proxy) = Proxy::start(&site, &socket) else { return };
    for number in 0..10 {
        // Whatever a client says of itself.
        let _ = proxy.log_in("wrong", &format!("X-Forwarded-For: 192.0.2.{number}\r\n")).is(401);
    }
    assert_eq!(proxy.log_in(&key_of("read"), "").is(429).header("retry-after").len(), 3);
    assert!(server.log().contains("127.0.0.1 is not heard for 15 minutes"), "{}", server.log());
    // Somebody else comes through the same proxy, or has no need of it.
    let said = server.key("read").header("X-Forwarded-For", "127.0.0.1, 192.0.2.7");
    let _ = said.get("/api/v1/jobs").is(200);
    let _ = server.key("read").get("/api/v1/jobs").is(200);
    let said = server.key("read").header("X-Forwarded-For", "192.0.2.7, 127.0.0.1");
    let _ = said.get("/api/v1/jobs").is(429);
}

#[test]
fn behind_nginx_a_run_is_followed_line_by_line() {
    let site = site(SITE);
    let server = Server::start(&site);
    let Some(proxy) = Proxy::start(&site, &server.host()) else { return };
    let run = server.post("/api/v1/jobs/a/runs", &json!({})).is(202).json();
    let path = format!("/api/v1/runs/{}/events", run["run"].as_str().unwrap());
    let key = format!("X-API-Key: {}\r\n", key_of("read"));
    let mut events = proxy.open("GET", &path, &key, "");
    let (mut heard, start) = (String::new(), Instant::now());
    while !heard.contains("one") {
        assert_ne!(events.read_line(&mut heard).unwrap(), 0, "{heard}");
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(!heard.contains("event: end"), "{heard}");
    fs::write(site.path("go"), "").unwrap();
    while !heard.contains("event: end") {
        assert_ne!(events.read_line(&mut heard).unwrap(), 0, "{heard}");
    }
    assert!(heard.contains("two"), "{heard}");
}

#[test]
fn without_behind_proxy_nobody_can_say_who_they_are() {
    let site = site("");
    let server = Server::start(&site);
    for number in 0..10 {
        let liar = server.anonymous().header("X-Forwarded-For", &format!("192.0.2.{number}"));
        let _ = liar.header("X-API-Key", "wrong").get("/api/v1/jobs").is(401);
    }
    let _ = server.key("read").header("X-Forwarded-For", "192.0.2.77").get("/api/v1/jobs").is(429);
}

#[test]
fn systemd_accepts_the_units_of_the_server() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return leave_out("the check of the server's units", "systemd-analyze is not here");
    }
    let folder = tempfile::tempdir().unwrap();
    let units = [
        ("maint-serve.service", include_str!("../docs/maint-serve.service")),
        ("maint-serve.socket", include_str!("../docs/maint-serve.socket")),
    ];
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).env("SYSTEMD_COLORS", "0");
    for (name, unit) in units {
        let path = folder.path().join(name);
        fs::write(&path, unit.replace("/usr/local/bin/maint", binary()).replace("User=site", "User=root"))
            .unwrap();
        verify.arg(path);
    }
    let output = verify.output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    let is_ours = |line: &str| line.contains("maint-serve");
    assert!(output.status.success() && !complaints.lines().any(is_ours), "{complaints}");
}
