//! The embedded backend: one SQLite file in WAL mode, one writer, a few readers.
//!
//! Several processes may have it open: the command line makes keys while the server runs. Writers take their turn by
//! `BEGIN IMMEDIATE` and SQLite's busy timeout.

mod credits;
mod deliveries;
mod events;
mod jobs;
mod keys;
mod row;
mod runs;
mod sources;
mod uploads;
mod webhooks;
mod workspaces;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqlSafeStr as _, Sqlite, SqliteConnection, Transaction};
use tokio::sync::watch;

use crate::error::StoreError;
use crate::state::{Answer, Store};

/// Connections that read at once.
const READERS: u32 = 4;
/// How long a writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// A power cut.
    #[default]
    Full,
    /// A crash of the process; a power cut may lose the last commits.
    Normal,
}

/// How the database is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteOptions {
    /// What a commit survives.
    pub synchronous: Synchronous,
}

/// State in SQLite.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    /// The newest event that this process knows of.
    events_moved: Arc<watch::Sender<u64>>,
}

impl SqliteStore {
    /// Opens the database, making and migrating it as needed.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match options.synchronous {
                Synchronous::Full => SqliteSynchronous::Full,
                Synchronous::Normal => SqliteSynchronous::Normal,
            })
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .after_release(|connection, _| Box::pin(has_ended_its_transaction(connection)))
            .connect_with(connect.clone())
            .await?;
        migrate(&writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(connect).await?;
        let newest = events::newest_position(&readers).await?;
        Ok(Self { writer, readers, events_moved: Arc::new(watch::Sender::new(newest)) })
    }

    /// Closes all connections, so that the file can be moved.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        // A deferred transaction that turns into a writer fails at once when another process has written since.
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

impl Store for SqliteStore {
    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query("SELECT epoch FROM key_epoch").fetch_one(&self.readers).await?;
            Ok(())
        })
    }
}

/// Whether the connection can be used again. Where the disk is full, SQLite rolls back by itself, which the driver does not
/// notice: it would refuse every transaction after that one. Such a connection gives way to a new one.
async fn has_ended_its_transaction(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Behind the rollback that a dropped transaction has sent.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Brings the schema up to date. Of processes that open a new database at once, one does it and the others wait: sqlx has
/// no lock of its own for SQLite, and without one each would see no tables and make them.
async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    migrations().run(&mut *transaction).await.map_err(|error| StoreError::Database(Box::new(error)))?;
    transaction.commit().await?;
    Ok(())
}

/// In the order in which they came to be. One that has been released never changes.
const MIGRATIONS: [(&str, &str); 8] = [
    ("state", include_str!("../../migrations/0001_state.sql")),
    ("run mode", include_str!("../../migrations/0002_run_mode.sql")),
    ("jobs", include_str!("../../migrations/0003_jobs.sql")),
    ("workspace events", include_str!("../../migrations/0004_workspace_events.sql")),
    ("webhooks", include_str!("../../migrations/0005_webhooks.sql")),
    ("run cancel", include_str!("../../migrations/0006_run_cancel.sql")),
    ("job object inputs", include_str!("../../migrations/0007_job_object_inputs.sql")),
    ("sources", include_str!("../../migrations/0008_sources.sql")),
];

fn migrations() -> Migrator {
    let migrations = MIGRATIONS.into_iter().zip(1..).map(|((what, sql), version)| {
        Migration::new(version, what.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests;
