//! Connections: taken in, kept within limits, and let go when a signal ends the server.

mod connection;
mod crowd;
mod line;

use super::gate::{Ends, Guarded};
use crate::world::sockets::Socket;
use crowd::Crowd;
use line::Stream;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

/// How long what is being answered may take when the server ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long it waits when the system has no further connection to give.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it complains of that.
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(60);

/// Where connections come from.
#[derive(Debug)]
enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl TryFrom<Socket> for Door {
    type Error = io::Error;
    fn try_from(socket: Socket) -> io::Result<Door> {
        match socket {
            Socket::Tcp(socket) => TcpListener::from_std(socket).map(Door::Tcp),
            Socket::Unix(socket) => UnixListener::from_std(socket).map(Door::Unix),
        }
    }
}

impl Door {
    async fn accept(&self) -> io::Result<(Stream, Ends)> {
        match self {
            Door::Tcp(door) => {
                let (stream, peer) = door.accept().await?;
                stream.set_nodelay(true)?;
                let own = stream.local_addr()?;
                Ok((Stream::Tcp(stream), Ends { peer: Some(peer.ip()), own: Some(own.ip()) }))
            }
            Door::Unix(door) => {
                let (stream, _) = door.accept().await?;
                Ok((Stream::Unix(stream), Ends::default()))
            }
        }
    }
}

/// Serves until SIGTERM or SIGINT, and then lets what is being answered come to its end.
pub(super) async fn serve(routes: Guarded, sockets: Vec<Socket>) -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (routes, crowd) = (Arc::new(routes), Arc::new(Crowd::default()));
    let mut doors = Vec::new();
    for socket in sockets {
        let door = Door::try_from(socket)?;
        let (routes, crowd) = (Arc::clone(&routes), Arc::clone(&crowd));
        doors.push(tokio::spawn(async move { let_in(&door, &routes, &crowd).await }));
    }
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    doors.iter().for_each(tokio::task::JoinHandle::abort);
    for door in doors {
        // Its socket is closed when it has ended.
        let _ = door.await;
    }
    crowd.say_farewell();
    let _ = timeout(FAREWELL, crowd.is_empty()).await;
    Ok(())
}

/// Takes in whoever comes; no error ends that.
async fn let_in(door: &Door, routes: &Arc<Guarded>, crowd: &Arc<Crowd>) {
    let mut complained: Option<Instant> = None;
    loop {
        match door.accept().await {
            Ok((stream, ends)) => welcome(stream, ends, routes, crowd),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() > BETWEEN_COMPLAINTS) {
                    let why = crate::error::plain(&error.to_string());
                    log::warn!("no connection can be taken in: {why}");
                    complained = Some(Instant::now());
                }
                crowd.send_one_away();
                sleep(PAUSE).await;
            }
        }
    }
}

/// Serves a connection, when there is room for one.
fn welcome(stream: Stream, ends: Ends, routes: &Arc<Guarded>, crowd: &Arc<Crowd>) {
    // Somebody else on this machine may be a proxy, who speaks for many.
    let address = ends.peer.filter(|_| !ends.are_local());
    if let Some(place) = crowd.join(address) {
        tokio::spawn(connection::serve(stream, ends, Arc::clone(routes), place));
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted].contains(&error.kind())
}
