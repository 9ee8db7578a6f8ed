//! Jobs: made, looked at, watched, ended.

use http::Method;
use pagewire_types::{AcceptedJob, JobDone, JobList, JobProgress, JobReply};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::client::{Body, Client};
use crate::error::ClientError;
use crate::event::{parse, raw};
use crate::frames::{Frames, Source};
use crate::sse::Frame;

/// Which jobs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// Only those in this state.
    pub status: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which events of a job are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// The counters and the end.
    Counters,
    /// Its records too.
    Records,
}

/// One event of a job. What has an id is a record, and is what watching is resumed after.
#[derive(Debug, Clone)]
pub enum JobEvent {
    /// A URL became a page.
    Page {
        /// Its position in the job.
        id: String,
        /// The page envelope, unread.
        data: Box<RawValue>,
    },
    /// A URL failed for good.
    Error {
        /// Its position in the job.
        id: String,
        /// The error record, unread.
        data: Box<RawValue>,
    },
    /// How far the job is.
    Progress(JobProgress),
    /// The job has ended; nothing follows.
    Done(JobDone),
}

/// The events of one job. Each record comes once; a dropped connection is taken up after the last one.
#[derive(Debug)]
pub struct JobEvents {
    frames: Frames,
    finished: bool,
}

impl Client {
    /// Makes a job. The body is what `POST /v1/jobs` takes. With an idempotency key, a request whose answer was lost is
    /// sent again, and makes one job all the same.
    pub async fn create_job<B: Serialize + ?Sized>(
        &self,
        body: &B,
        idempotency_key: Option<&str>,
    ) -> Result<AcceptedJob, ClientError> {
        self.ask("/v1/jobs", Body::json(body)?, idempotency_key, "the accepted job").await
    }

    /// A job, and the links to its files, made anew.
    pub async fn job(&self, id: &str) -> Result<JobReply, ClientError> {
        self.tell(Method::GET, &job_path(id)?, "the job").await
    }

    /// The jobs of the workspace, newest first.
    pub async fn jobs(&self, query: &JobQuery) -> Result<JobList, ClientError> {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        let limit = query.limit.map(|limit| limit.to_string());
        let given = [("status", &query.status), ("limit", &limit), ("cursor", &query.cursor)];
        for (name, value) in given {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        self.tell(Method::GET, &format!("/v1/jobs?{}", pairs.finish()), "the list of jobs").await
    }

    /// Ends a job: what is under way finishes, and what is done becomes files.
    pub async fn cancel_job(&self, id: &str) -> Result<JobReply, ClientError> {
        self.tell(Method::DELETE, &job_path(id)?, "the job").await
    }

    /// Makes a job of the URLs of an ended one that failed. With an idempotency key, as [`Client::create_job`].
    pub async fn retry_job(
        &self,
        id: &str,
        idempotency_key: Option<&str>,
    ) -> Result<AcceptedJob, ClientError> {
        let path = format!("{}/retry", job_path(id)?);
        self.ask(&path, Body::default(), idempotency_key, "the accepted job").await
    }

    /// Makes a job that reads the archived pages of an ended one, in the words of the body. With an idempotency key, as
    /// [`Client::create_job`].
    pub async fn reextract_job(
        &self,
        id: &str,
        body: &(impl Serialize + ?Sized),
        idempotency_key: Option<&str>,
    ) -> Result<AcceptedJob, ClientError> {
        let path = format!("{}/reextract", job_path(id)?);
        self.ask(&path, Body::json(body)?, idempotency_key, "the accepted job").await
    }

    /// Reads along with a job, from its start or after the record of that id.
    pub fn watch_job(
        &self,
        id: &str,
        watch: Watch,
        last_event_id: Option<String>,
    ) -> Result<JobEvents, ClientError> {
        let query = match watch {
            Watch::Counters => "?include=progress,done",
            Watch::Records => "",
        };
        let path = format!("{}/stream{query}", job_path(id)?);
        let source = Source { method: Method::GET, path, what: format!("the events of {id}") };
        Ok(JobEvents { frames: Frames::new(self.clone(), source, last_event_id, None), finished: false })
    }
}

impl JobEvents {
    /// The next event. After `done`, or an error that no further attempt can heal, there is none.
    ///
    /// Dropping the future before it is done loses no event.
    pub async fn next(&mut self) -> Option<Result<JobEvent, ClientError>> {
        while !self.finished {
            match self.frames.next().await.and_then(JobEvent::of) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    self.finished = matches!(event, JobEvent::Done(_));
                    return Some(Ok(event));
                }
                Err(error) => {
                    self.finished = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl JobEvent {
    /// `None` for events that this version does not know.
    fn of(frame: Frame) -> Result<Option<Self>, ClientError> {
        let Frame { event, data, id } = frame;
        Ok(Some(match event.as_str() {
            "page" => Self::Page { id: id.unwrap_or_default(), data: raw(data)? },
            "error" => Self::Error { id: id.unwrap_or_default(), data: raw(data)? },
            "progress" => Self::Progress(parse(&data, "a progress event")?),
            "done" => Self::Done(parse(&data, "the done event")?),
            _ => return Ok(None),
        }))
    }
}

/// An id comes from whoever calls, and must not lead anywhere else.
pub(crate) fn job_path(id: &str) -> Result<String, ClientError> {
    path_of("/v1/jobs", id)
}

pub(crate) fn path_of(collection: &str, id: &str) -> Result<String, ClientError> {
    // With a dot at its beginning it could be a step in a path.
    let plain = id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if plain { Ok(format!("{collection}/{id}")) } else { Err(ClientError::Id(id.chars().take(80).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_step_of_a_path_and_no_other() {
        assert_eq!(path_of("/v1/sources", "news.town-1_a").expect("an id"), "/v1/sources/news.town-1_a");
        for id in ["", ".", "..", ".a", "-a", "a/b", "a?b", "a#b", "a%2e", "é"] {
            assert!(matches!(path_of("/v1/sources", id), Err(ClientError::Id(_))), "{id}");
        }
    }
}
