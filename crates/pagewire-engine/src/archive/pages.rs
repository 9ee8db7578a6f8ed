//! A run's journal as its readers see it: what is archived with a record is not theirs.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use pagewire_journal::{
    AppendError, Appended, Fence, Journal, Limit, NewRecord, Position, Read, ReadError, SegmentJournal, Tip,
};
use tokio::sync::watch;

use super::split;

/// The journal without its archive. It takes nothing: the run itself does.
#[derive(Debug)]
pub(crate) struct Pages(pub(crate) SegmentJournal);

impl Journal for Pages {
    fn append(
        &self,
        fence: Fence,
        batch: Vec<NewRecord>,
    ) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        self.0.append(fence, batch)
    }

    fn read(&self, after: Position, limit: Limit) -> BoxFuture<'_, Result<Read, ReadError>> {
        Box::pin(async move {
            let read = self.0.read(after, limit).await?;
            Ok(match read {
                Read::Records(mut records) => {
                    for record in &mut records {
                        let parts = split(&record.body);
                        // A copy: a slice would keep the archived page for as long as anybody has the envelope.
                        record.body = match parts.warc {
                            Some(_) => Bytes::copy_from_slice(&parts.json),
                            None => parts.json,
                        };
                    }
                    Read::Records(records)
                }
                other => other,
            })
        })
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.0.tip()
    }

    fn trim(&self, through: Position) -> BoxFuture<'_, Result<(), AppendError>> {
        self.0.trim(through)
    }
}
