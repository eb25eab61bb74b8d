//! Where the server listens: at an address, on a socket in the file system, or where systemd listened before it.
//!
//! Such a socket belongs to the server, not to the site: no plan has it, and nothing but the server needs it.

use crate::config::serve::Listen;
use crate::error::{Problem, one_line, plain_errno};
use crate::text;
use anyhow::{Context as _, Result};
use listenfd::ListenFd;
use rustix::fs::{FileType, Mode, chmod, lstat, unlink};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Somewhere to listen.
#[derive(Debug)]
pub(crate) enum Socket {
    /// At an address.
    Tcp(TcpListener),
    /// In the file system.
    Unix(UnixListener),
}

/// Everywhere the server listens.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// Each of them.
    pub(crate) all: Vec<Socket>,
    /// The one that the server has made in the file system, and has to remove.
    pub(crate) own: Option<PathBuf>,
}

impl Sockets {
    /// Those that systemd hands over, else the one of the configuration.
    pub(crate) fn open(listen: &Listen) -> Result<Sockets> {
        let handed = from_systemd()?;
        let sockets = match listen {
            _ if !handed.is_empty() => Sockets { all: handed, own: None },
            Listen::Tcp(address) => Sockets { all: vec![at(*address)?], own: None },
            Listen::Unix(path) => Sockets { all: vec![in_file_system(path)?], own: Some(path.clone()) },
        };
        for socket in &sockets.all {
            match socket {
                Socket::Tcp(socket) => socket.set_nonblocking(true),
                Socket::Unix(socket) => socket.set_nonblocking(true),
            }
            .context("cannot listen without waiting")?;
        }
        Ok(sockets)
    }
}

/// Removes the server's own socket when nobody listens there any more. Failing that, the next start would do it.
pub(crate) fn remove(path: &Path) {
    if is_socket(path) && UnixStream::connect(path).is_err() {
        let _ = unlink(path);
    }
}

impl Socket {
    /// True when other machines can reach it.
    pub(crate) fn is_public(&self) -> bool {
        match self {
            Socket::Tcp(socket) => socket.local_addr().is_ok_and(|address| !address.ip().is_loopback()),
            Socket::Unix(_) => false,
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Socket::Tcp(socket) => match socket.local_addr() {
                Ok(address) => write!(f, "http://{address}"),
                Err(_) => write!(f, "a socket"),
            },
            Socket::Unix(socket) => {
                let address = socket.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                write!(f, "unix:{}", path.map(text::path).unwrap_or_default())
            }
        }
    }
}

fn from_systemd() -> Result<Vec<Socket>> {
    let mut handed = ListenFd::from_env();
    let count = handed.len();
    let take = |index| match handed.take_tcp_listener(index) {
        Ok(socket) => Ok(socket.map(Socket::Tcp)),
        Err(_) => handed.take_unix_listener(index).map(|socket| socket.map(Socket::Unix)),
    };
    let taken: io::Result<Vec<Option<Socket>>> = (0..count).map(take).collect();
    let taken = taken.map_err(|_| {
        Problem::usage(
            "a socket that systemd hands over is no stream; write `ListenStream=` in the .socket unit",
        )
    })?;
    Ok(taken.into_iter().flatten().collect())
}

fn at(address: SocketAddr) -> Result<Socket> {
    TcpListener::bind(address).map(Socket::Tcp).map_err(|error| {
        let cure = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there; end it, or choose another with --listen"
            }
            io::ErrorKind::PermissionDenied => {
                "a port below 1024 is root's; choose another, or let systemd listen"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address; correct `listen` of [serve]"
            }
            _ => "correct `listen` of [serve], or choose another with --listen",
        };
        let why = one_line(&error.into());
        Problem::usage(format!("cannot listen on {address}: {why}; {cure}"))
    })
}

fn in_file_system(path: &Path) -> Result<Socket> {
    let shown = text::path(path).into_owned();
    remove_dead(path)?;
    let cannot = |why: String| {
        Problem::usage(format!("cannot listen on unix:{shown}: {why}; correct `listen` of [serve]"))
    };
    let socket = UnixListener::bind(path).map_err(|error| cannot(one_line(&error.into())))?;
    // Its group is how a proxy may reach it.
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP;
    chmod(path, mode).map_err(|errno| cannot(plain_errno(errno)))?;
    Ok(Socket::Unix(socket))
}

/// Removes what a server has left that was killed; never anything else, nor the socket of a living one.
fn remove_dead(path: &Path) -> Result<()> {
    let shown = text::path(path);
    match lstat(path) {
        Err(Errno::NOENT) => return Ok(()),
        Ok(_) if is_socket(path) => {}
        Ok(_) => {
            return Err(Problem::usage(format!(
                "{shown} is there and is no socket; name another path in `listen`"
            )));
        }
        Err(errno) => {
            let why = plain_errno(errno);
            return Err(Problem::usage(format!(
                "cannot listen on unix:{shown}: {why}; correct `listen` of [serve]"
            )));
        }
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => unlink(path).map_err(|errno| {
            let why = plain_errno(errno);
            Problem::usage(format!("{shown} is left from another server and cannot be removed: {why}"))
        }),
        _ => Err(Problem::usage(format!(
            "another program listens on unix:{shown}; end it, or choose another with --listen"
        ))),
    }
}

fn is_socket(path: &Path) -> bool {
    lstat(path).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Socket)
}
