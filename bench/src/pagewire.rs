//! Pagewire itself: a fresh server with a fresh data directory for each measurement, so that no figure carries what the
//! one before it left behind.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{BenchError, Doing as _};
use crate::http;
use crate::process::{self, Service};

/// The server's own measurement of how long a committed record waits for its socket.
const COMMIT_TO_SOCKET: &str = "pagewire_commit_to_socket_seconds";

/// A running server.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// A key that may stream and make jobs.
    pub(crate) key: String,
    service: Service,
    data: PathBuf,
}

impl Server {
    /// Starts `binary` with an empty data directory below `work`.
    pub(crate) fn start(binary: &Path, work: &Path) -> Result<Self, BenchError> {
        Self::start_with(binary, work, &[])
    }

    /// The same with settings in its environment.
    pub(crate) fn start_with(
        binary: &Path,
        work: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Self, BenchError> {
        let data = work.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).doing("cannot remove an old data directory")?;
        }
        fs::create_dir_all(&data).doing("cannot make a data directory")?;
        let created = process::run(
            Command::new(binary)
                .args([
                    "apikey",
                    "create",
                    "--name",
                    "bench",
                    "--scopes",
                    "scrape,stream:write,stream:read,jobs:read,jobs:write,sources:read,sources:write",
                    "--data-dir",
                ])
                .arg(&data),
            "pagewire apikey create",
        )?;
        let address_file = data.join("address");
        let log = fs::File::create(work.join("pagewire.log")).doing("cannot make the server's log")?;
        let mut service = Service::start(
            Command::new(binary)
                .args(["serve", "--listen", "127.0.0.1:0", "--allow-target", "127.0.0.0/8", "--address-file"])
                .arg(&address_file)
                .arg("--data-dir")
                .arg(&data)
                .envs(environment.iter().copied())
                .stdout(Stdio::null())
                .stderr(log),
            "pagewire serve",
        )?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let address = loop {
            let told = fs::read_to_string(&address_file).ok().and_then(|text| text.trim().parse().ok());
            if let Some(address) = told
                && http::get(address, "/readyz").is_ok_and(|(status, _)| status == 200)
            {
                break address;
            }
            if service.has_ended() || Instant::now() > deadline {
                let detail =
                    "does not come up; its log is pagewire.log in the bench's work folder".to_owned();
                return Err(BenchError::Contestant { who: "pagewire serve", detail });
            }
            thread::sleep(Duration::from_millis(10));
        };
        Ok(Self { address, key: created.stdout.trim().to_owned(), service, data })
    }

    /// Sends a request with the key, and reads its answer, which is to be one of success. A body comes with its type.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<T, BenchError> {
        let text = self.ask_bytes(method, path, body)?;
        serde_json::from_slice(&text).map_err(|_| BenchError::Contestant {
            who: "pagewire serve",
            detail: format!("{method} {path}: {}", String::from_utf8_lossy(&text)),
        })
    }

    /// The same for an answer that is text, such as an event stream that ends.
    pub(crate) fn ask_text(&self, method: &str, path: &str, json: &str) -> Result<String, BenchError> {
        let text = self.ask_bytes(method, path, Some(("application/json", json.as_bytes())))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn ask_bytes(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Vec<u8>, BenchError> {
        let (content_type, body) = body.unwrap_or_default();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
            self.address, self.key
        );
        if !content_type.is_empty() {
            let _ = write!(head, "Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        let mut answer = http::send(self.address, &head, body)?;
        let mut text = Vec::new();
        while let Some(piece) = answer.next()? {
            text.extend_from_slice(piece);
        }
        let told = || BenchError::Contestant {
            who: "pagewire serve",
            detail: format!("{method} {path}: status {}: {}", answer.status, String::from_utf8_lossy(&text)),
        };
        if !(200..300).contains(&answer.status) {
            return Err(told());
        }
        Ok(text)
    }

    /// Makes a job, and tells its id.
    pub(crate) fn submit(&self, job: &Value) -> Result<String, BenchError> {
        let accepted: Value =
            self.ask("POST", "/v1/jobs", Some(("application/json", job.to_string().as_bytes())))?;
        Ok(accepted["id"].as_str().unwrap_or_default().to_owned())
    }

    /// Seconds of CPU so far.
    pub(crate) fn cpu_s(&self) -> Result<f64, BenchError> {
        self.service.cpu_s()
    }

    /// Peak memory so far, in bytes.
    pub(crate) fn peak_rss(&self) -> Result<u64, BenchError> {
        self.service.peak_rss()
    }

    /// Memory now, in bytes.
    pub(crate) fn rss(&self) -> Result<u64, BenchError> {
        self.service.rss()
    }

    /// The 99th percentile of commit to socket, in seconds, if the server tells it of at least `records` records.
    pub(crate) fn commit_to_socket_p99(&self, records: usize) -> Result<Option<f64>, BenchError> {
        let (_, body) = http::get(self.address, "/metrics")?;
        let metrics = String::from_utf8_lossy(&body);
        let counted = metrics
            .lines()
            .find_map(|line| line.strip_prefix(COMMIT_TO_SOCKET)?.strip_prefix("_count "))
            .and_then(|count| count.trim().parse::<usize>().ok());
        Ok(if counted.is_some_and(|counted| counted >= records) { p99(&metrics) } else { None })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.service.stop();
        // Should it stay, the next start removes it.
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// From a summary its quantile; from a histogram the upper bound of the bucket in which the 99th percentile lies.
fn p99(metrics: &str) -> Option<f64> {
    let lines = || metrics.lines().filter_map(|line| line.strip_prefix(COMMIT_TO_SOCKET));
    let value = |line: &str| line.rsplit(' ').next().and_then(|text| text.parse::<f64>().ok());
    let label = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    if let Some(line) = lines().find(|line| label(line, "quantile").as_deref() == Some("0.99")) {
        return value(line);
    }
    let total = lines().find(|line| line.starts_with("_count")).and_then(value)?;
    lines()
        .filter(|line| line.starts_with("_bucket"))
        .find(|line| value(line).is_some_and(|below| below >= total * 0.99))
        .and_then(|line| match label(line, "le")?.as_str() {
            "+Inf" => Some(f64::INFINITY),
            bound => bound.parse().ok(),
        })
}

#[cfg(test)]
mod tests {
    use super::p99;

    #[test]
    fn the_percentile_is_read_from_a_summary() {
        let metrics = "pagewire_commit_to_socket_seconds{quantile=\"0.99\"} 0.0042\n";
        assert_eq!(p99(metrics), Some(0.0042));
    }

    #[test]
    fn the_percentile_is_the_bound_of_its_bucket() {
        let metrics = "pagewire_commit_to_socket_seconds_bucket{le=\"0.005\"} 900\n\
            pagewire_commit_to_socket_seconds_bucket{le=\"0.01\"} 995\n\
            pagewire_commit_to_socket_seconds_bucket{le=\"+Inf\"} 1000\n\
            pagewire_commit_to_socket_seconds_count 1000\n";
        assert_eq!(p99(metrics), Some(0.01));
        assert_eq!(p99("other 1\n"), None);
    }
}
