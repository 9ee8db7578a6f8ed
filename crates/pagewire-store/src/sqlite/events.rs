//! The tables `workspace_events` and `workspace_events_dropped`.

use jiff::Timestamp;
use pagewire_types::{WebhookEvent, WorkspaceId};
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::watch;

use super::SqliteStore;
use super::row::{micros, mode, mode_text, parsed, signed, timestamp, unsigned};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::events::{EventRead, EventRow, Events};
use crate::state::keys::KeyMode;

/// An event to be written.
pub(super) struct NewEvent<'a> {
    pub(super) workspace: &'a str,
    pub(super) mode: KeyMode,
    pub(super) kind: WebhookEvent,
    pub(super) subject: &'a str,
    pub(super) at: Timestamp,
    pub(super) data: String,
}

/// Writes an event within the transaction of what it tells of. Gives its position, for [`SqliteStore::commit_events`].
pub(super) async fn append_in(
    transaction: &mut Transaction<'static, Sqlite>,
    event: NewEvent<'_>,
) -> Result<u64, StoreError> {
    let position: i64 = sqlx::query_scalar(
        "INSERT INTO workspace_events (workspace, mode, kind, subject, at, data) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING position",
    )
    .bind(event.workspace)
    .bind(mode_text(event.mode))
    .bind(event.kind.as_str())
    .bind(event.subject)
    .bind(micros(event.at))
    .bind(event.data)
    .fetch_one(&mut **transaction)
    .await?;
    unsigned(position)
}

/// The newest position that was given, whether or not its event is still held.
pub(super) async fn newest_position(pool: &SqlitePool) -> Result<u64, StoreError> {
    let newest: Option<i64> =
        sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'workspace_events'")
            .fetch_optional(pool)
            .await?;
    unsigned(newest.unwrap_or(0))
}

impl SqliteStore {
    /// Commits, and wakes readers where events were appended: the newest of their positions is given.
    pub(super) async fn commit_events(
        &self,
        transaction: Transaction<'static, Sqlite>,
        newest: Option<u64>,
    ) -> Result<(), StoreError> {
        transaction.commit().await?;
        if let Some(position) = newest {
            self.wake_readers(position);
        }
        Ok(())
    }

    fn wake_readers(&self, newest: u64) {
        self.events_moved.send_if_modified(|known| {
            let moved = *known < newest;
            *known = newest.max(*known);
            moved
        });
    }
}

#[derive(sqlx::FromRow)]
struct StoredEvent {
    position: i64,
    workspace: String,
    mode: String,
    kind: String,
    subject: String,
    at: i64,
    data: String,
}

impl StoredEvent {
    fn read(self) -> Result<EventRow, StoreError> {
        Ok(EventRow {
            position: unsigned(self.position)?,
            workspace: parsed(&self.workspace, "a workspace id")?,
            mode: mode(&self.mode)?,
            kind: WebhookEvent::parse(&self.kind).ok_or(StoreError::damaged("the kind of an event"))?,
            subject: self.subject,
            at: timestamp(self.at)?,
            data: self.data,
        })
    }
}

impl Events for SqliteStore {
    fn events_after(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        after: u64,
        limit: u32,
    ) -> Answer<'_, EventRead> {
        Box::pin(async move {
            let rows: Vec<StoredEvent> = sqlx::query_as(
                "SELECT * FROM workspace_events WHERE workspace = $1 AND mode = $2 AND position > $3 \
                 ORDER BY position LIMIT $4",
            )
            .bind(workspace.as_str())
            .bind(mode_text(mode))
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
            // Looked at after the rows: what was dropped before they were read is known here.
            let dropped: Option<(i64, Option<i64>)> = sqlx::query_as(
                "SELECT through, (SELECT MIN(position) FROM workspace_events WHERE workspace = $1) \
                 FROM workspace_events_dropped WHERE workspace = $1 AND through > $2",
            )
            .bind(workspace.as_str())
            .bind(signed(after))
            .fetch_optional(&self.readers)
            .await?;
            if let Some((through, oldest)) = dropped {
                return Ok(EventRead::Expired { oldest: unsigned(oldest.unwrap_or(through + 1))? });
            }
            if rows.is_empty() {
                let tip = newest_position(&self.readers).await?;
                if after > tip {
                    return Ok(EventRead::PastTip { tip });
                }
            }
            Ok(EventRead::Events(rows.into_iter().map(StoredEvent::read).collect::<Result<_, _>>()?))
        })
    }

    fn events_after_all(&self, after: u64, limit: u32) -> Answer<'_, Vec<EventRow>> {
        Box::pin(async move {
            let rows: Vec<StoredEvent> = sqlx::query_as(
                "SELECT * FROM workspace_events WHERE position > $1 ORDER BY position LIMIT $2",
            )
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
            rows.into_iter().map(StoredEvent::read).collect()
        })
    }

    fn event_tip(&self) -> Answer<'_, u64> {
        Box::pin(async move {
            let newest = newest_position(&self.readers).await?;
            self.wake_readers(newest);
            Ok(newest)
        })
    }

    fn events_moved(&self) -> watch::Receiver<u64> {
        self.events_moved.subscribe()
    }

    fn trim_events(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            // A clock that was set back must leave no hole: what is dropped is a beginning of the journal.
            let through: Option<i64> = sqlx::query_scalar(
                "SELECT MAX(position) FROM (SELECT position FROM workspace_events WHERE position < \
                 COALESCE((SELECT MIN(position) FROM workspace_events WHERE at >= $1), 9223372036854775807) \
                 ORDER BY position LIMIT $2)",
            )
            .bind(micros(before))
            .bind(i64::from(limit))
            .fetch_one(&mut *transaction)
            .await?;
            let Some(through) = through else { return Ok(0) };
            sqlx::query(
                "INSERT INTO workspace_events_dropped (workspace, through) \
                 SELECT workspace, MAX(position) FROM workspace_events WHERE position <= $1 GROUP BY workspace \
                 ON CONFLICT (workspace) DO UPDATE SET through = excluded.through",
            )
            .bind(through)
            .execute(&mut *transaction)
            .await?;
            let gone = sqlx::query("DELETE FROM workspace_events WHERE position <= $1")
                .bind(through)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(gone.rows_affected())
        })
    }
}
