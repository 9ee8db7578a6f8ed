//! Files of jobs, by the links that the server gives. A link bears its own signature: no key goes along with it.

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_RANGE, HeaderValue, RANGE, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::backoff::Backoff;
use crate::client::{AGENT, Client, no_body};
use crate::error::ClientError;

/// A file on its way, from some byte on, across as many connections as it takes.
#[derive(Debug)]
pub struct Download {
    client: Client,
    url: String,
    /// The next byte to come.
    at: u64,
    /// The file's length.
    bytes: u64,
    connection: Option<Incoming>,
    /// Bytes of the connection before that one: a server may give the whole where a part was asked for.
    skip: u64,
    backoff: Backoff,
    wait: Duration,
}

impl Client {
    /// Reads the file of that length behind a link, from the byte `from` on.
    #[must_use]
    pub fn download(&self, url: &str, from: u64, bytes: u64) -> Download {
        Download {
            client: self.clone(),
            url: url.to_owned(),
            at: from,
            bytes,
            connection: None,
            skip: 0,
            backoff: Backoff::new(self.options().retry),
            wait: Duration::ZERO,
        }
    }

    /// One attempt at the rest of a file: its bytes, and how many of them come before it.
    async fn open_at(&self, url: &str, at: u64) -> Result<(Incoming, u64), ClientError> {
        let request = Request::builder().method(Method::GET).uri(url).header(USER_AGENT, AGENT);
        let request = match at {
            0 => request,
            _ => request.header(RANGE, HeaderValue::try_from(format!("bytes={at}-")).map_err(|_| bad(url))?),
        };
        let request = request.body(no_body()).map_err(|_| bad(url))?;
        if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
            return Err(bad(url));
        }
        let answer = self.open(request).await?;
        let begins = match answer.status() {
            StatusCode::OK => Some(0),
            StatusCode::PARTIAL_CONTENT => answer.headers().get(CONTENT_RANGE).and_then(first_byte),
            _ => None,
        };
        match begins.and_then(|begins| at.checked_sub(begins)) {
            Some(skip) => Ok((answer.into_body(), skip)),
            None => {
                let what = format!("a file was asked for from byte {at} on, and {} came", answer.status());
                Err(ClientError::Unreadable { what, source: None })
            }
        }
    }
}

impl Download {
    /// The next bytes; `None` at the file's end. More bytes than the file has are an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            if self.at == self.bytes {
                return Ok(None);
            }
            match self.advance().await {
                Ok(Some(mut bytes)) => {
                    let before = self.skip.min(bytes.len() as u64);
                    self.skip -= before;
                    bytes.advance(before as usize);
                    if bytes.is_empty() {
                        continue;
                    }
                    self.at += bytes.len() as u64;
                    if self.at > self.bytes {
                        let what = format!("the file has more than its {} bytes", self.bytes);
                        return Err(ClientError::Unreadable { what, source: None });
                    }
                    self.backoff.reset();
                    return Ok(Some(bytes));
                }
                Ok(None) => self.dropped(None)?,
                Err(error) if error.passes() => self.dropped(Some(error))?,
                Err(error) => return Err(error),
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<Bytes>, ClientError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                tokio::time::sleep(self.wait).await;
                let (connection, skip) = self.client.open_at(&self.url, self.at).await?;
                self.skip = skip;
                self.connection.insert(connection)
            }
        };
        let idle = self.client.options().idle_timeout;
        let next = tokio::time::timeout(idle, connection.frame()).await;
        let Some(frame) = next.map_err(|_| ClientError::Timeout(idle))? else { return Ok(None) };
        Ok(Some(frame.map_err(ClientError::Broken)?.into_data().unwrap_or_default()))
    }

    fn dropped(&mut self, fault: Option<ClientError>) -> Result<(), ClientError> {
        self.connection = None;
        match self.backoff.failed(fault.as_ref().and_then(ClientError::retry_after)) {
            Some(wait) => {
                self.wait = wait;
                Ok(())
            }
            None => Err(ClientError::Lost {
                what: "the download".to_owned(),
                attempts: self.backoff.failures(),
                source: fault.map(Box::new),
            }),
        }
    }
}

/// Where the part begins: `bytes 5-14/1000`.
fn first_byte(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Without the link itself, which is a secret.
fn bad(url: &str) -> ClientError {
    let shown = url.split('?').next().unwrap_or_default().chars().take(200).collect();
    ClientError::Link(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_of_a_part_is_read() {
        assert_eq!(first_byte(&HeaderValue::from_static("bytes 5-14/1000")), Some(5));
        assert_eq!(first_byte(&HeaderValue::from_static("bytes 5-14/*")), Some(5));
        for other in ["bytes */1000", "rows 1-2/3", "bytes -5/9", ""] {
            assert_eq!(first_byte(&HeaderValue::from_static(other)), None, "{other}");
        }
    }
}
