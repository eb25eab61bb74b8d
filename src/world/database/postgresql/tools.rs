//! PostgreSQL's own programs, which dump and restore: those of this machine, or those in the container of the server.

use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::command::hide;
use crate::world::command::stream::{Streamed, feed, pour};
use crate::world::command::whisper::Whisper;
use crate::world::docker::enter;
use crate::world::programs;
use anyhow::{Result, anyhow, bail};
use postgres::Config;
use postgres::config::Host;
use std::io::{Read, Write};
use std::process::Command;

/// What is shown of the reason that a program gives.
const LONGEST_REASON: usize = 500;

/// A program of PostgreSQL that is about to be started.
pub(in crate::world) struct Tool {
    pub(in crate::world) command: Command,
    /// The password, for as long as the program needs to read it.
    password: Option<Whisper>,
    name: &'static str,
    is_in_container: bool,
}

impl Tool {
    /// `program`, such as `pg_dump`, for the database `dbname` of the server of this address. With `service` it runs in the
    /// container of that service, as the user of the address, by the socket there: without a password.
    pub(in crate::world) fn of(
        world: &World,
        program: &'static str,
        (config, dbname): (&Config, &str),
        service: Option<&str>,
    ) -> Result<Tool> {
        let mut connection = vec![("dbname", dbname.to_owned()), ("application_name", "maint".to_owned())];
        connection.extend(config.get_user().map(|user| ("user", user.to_owned())));
        if program == "pg_restore" {
            // It commits thousands of times; the one commit that changes the names makes all of them lasting.
            connection.push(("options", "-c synchronous_commit=off".to_owned()));
        }
        if let Some(service) = service {
            let mut command = enter(world, service)?;
            command.args([program, "-w", &format!("--dbname={}", conninfo(&connection))]);
            return Ok(Tool { command, password: None, name: program, is_in_container: true });
        }
        connection.extend(place(config));
        let password = config.get_password().map(password_file).transpose()?;
        connection.extend(password.as_ref().map(|file| ("passfile", file.path())));
        let mut command = on_this_machine(world, program)?;
        command.args(["-w", &format!("--dbname={}", conninfo(&connection))]);
        Ok(Tool { command, password, name: program, is_in_container: false })
    }

    /// The same without any server: what only reads a dump.
    pub(in crate::world) fn without_server(
        world: &World,
        program: &'static str,
        service: Option<&str>,
    ) -> Result<Tool> {
        let command = match service {
            Some(service) => {
                let mut command = enter(world, service)?;
                command.arg(program);
                command
            }
            None => on_this_machine(world, program)?,
        };
        Ok(Tool { command, password: None, name: program, is_in_container: service.is_some() })
    }

    /// Adds arguments.
    pub(in crate::world) fn words<'s>(mut self, words: impl IntoIterator<Item = &'s str>) -> Tool {
        self.command.args(words);
        self
    }

    /// Hands all that it writes to `sink`.
    pub(in crate::world) fn pour(self, world: &World, sink: &mut dyn Write) -> Result<()> {
        let Tool { command, password: _password, name, is_in_container } = self;
        judge(&pour(command, name, world, sink)?, name, is_in_container)
    }

    /// Has it read all of `source`.
    pub(in crate::world) fn feed(self, world: &World, source: &mut dyn Read) -> Result<()> {
        let Tool { command, password: _password, name, is_in_container } = self;
        judge(&feed(command, name, world, source)?, name, is_in_container)
    }
}

/// Whether it ended well; else an error with its own words and the cure.
fn judge(ended: &Streamed, name: &str, is_in_container: bool) -> Result<()> {
    if ended.status.success() {
        return Ok(());
    }
    let words = |part: &str| ended.complaints.lines().find(|line| line.contains(part));
    if words("server version mismatch").is_some() {
        let versions = words("server version:").unwrap_or_default();
        let versions = versions.split_once("detail:").map_or(versions, |(_, rest)| rest).trim();
        bail!(
            "{name} is older than the server ({}): install its postgresql-client, or name the `service` of Compose in which the database runs",
            text::escape(versions)
        );
    }
    if is_in_container && matches!(ended.status.code(), Some(126 | 127)) {
        bail!("there is no {name} in the container: name the service of the database itself as `service`");
    }
    if words("unsupported version").is_some() {
        bail!(
            "{name} is older than the pg_dump that made the backup: install its postgresql-client, or name the `service` of Compose in which the database runs"
        );
    }
    if let Some(line) = words("password authentication failed").or_else(|| words("no password supplied")) {
        let why = line.split_once("FATAL:").map_or(line, |(_, why)| why).trim();
        bail!(
            "{name}: {}; correct the password in the address of the database",
            text::cut(&text::escape(why), LONGEST_REASON)
        );
    }
    let after = |mark| words(mark).and_then(|line| line.split_once(mark)).map(|(_, why)| why.trim());
    // psql repeats what the server says.
    let error = after("error:").or_else(|| after("ERROR:"));
    let why = error.map_or_else(|| ended.last_line(), |why| text::cut(&text::escape(why), LONGEST_REASON));
    Err(anyhow!("{name}: {why}"))
}

fn on_this_machine(world: &World, program: &str) -> Result<Command> {
    let path = programs::find_here(program).ok_or_else(|| {
        Problem::usage(format!(
            "{program} is not installed: install the package postgresql-client, or name the `service` of Compose in which the database runs"
        ))
    })?;
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new(path);
    hide(&mut command, world.secrets().variables(), &[]);
    command.env_remove("PGPASSWORD").env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// Host and port, as the address has them.
fn place(config: &Config) -> Vec<(&'static str, String)> {
    let host = config.get_hosts().first().map(|host| match host {
        Host::Tcp(host) => host.clone(),
        Host::Unix(folder) => folder.to_string_lossy().into_owned(),
    });
    let port = config.get_ports().first().map(u16::to_string);
    let limit = Some(("connect_timeout", "10".to_owned()));
    host.map(|host| ("host", host)).into_iter().chain(port.map(|port| ("port", port))).chain(limit).collect()
}

/// A file of passwords in the form of libpq: one for every server.
fn password_file(password: &[u8]) -> Result<Whisper> {
    let password = String::from_utf8_lossy(password);
    let escaped = password.replace('\\', "\\\\").replace(':', "\\:");
    Whisper::of(&format!("*:*:*:*:{escaped}\n"))
}

/// A connection string of libpq.
fn conninfo(parts: &[(&str, String)]) -> String {
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    let parts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}='{}'", quoted(value))).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_in_a_connection_string() {
        let odd = [("dbname", "a' host='evil".to_owned()), ("user", "back\\slash".to_owned())];
        assert_eq!(conninfo(&odd), r"dbname='a\' host=\'evil' user='back\\slash'");
    }
}
