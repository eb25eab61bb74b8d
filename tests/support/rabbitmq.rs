//! RabbitMQ of this machine with its management API, on ports and in a folder of its own.

use super::keeper::Keeper;
use super::redis::free_port;
use super::{Run, leave_out, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Debian's wrappers in /usr/sbin become another user.
const PROGRAMS: &str = "/usr/lib/rabbitmq/bin";

/// A broker, until it is dropped.
pub(crate) struct Broker {
    folder: PathBuf,
    ports: [u16; 4],
    _keeper: Keeper,
}

impl Broker {
    /// A broker without queues; none where there is no RabbitMQ.
    pub(crate) fn start() -> Option<Broker> {
        if !Path::new(PROGRAMS).join("rabbitmq-server").exists() {
            leave_out("a test on a real RabbitMQ", "the package rabbitmq-server is missing");
            return None;
        }
        let folder = TempDir::with_prefix("maint-rabbit-").unwrap().keep();
        let ports = [(); 4].map(|()| free_port());
        fs::write(folder.join("plugins"), "[rabbitmq_management].\n").unwrap();
        let config = format!(
            "management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {}\nlisteners.tcp.1 = 127.0.0.1:{}\n",
            ports[0], ports[1]
        );
        fs::write(folder.join("rabbitmq.conf"), config).unwrap();
        let farewell = r#"kill -TERM $pid 2>/dev/null; wait $pid; epmd -port "$(cat "$folder/epmd")" -kill >/dev/null 2>&1"#;
        fs::write(folder.join("epmd"), ports[3].to_string()).unwrap();
        let server = command(&folder, ports, "rabbitmq-server");
        let keeper = Keeper::start(&server, &folder, farewell);
        let broker = Broker { folder, ports, _keeper: keeper };
        let begun = Instant::now();
        while broker.api("GET", "overview", "").code != 0 {
            if begun.elapsed() > Duration::from_secs(60) || Keeper::has_failed(&broker.folder) {
                leave_out("a test on a real RabbitMQ", "it does not come up");
                return None;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(broker)
    }

    /// The address of the management API.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Asks the management API, with curl.
    pub(crate) fn api(&self, method: &str, path: &str, body: &str) -> Run {
        let mut curl = Command::new("curl");
        curl.args([
            "-sSf",
            "-u",
            "guest:guest",
            "-H",
            "content-type: application/json",
            "-X",
            method,
            "-d",
            body,
        ]);
        run(curl.arg(format!("{}/api/{path}", self.url())))
    }

    /// Runs `rabbitmqctl`.
    pub(crate) fn control(&self, args: &[&str]) -> Run {
        run(command(&self.folder, self.ports, "rabbitmqctl").args(args))
    }
}

fn command(folder: &Path, ports: [u16; 4], program: &str) -> Command {
    let mut command = Command::new(Path::new(PROGRAMS).join(program));
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin").env("HOME", folder);
    command
        .env("RABBITMQ_NODENAME", format!("maint{}@localhost", ports[1]))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
    for (name, path) in [
        ("RABBITMQ_MNESIA_BASE", "data"),
        ("RABBITMQ_LOG_BASE", "logs"),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
        ("RABBITMQ_CONFIG_FILE", "rabbitmq"),
    ] {
        command.env(name, folder.join(path));
    }
    command.env("RABBITMQ_DIST_PORT", ports[2].to_string()).env("ERL_EPMD_PORT", ports[3].to_string());
    command
}
