//! The Redis in which RQ keeps the site's queue.

mod address;
mod connection;
mod explain;

pub(crate) use super::rq::workers::Worker;

use super::World;
use address::Address;
use anyhow::Result;
use chrono::{DateTime, Utc};
use connection::Connection;
use explain::{explain, unreached};
use redis::{Cmd, ConnectionLike as _, FromRedisValue, Pipeline, ScriptInvocation, Value, cmd};
use secrecy::ExposeSecret as _;
use std::time::Duration;

/// A connection.
pub(crate) struct Redis {
    connection: Connection,
    address: Address,
    timeout: Duration,
    /// When it was made.
    now: DateTime<Utc>,
}

/// What a server tells of itself.
#[derive(Debug)]
pub(crate) struct Server {
    /// How long it has been up.
    pub(crate) uptime: Duration,
    /// What its data takes.
    pub(crate) memory_bytes: u64,
}

impl World {
    /// Connects to the site's Redis. The error is one line: what could not be reached, and what to do.
    pub(crate) fn redis(&self) -> Result<Redis> {
        let section = self.config.redis.clone().unwrap_or_default();
        let address = self.redis_address(&section)?;
        let timeout = section.timeout.duration();
        let connection = Connection::open(&address.place, timeout, self.stop.shared())
            .map_err(|error| unreached(&error, &address, timeout))?;
        let mut redis = Redis { connection, address, timeout, now: self.clock.reading() };
        redis.introduce()?;
        Ok(redis)
    }
}

impl Redis {
    /// Says who we are and which database is meant. A server that wants more than that says so here.
    fn introduce(&mut self) -> Result<()> {
        if let Some(password) = &self.address.password {
            let mut command = cmd("AUTH");
            if let Some(user) = &self.address.user {
                command.arg(user);
            }
            command.arg(password.expose_secret());
            self.ask::<()>(&command)?;
        }
        if self.address.database != 0 {
            self.ask::<()>(cmd("SELECT").arg(self.address.database))?;
        }
        self.ask(&cmd("PING"))
    }

    /// Where it is, for messages.
    pub(crate) fn place(&self) -> String {
        self.address.place.to_string()
    }

    /// When the connection was made.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Carries out one command.
    pub(super) fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T> {
        let answer = command.query(&mut self.connection);
        answer.map_err(|error| explain(&error, &self.address, self.timeout))
    }

    /// Carries out several commands in one go. The error of one of them stands in the place of its answer.
    pub(super) fn ask_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let packed = commands.get_packed_pipeline();
        let answers = self.connection.req_packed_commands(&packed, 0, commands.len());
        answers.map_err(|error| explain(&error, &self.address, self.timeout))
    }

    /// Runs a script.
    pub(super) fn run<T: FromRedisValue>(&mut self, script: &ScriptInvocation<'_>) -> Result<T> {
        let answer = script.invoke(&mut self.connection);
        answer.map_err(|error| explain(&error, &self.address, self.timeout))
    }

    /// What the server tells of itself.
    pub(crate) fn server(&mut self) -> Result<Server> {
        let told: String = self.ask(&cmd("INFO"))?;
        let number = |key: &str| {
            let mut lines = told.lines().filter_map(|line| line.split_once(':'));
            let value = lines.find(|(name, _)| *name == key).and_then(|(_, value)| value.trim().parse().ok());
            value.unwrap_or(0)
        };
        let uptime = Duration::from_secs(number("uptime_in_seconds"));
        Ok(Server { uptime, memory_bytes: number("used_memory") })
    }
}
