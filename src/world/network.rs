//! Machines: the name of this one, and whether somebody answers at another.

use crate::error::plain;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::channel;
use std::time::Duration;

/// The name of this machine.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// Connects to a port and hangs up; the error is in the words of the system. `patience` holds for the look-up of
/// the name too.
pub(crate) fn answers(host: &str, port: u16, patience: Duration) -> Result<(), String> {
    let (sender, receiver) = channel();
    let host = host.to_owned();
    // A name server that is silent can only be left behind, with the thread that waits for it.
    std::thread::spawn(move || sender.send(connect(&host, port, patience)));
    receiver.recv_timeout(patience).unwrap_or_else(|_| Err("no answer".to_owned()))
}

fn connect(host: &str, port: u16, patience: Duration) -> Result<(), String> {
    let words = |error: std::io::Error| plain(&error.to_string());
    let mut last = Err("the name has no address".to_owned());
    for address in (host, port).to_socket_addrs().map_err(words)? {
        last = TcpStream::connect_timeout(&address, patience).map(drop).map_err(words);
        if last.is_ok() {
            break;
        }
    }
    last
}
