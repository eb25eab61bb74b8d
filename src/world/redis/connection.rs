//! One connection to a Redis. An answer is waited for so long at most, however slowly it comes, and it has a limit.

use super::address::Place;
use crate::world::stop::Stop;
use redis::{ConnectionLike, Parser, RedisResult, Value};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often it is looked whether the run has to end.
const STEP: Duration = Duration::from_millis(50);
/// What is left for an answer when the run has to end.
const LAST: Duration = Duration::from_secs(1);
/// The largest answer.
const LARGEST: usize = 64 << 20;
/// The words of an answer beyond that.
pub(super) const TOO_LARGE: &str = "the answer is too large";

/// One connection.
pub(super) struct Connection {
    stream: Stream,
    parser: Parser,
    timeout: Duration,
    stop: Stop,
    is_open: bool,
}

enum Stream {
    Tcp(TcpStream),
    Socket(UnixStream),
}

impl Connection {
    /// Calls a server. One that does not take the call can only be left behind, with the thread that waits for it.
    pub(super) fn open(place: &Place, timeout: Duration, stop: Stop) -> io::Result<Connection> {
        let patience = Patience::begin(timeout);
        let (sender, receiver) = channel();
        let place = place.clone();
        let call = move || drop(sender.send(connect(&place, timeout)));
        std::thread::Builder::new().spawn(call)?;
        let stream = loop {
            match receiver.recv_timeout(STEP) {
                Ok(answer) => break answer?,
                Err(RecvTimeoutError::Timeout) => patience.check(&stop)?,
                Err(RecvTimeoutError::Disconnected) => return Err(ErrorKind::NotConnected.into()),
            }
        };
        Ok(Connection { stream, parser: Parser::new(), timeout, stop, is_open: true })
    }

    fn exchange(&mut self, commands: &[u8], answers: usize) -> RedisResult<Vec<Value>> {
        if !self.is_open {
            return Err(io::Error::from(ErrorKind::NotConnected).into());
        }
        let Connection { stream, parser, timeout, stop, .. } = self;
        let patience = Patience::begin(*timeout);
        let mut patient = Patient { stream, patience, stop, left: LARGEST };
        // What is left unread after a failure would be taken for the next answer.
        self.is_open = false;
        patient.write_all(commands)?;
        let read = (0..answers).map(|_| parser.parse_value(&mut patient));
        let values = read.collect::<RedisResult<Vec<Value>>>()?;
        self.is_open = true;
        Ok(values)
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        Ok(self.exchange(command, 1)?.pop().unwrap_or(Value::Nil))
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        Ok(self.exchange(commands, offset + count)?.split_off(offset))
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        self.is_open
    }

    fn is_open(&self) -> bool {
        self.is_open
    }
}

fn connect(place: &Place, timeout: Duration) -> io::Result<Stream> {
    let stream = match place {
        Place::Socket(path) => Stream::Socket(UnixStream::connect(path)?),
        Place::Tcp { host, port } => {
            let mut result = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
            for address in (host.as_str(), *port).to_socket_addrs()? {
                result = TcpStream::connect_timeout(&address, timeout);
                if result.is_ok() {
                    break;
                }
            }
            let stream = result?;
            stream.set_nodelay(true)?;
            Stream::Tcp(stream)
        }
    };
    match &stream {
        Stream::Tcp(tcp) => {
            tcp.set_read_timeout(Some(STEP))?;
            tcp.set_write_timeout(Some(STEP))?;
        }
        Stream::Socket(socket) => {
            socket.set_read_timeout(Some(STEP))?;
            socket.set_write_timeout(Some(STEP))?;
        }
    }
    Ok(stream)
}

/// How long something has been waited for.
#[derive(Clone, Copy)]
struct Patience {
    begun: Instant,
    longest: Duration,
}

impl Patience {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn begin(longest: Duration) -> Patience {
        Patience { begun: Instant::now(), longest }
    }

    fn check(self, stop: &Stop) -> io::Result<()> {
        let longest = if stop.reason().is_some() { self.longest.min(LAST) } else { self.longest };
        if self.begun.elapsed() < longest { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
    }
}

/// A stream whose patience ends.
struct Patient<'a> {
    stream: &'a mut Stream,
    patience: Patience,
    stop: &'a Stop,
    left: usize,
}

impl Patient<'_> {
    fn retry(&mut self, mut attempt: impl FnMut(&mut Stream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            self.patience.check(self.stop)?;
            match attempt(self.stream) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.retry(|stream| match stream {
            Stream::Tcp(tcp) => tcp.read(buffer),
            Stream::Socket(socket) => socket.read(buffer),
        })?;
        self.left =
            self.left.checked_sub(read).ok_or_else(|| io::Error::new(ErrorKind::FileTooLarge, TOO_LARGE))?;
        Ok(read)
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(|stream| match stream {
            Stream::Tcp(tcp) => tcp.write(bytes),
            Stream::Socket(socket) => socket.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::{ErrorKind as Kind, cmd};
    use std::os::unix::net::UnixListener;

    /// What becomes of a PING to a server that does so.
    fn ping(serve: impl FnOnce(&mut UnixStream) + Send + 'static) -> RedisResult<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 64]);
            serve(&mut stream);
        });
        let place = Place::Socket(path);
        let mut connection = Connection::open(&place, Duration::from_millis(300), Stop::default()).unwrap();
        let answer = cmd("PING").query(&mut connection);
        assert_eq!(connection.is_open(), answer.is_ok());
        if answer.is_err() {
            assert!(cmd("PING").query::<String>(&mut connection).is_err(), "what is left unread is not read");
        }
        drop(connection);
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_is_read_however_it_is_cut() {
        let answer = ping(|stream| {
            for byte in b"$4\r\nPONG\r\n" {
                stream.write_all(&[*byte]).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        assert_eq!(answer.unwrap(), "PONG");
    }

    #[test]
    fn silence_drops_and_garbage_end_in_time() {
        let silence = ping(|_| std::thread::sleep(Duration::from_millis(600)));
        assert!(silence.unwrap_err().is_timeout());
        let drops = ping(|stream| {
            let _ = stream.write_all(b"+");
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        assert!(drops.unwrap_err().is_timeout());
        let garbage = ping(|stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
        assert_eq!(garbage.unwrap_err().kind(), Kind::Parse);
        assert!(ping(|_| {}).unwrap_err().is_connection_dropped());
    }

    #[test]
    fn an_endless_answer_is_left() {
        let endless = ping(|stream| {
            let _ = stream.write_all(b"$999999999\r\n");
            while stream.write_all(&[b'x'; 1 << 12]).is_ok() {}
        });
        let error = endless.unwrap_err();
        assert!(error.is_timeout() || error.to_string() == TOO_LARGE, "{error}");
    }
}
