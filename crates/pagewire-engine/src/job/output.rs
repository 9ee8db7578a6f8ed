//! A run's files, made from its journal when the last record is there.

use std::sync::Arc;

use pagewire_extract::{OutputField, OutputKind};
use pagewire_journal::{Cursor, CursorError, Journal, Limit, Position};
use pagewire_store::{BlobError, BlobKey, Blobs, FileRow};
use pagewire_types::{OutputFormat, OutputSpec, RunId};
use tokio::sync::Semaphore;

use crate::archive::{self, ArchiveFiles};
use crate::export::{
    Column, ColumnType, Export, ExportError, ExportFormat, ExportSpec, FormulaCells, Manifest,
    TextCompression,
};
use crate::patience::{Passing, persist};

/// What is read from the journal at once: each thread that reads may keep as much for a while.
const BATCH: Limit = Limit { records: 1_024, bytes: 1 << 20 };

/// Runs whose files are made at once, each with a group of rows in memory and a thread.
const MADE_AT_ONCE: usize = 4;

/// The turns of all who make files.
pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MADE_AT_ONCE))
}

/// Why there are no files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("the records could not be read")]
    Journal(#[from] CursorError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("the files could not be stored")]
    Blob(#[from] BlobError),
}

/// Only for want of room: nothing bounds how long files are made, so that any other failure ends the job and is told.
impl Passing for OutputError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Blob(BlobError::Full(_)) | Self::Export(ExportError::Blob(BlobError::Full(_))))
    }
}

/// Where the files of a run are.
pub(crate) fn prefix(id: RunId) -> Result<BlobKey, BlobError> {
    // Hexadecimal digits are a name that a blob may have.
    format!("results/{}", id.hex()).parse().map_err(|_| BlobError::Missing(id.hex()))
}

/// What files are made of.
pub(super) struct Source {
    pub(super) id: RunId,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) output: OutputSpec,
    /// The fields that its pages were asked for, which are the columns of a table.
    pub(super) fields: Vec<OutputField>,
    /// What its archive is made of, where it has one.
    pub(super) archive: Option<ArchiveFiles>,
}

/// Makes the files. A full disk is waited out: what an earlier attempt left behind is removed first.
pub(super) async fn make(source: Source, blobs: &Blobs) -> Result<Vec<FileRow>, OutputError> {
    let Source { id, journal, output, fields, archive } = source;
    let prefix = prefix(id)?;
    let spec = spec_of(&output, fields);
    persist("making a job's files", || async {
        blobs.delete_all(&prefix).await?;
        let manifest = write(&journal, blobs, &prefix, spec.clone(), archive.as_ref()).await?;
        Ok(rows_of(id, &prefix, &manifest))
    })
    .await
}

async fn write(
    journal: &Arc<dyn Journal>,
    blobs: &Blobs,
    prefix: &BlobKey,
    spec: ExportSpec,
    archive: Option<&ArchiveFiles>,
) -> Result<Manifest, OutputError> {
    let archived = match archive {
        Some(archive) => archive::write_files(archive, blobs, prefix).await?,
        None => Vec::new(),
    };
    let mut export = Export::begin(blobs.clone(), prefix.clone(), spec)?;
    let mut cursor = Cursor::new(journal.clone(), Position::START);
    while let Some(records) = cursor.try_next(BATCH).await? {
        export.push(records).await?;
    }
    export.list_archive(archived);
    Ok(export.finish().await?)
}

fn spec_of(output: &OutputSpec, fields: Vec<OutputField>) -> ExportSpec {
    let compression = if output.gzip { TextCompression::Gzip } else { TextCompression::None };
    let formulas = if output.escape_formulas { FormulaCells::Neutralise } else { FormulaCells::Keep };
    let format = match output.format {
        OutputFormat::Ndjson => ExportFormat::Ndjson(compression),
        OutputFormat::Csv => ExportFormat::Csv(compression, formulas),
        OutputFormat::Parquet => ExportFormat::Parquet,
    };
    let columns = if format.is_table() { columns_of(fields) } else { Vec::new() };
    ExportSpec { format, part_bytes_max: output.max_part_bytes, columns: columns.into() }
}

fn columns_of(fields: Vec<OutputField>) -> Vec<Column> {
    fields.into_iter().map(|field| Column { name: field.name, kind: column_type_of(field.kind) }).collect()
}

fn column_type_of(kind: OutputKind) -> ColumnType {
    match kind {
        OutputKind::Text => ColumnType::Text,
        OutputKind::Integer => ColumnType::Integer,
        OutputKind::Number => ColumnType::Number,
        OutputKind::Boolean => ColumnType::Boolean,
        OutputKind::List(of) => ColumnType::List(Box::new(column_type_of(*of))),
        OutputKind::Object(fields) => ColumnType::Struct(columns_of(fields)),
        OutputKind::Any => ColumnType::Json,
    }
}

fn rows_of(id: RunId, prefix: &BlobKey, manifest: &Manifest) -> Vec<FileRow> {
    let ones = [&manifest.files, &manifest.archive].map(|files| files.len() == 1);
    let (files, archive) = (manifest.files.iter().map(|file| (file, ones[0])), manifest.archive.iter());
    files
        .chain(archive.map(|file| (file, ones[1])))
        .zip(1_u32..)
        .map(|((file, one), part)| FileRow {
            part,
            name: match file.name.split_once('.') {
                Some((_, extension)) if one => format!("{}.{extension}", id.job_id()),
                _ => format!("{}-{}", id.job_id(), file.name),
            },
            blob: format!("{}/{}", prefix.as_str(), file.name),
            bytes: file.bytes,
            rows: file.rows,
            sha256: file.sha256.clone(),
        })
        .collect()
}
