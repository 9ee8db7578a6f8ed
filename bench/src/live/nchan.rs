//! The peer: nginx with nchan, which keeps its events in memory.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::fan;
use crate::error::{BenchError, Doing as _};
use crate::http;
use crate::origin::free_port;
use crate::process::Service;

/// A running nginx with nchan.
pub(crate) struct Nchan {
    pub(crate) address: SocketAddr,
    service: Service,
}

impl Nchan {
    /// Starts it, with one worker: all subscribers are its own, and the client has the other core.
    pub(crate) fn start(work: &Path) -> Result<Self, BenchError> {
        let port = free_port()?;
        let folder = work.join("nchan");
        fs::create_dir_all(&folder).doing("cannot make nchan's folder")?;
        let folder = folder.canonicalize().doing("cannot find nchan's folder")?;
        let config_file = folder.join("nginx.conf");
        fs::write(&config_file, config(port, &folder)).doing("cannot write nchan's config")?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(config_file).stdout(Stdio::null()).stderr(Stdio::null());
        let mut service = Service::start(&mut command, "nginx with nchan")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let deadline = Instant::now() + Duration::from_secs(10);
        while http::get(address, "/status").is_err() {
            if service.has_ended() || Instant::now() > deadline {
                let detail = "does not come up".to_owned();
                return Err(BenchError::Contestant { who: "nginx with nchan", detail });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { address, service })
    }

    pub(crate) fn cpu_s(&self) -> Result<f64, BenchError> {
        self.service.cpu_s()
    }
}

/// Publishes so many events over one connection: as fast as they are taken, or at `pause` one after the other.
pub(crate) fn publish(
    address: SocketAddr,
    events: usize,
    bytes: usize,
    pause: Option<Duration>,
) -> Result<(), BenchError> {
    let mut socket = TcpStream::connect(address).doing("cannot connect to publish")?;
    socket.set_nodelay(true).doing("cannot set up a socket")?;
    let mut answers = BufReader::new(socket.try_clone().doing("cannot share a socket")?);
    let started = Instant::now();
    let mut due = started;
    for _ in 0..events {
        if let Some(pause) = pause {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due += pause;
        }
        let body = fan::payload(bytes);
        let head = format!("POST /pub HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len());
        socket.write_all(format!("{head}{body}").as_bytes()).doing("cannot publish")?;
        read_answer(&mut answers)?;
    }
    Ok(())
}

fn read_answer(answers: &mut BufReader<TcpStream>) -> Result<(), BenchError> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        answers.read_line(&mut line).doing("cannot read the answer to an event")?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body).doing("cannot read the answer to an event")
}

fn config(port: u16, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 512m;
    server {{
        listen 127.0.0.1:{port} backlog=16384;
        location = /status {{ stub_status; }}
        location = /pub {{
            nchan_publisher;
            nchan_channel_id bench;
            nchan_message_buffer_length 100000;
            nchan_message_timeout 10m;
        }}
        location = /sub {{
            nchan_subscriber eventsource;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"
    )
}
