//! The address of a database: a SQLite file or a PostgreSQL server.

use super::password_file::password;
use crate::config::database::DatabaseUrl;
use crate::error::Problem;
use crate::world::World;
use crate::world::environment::variable;
use crate::world::files::Files;
use anyhow::Result;
use postgres::config::{Host, SslMode};
use rustix::fs::Mode;
use secrecy::ExposeSecret as _;
use std::path::{Path, PathBuf};

/// Where Debian's PostgreSQL has its socket.
const SOCKET: &str = "/var/run/postgresql";
/// Everybody but the owner.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);
/// A password file is a page of text.
const LARGEST: u64 = 64 << 10;

/// Where a database is.
#[derive(Debug)]
pub(super) enum Address {
    Sqlite(PathBuf),
    Postgres(Box<postgres::Config>),
}

impl World {
    /// The address that `[databases.NAME]` gives, looked up where it is a secret.
    pub(super) fn address_of(&self, name: &str, url: &DatabaseUrl) -> Result<String> {
        let Some(secret) = url.secret() else { return Ok(url.clone().into()) };
        let value = self.secret(&secret).map(|value| value.expose_secret().to_owned());
        value.filter(|value| !value.is_empty()).ok_or_else(|| {
            let place = String::from(secret);
            Problem::usage(format!("the address of the database {name} is missing: set {place}"))
        })
    }
}

impl Address {
    /// Reads an address; the error goes on after "the address of the database NAME".
    pub(super) fn parse(url: &str, root: &Path) -> Result<Address, String> {
        match url.split_once(':') {
            Some(("sqlite", rest)) => sqlite(rest, root).map(Address::Sqlite),
            Some(("postgres" | "postgresql", _)) => {
                postgres(url).map(|config| Address::Postgres(Box::new(config)))
            }
            // It may hold a password: it is not repeated.
            _ => Err("is neither sqlite:PATH nor postgres://HOST/NAME".to_owned()),
        }
    }
}

/// `sqlite:PATH`, or `sqlite:///PATH` as dj-database-url reads it: relative with three slashes, absolute with four.
/// Many mean an absolute path with three; where only that exists, it is taken.
fn sqlite(rest: &str, root: &Path) -> Result<PathBuf, String> {
    let path = rest.split('?').next().unwrap_or_default();
    let path = match path.strip_prefix("///") {
        Some(path) if !root.join(path).exists() && Path::new("/").join(path).exists() => {
            Path::new("/").join(path)
        }
        Some(path) => root.join(path),
        None => root.join(path),
    };
    if path == root || rest.contains(":memory:") {
        return Err("names no file; write sqlite:PATH".to_owned());
    }
    Ok(path)
}

/// What the address leaves out comes from libpq's variables, as for psql.
fn postgres(url: &str) -> Result<postgres::Config, String> {
    let mut config: postgres::Config =
        url.parse().map_err(|_| "is not understood; write postgres://USER@HOST:PORT/NAME".to_owned())?;
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    if config.get_hosts().is_empty() {
        config.host(text("PGHOST").as_deref().unwrap_or(SOCKET));
    }
    if let (true, Some(port)) =
        (config.get_ports().is_empty(), text("PGPORT").and_then(|port| port.parse().ok()))
    {
        config.port(port);
    }
    if let (None, Some(user)) = (config.get_user(), text("PGUSER")) {
        config.user(&user);
    }
    if let (None, Some(name)) = (config.get_dbname(), text("PGDATABASE")) {
        config.dbname(&name);
    }
    if let (None, Some(password)) = (config.get_password(), text("PGPASSWORD")) {
        config.password(password);
    }
    if config.get_password().is_none()
        && let Some(password) = password_of(&config)
    {
        config.password(password);
    }
    if config.get_ssl_mode() == SslMode::Require {
        return Err(
            "asks for TLS, which maint does not speak to PostgreSQL; use a socket, or a tunnel".to_owned()
        );
    }
    config.ssl_mode(SslMode::Disable);
    Ok(config)
}

/// The password that libpq's file has for this server: `$PGPASSFILE`, else ~/.pgpass.
fn password_of(config: &postgres::Config) -> Option<String> {
    let of_home = || Some(PathBuf::from(variable("HOME")?).join(".pgpass"));
    let file = variable("PGPASSFILE").map(PathBuf::from).or_else(of_home)?;
    // Like libpq, which takes no password that others of this machine can read.
    let is_private = rustix::fs::stat(&file)
        .is_ok_and(|found| Mode::from_raw_mode(found.st_mode).intersection(OTHERS).is_empty());
    let text = Files::default().read_text(&file, LARGEST).ok().filter(|_| is_private)?;
    let host = match config.get_hosts().first()? {
        Host::Tcp(host) => host.clone(),
        // So libpq calls the usual folder of the socket.
        Host::Unix(folder) if folder == Path::new(SOCKET) => "localhost".to_owned(),
        Host::Unix(folder) => folder.to_str()?.to_owned(),
    };
    let port = config.get_ports().first().unwrap_or(&5_432).to_string();
    let user = config.get_user()?;
    password(&text, [&host, &port, config.get_dbname().unwrap_or(user), user])
}
