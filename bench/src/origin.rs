//! The origin: nginx with one worker, no log, and a paced copy of the site that answers a thousand pages a second.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{BenchError, Doing as _};
use crate::http;
use crate::process::Service;

/// Pages a second below `/paced/`.
pub(crate) const PACED_RATE: usize = 1_000;

/// A running nginx.
pub(crate) struct Origin {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _service: Service,
}

impl Origin {
    /// Starts nginx over the site below `work`.
    pub(crate) fn start(work: &Path) -> Result<Self, BenchError> {
        let port = free_port()?;
        let folder = work.join("nginx");
        fs::create_dir_all(&folder).doing("cannot make nginx's folder")?;
        let folder = folder.canonicalize().doing("cannot find nginx's folder")?;
        let site = work.join("site").canonicalize().doing("cannot find the site")?;
        fs::write(folder.join("nginx.conf"), config(port, &folder, &site))
            .doing("cannot write nginx's config")?;
        let mut service = Service::start(
            Command::new("nginx")
                .arg("-p")
                .arg(&folder)
                .arg("-c")
                .arg(folder.join("nginx.conf"))
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
            "nginx",
        )?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let deadline = Instant::now() + Duration::from_secs(10);
        while http::get(address, "/status").is_err() {
            if service.has_ended() || Instant::now() > deadline {
                return Err(BenchError::Contestant { who: "nginx", detail: "does not come up".to_owned() });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { address, _service: service })
    }

    /// Requests that nginx has begun since its start, this one not counted.
    pub(crate) fn requests(&self) -> Result<u64, BenchError> {
        let (_, body) = http::get(self.address, "/status")?;
        let text = String::from_utf8_lossy(&body).into_owned();
        // Third line of the page: connections accepted, handled, and requests.
        text.lines()
            .nth(2)
            .and_then(|line| line.split_whitespace().nth(2))
            .and_then(|count| count.parse::<u64>().ok())
            .map(|count| count.saturating_sub(1))
            .ok_or_else(|| BenchError::Contestant {
                who: "nginx",
                detail: format!("odd status page: {text:?}"),
            })
    }

    /// The absolute URL of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A port that nobody holds at the moment.
pub(crate) fn free_port() -> Result<u16, BenchError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("cannot find a free port")?;
    Ok(listener.local_addr().doing("cannot find a free port")?.port())
}

fn config(port: u16, folder: &Path, site: &Path) -> String {
    let folder = folder.display();
    let site = site.display();
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 10000000;
    open_file_cache max=20000 inactive=600s;
    open_file_cache_valid 600s;
    default_type text/html;
    types {{ text/html html; }}
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_req_zone $server_port zone=paced:1m rate={PACED_RATE}r/s;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {site};
        location = /status {{ stub_status; }}
        location /paced/ {{
            alias {site}/;
            limit_req zone=paced burst=100000;
        }}
    }}
}}
"
    )
}
