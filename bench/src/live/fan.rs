//! Subscribers: thousands of connections to one event stream, read by one thread that does next to nothing but count.
//!
//! Each event carries one mark, a byte that stands nowhere else on the wire, and behind it the microsecond at which it was
//! sent. So deliveries are counted alike for all contestants, whatever their frames look like.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::fd::OwnedFd;

use crate::error::{BenchError, Doing as _};

/// Stands before the time in each event, and nowhere else.
pub(crate) const MARK: u8 = b'~';
/// Digits of the time.
const DIGITS: usize = 12;
/// Read at once from one connection.
const BUFFER_BYTES: usize = 256 * 1024;
/// Silence for so long means that a contestant hangs.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Microseconds since the bench first asked.
pub(crate) fn now_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// An event's text of so many bytes, sent now.
pub(crate) fn payload(bytes: usize) -> String {
    let mut text = format!("{}{:0DIGITS$}", char::from(MARK), now_us());
    text.extend(std::iter::repeat_n('x', bytes.saturating_sub(text.len())));
    text
}

/// Connections to one event stream.
pub(crate) struct Subscribers {
    epoll: OwnedFd,
    sockets: Vec<TcpStream>,
}

/// What came.
#[derive(Default)]
pub(crate) struct Taken {
    /// Events, over all subscribers.
    pub(crate) deliveries: u64,
    /// Microseconds from sending to reading, of each whose time was read whole.
    pub(crate) latencies_us: Vec<u32>,
    /// Until the last came.
    pub(crate) seconds: f64,
}

impl Subscribers {
    /// Connects so many, one of `paths` each in turn, and waits until each has its answer's head.
    pub(crate) fn connect(
        address: SocketAddr,
        paths: &[String],
        headers: &str,
        count: usize,
    ) -> Result<Self, BenchError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(io::Error::from);
        let epoll = epoll.doing("cannot make an epoll")?;
        let mut sockets = Vec::with_capacity(count);
        for number in 0..count {
            let path = &paths[number % paths.len()];
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n{headers}\r\n"
            );
            let mut socket = TcpStream::connect(address).doing("cannot connect a subscriber")?;
            socket.write_all(request.as_bytes()).doing("cannot send a request")?;
            read_head(&mut socket)?;
            socket.set_nonblocking(true).doing("cannot set up a socket")?;
            epoll::add(&epoll, &socket, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)
                .map_err(io::Error::from)
                .doing("cannot watch a socket")?;
            sockets.push(socket);
        }
        Ok(Self { epoll, sockets })
    }

    /// Reads until so many deliveries have come.
    pub(crate) fn take(&mut self, deliveries: u64) -> Result<Taken, BenchError> {
        let started = Instant::now();
        let mut taken = Taken::default();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut ready = Vec::with_capacity(1_024);
        while taken.deliveries < deliveries {
            ready.clear();
            let timeout = rustix::event::Timespec { tv_sec: SILENCE_MAX.as_secs() as i64, tv_nsec: 0 };
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), Some(&timeout))
                .map_err(io::Error::from)
                .doing("cannot wait for events")?;
            if ready.is_empty() {
                let detail = format!("silent after {} of {deliveries} deliveries", taken.deliveries);
                return Err(BenchError::Contestant { who: "an event stream", detail });
            }
            let now = now_us();
            for event in &ready {
                let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                let Some(socket) = self.sockets.get_mut(number) else { continue };
                match socket.read(&mut buffer) {
                    Ok(0) => {
                        let detail = "closed a subscriber's connection".to_owned();
                        return Err(BenchError::Contestant { who: "an event stream", detail });
                    }
                    Ok(read) => count(&buffer[..read], now, &mut taken),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error).doing("cannot read a subscriber's connection"),
                }
            }
        }
        taken.seconds = started.elapsed().as_secs_f64();
        Ok(taken)
    }
}

/// Takes the answer's head and nothing behind it: events that come with it are to be counted.
fn read_head(socket: &mut TcpStream) -> Result<(), BenchError> {
    socket.set_read_timeout(Some(SILENCE_MAX)).doing("cannot set up a socket")?;
    let (mut head, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let seen = socket.peek(&mut piece).doing("cannot read a head")?;
        if seen == 0 || head.len() > 64 * 1024 {
            let detail = "no head to an event stream".to_owned();
            return Err(BenchError::Contestant { who: "an event stream", detail });
        }
        let before = head.len();
        head.extend_from_slice(&piece[..seen]);
        let end = memchr::memmem::find(&head, b"\r\n\r\n").map(|at| at + 4);
        head.truncate(end.unwrap_or(head.len()));
        socket.read_exact(&mut piece[..head.len() - before]).doing("cannot read a head")?;
        if end.is_some() {
            break;
        }
    }
    if head.starts_with(b"HTTP/1.1 200") {
        return Ok(());
    }
    let detail = String::from_utf8_lossy(&head).chars().take(400).collect();
    Err(BenchError::Contestant { who: "an event stream", detail })
}

fn count(bytes: &[u8], now: u64, taken: &mut Taken) {
    for at in memchr::memchr_iter(MARK, bytes) {
        taken.deliveries += 1;
        let digits = bytes.get(at + 1..at + 1 + DIGITS).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(sent) = digits.and_then(|digits| digits.parse::<u64>().ok()) {
            taken.latencies_us.push(u32::try_from(now.saturating_sub(sent)).unwrap_or(u32::MAX));
        }
    }
}

/// The 99th percentile, in microseconds; 0 where there is nothing.
pub(crate) fn p99(latencies_us: &mut [u32]) -> u32 {
    if latencies_us.is_empty() {
        return 0;
    }
    let at = (latencies_us.len() - 1) * 99 / 100;
    *latencies_us.select_nth_unstable(at).1
}
