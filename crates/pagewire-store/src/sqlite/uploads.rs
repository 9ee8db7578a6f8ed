//! The tables `uploads` and `upload_chunks`.

use jiff::Timestamp;
use pagewire_types::{UploadId, WorkspaceId};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::SqliteStore;
use super::row::{micros, parsed, signed, timestamp, unsigned};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::uploads::{ChunkRange, UploadRow, Uploads};

/// Rows of one statement, far under SQLite's bound on parameters.
const ROWS_PER_INSERT: usize = 1_000;
/// An upload is used for as long as there is a job of it, which may be retried.
const UNUSED: &str = "NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.upload = uploads.id)";

#[derive(sqlx::FromRow)]
struct StoredUpload {
    id: String,
    workspace: String,
    blob: String,
    urls: i64,
    bytes: i64,
    format: String,
    created_at: i64,
}

impl StoredUpload {
    fn read(self) -> Result<UploadRow, StoreError> {
        Ok(UploadRow {
            id: parsed(&self.id, "an upload id")?,
            workspace: parsed(&self.workspace, "a workspace id")?,
            blob: self.blob,
            urls: unsigned(self.urls)?,
            bytes: unsigned(self.bytes)?,
            format: self.format,
            created_at: timestamp(self.created_at)?,
        })
    }
}

/// Adds an upload and the places of its chunks.
pub(super) async fn insert_upload_in(
    transaction: &mut Transaction<'static, Sqlite>,
    upload: &UploadRow,
    chunks: Vec<ChunkRange>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO uploads (id, workspace, blob, urls, bytes, format, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(upload.id.as_str())
    .bind(upload.workspace.as_str())
    .bind(&upload.blob)
    .bind(signed(upload.urls))
    .bind(signed(upload.bytes))
    .bind(&upload.format)
    .bind(micros(upload.created_at))
    .execute(&mut **transaction)
    .await?;
    let numbered: Vec<(i64, ChunkRange)> = (0_i64..).zip(chunks).collect();
    for rows in numbered.chunks(ROWS_PER_INSERT) {
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO upload_chunks (upload, chunk, start, bytes) ");
        insert.push_values(rows, |mut row, (chunk, range)| {
            row.push_bind(upload.id.as_str())
                .push_bind(*chunk)
                .push_bind(signed(range.start))
                .push_bind(signed(range.bytes));
        });
        insert.build().execute(&mut **transaction).await?;
    }
    Ok(())
}

impl Uploads for SqliteStore {
    fn insert_upload(&self, upload: UploadRow, chunks: Vec<ChunkRange>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            insert_upload_in(&mut transaction, &upload, chunks).await?;
            Ok(transaction.commit().await?)
        })
    }

    fn upload(&self, workspace: WorkspaceId, id: UploadId) -> Answer<'_, Option<UploadRow>> {
        Box::pin(async move {
            let row: Option<StoredUpload> =
                sqlx::query_as("SELECT * FROM uploads WHERE id = $1 AND workspace = $2")
                    .bind(id.as_str())
                    .bind(workspace.as_str())
                    .fetch_optional(&self.readers)
                    .await?;
            row.map(StoredUpload::read).transpose()
        })
    }

    fn uploads_unused_since(&self, at: Timestamp) -> Answer<'_, Vec<UploadRow>> {
        Box::pin(async move {
            let mut query: QueryBuilder<Sqlite> =
                QueryBuilder::new("SELECT * FROM uploads WHERE created_at < ");
            query.push_bind(micros(at)).push(" AND ").push(UNUSED).push(" ORDER BY created_at LIMIT 1000");
            let rows: Vec<StoredUpload> = query.build_query_as().fetch_all(&self.readers).await?;
            rows.into_iter().map(StoredUpload::read).collect()
        })
    }

    fn delete_upload(&self, id: UploadId) -> Answer<'_, bool> {
        Box::pin(async move {
            let mut delete: QueryBuilder<Sqlite> = QueryBuilder::new("DELETE FROM uploads WHERE id = ");
            delete.push_bind(id.as_str()).push(" AND ").push(UNUSED);
            Ok(delete.build().execute(&self.writer).await?.rows_affected() > 0)
        })
    }
}
