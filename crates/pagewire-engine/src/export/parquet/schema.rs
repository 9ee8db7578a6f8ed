//! The columns as Parquet's types, in the forms that its specification wants (LogicalTypes.md).

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::Type;

use crate::export::columns::{Column, ColumnType, FIXED, Names, header};

/// The schema of a file.
pub(super) fn of(columns: &[Column]) -> Result<Type, ParquetError> {
    let names = header(columns);
    let mut fields = Vec::with_capacity(names.len());
    let [url, status, http_status, error_code, fetched_at] = FIXED;
    fields.push(text(url, Repetition::REQUIRED)?);
    fields.push(text(status, Repetition::REQUIRED)?);
    fields.push(leaf(http_status, Physical::INT32, Repetition::OPTIONAL, None)?);
    fields.push(text(error_code, Repetition::OPTIONAL)?);
    let instant = LogicalType::timestamp(true, TimeUnit::MILLIS);
    fields.push(leaf(fetched_at, Physical::INT64, Repetition::OPTIONAL, Some(instant))?);
    for (name, column) in names[FIXED.len()..].iter().zip(columns) {
        fields.push(optional(name, &column.kind)?);
    }
    group("record", fields, None, None)
}

/// A field that may be absent.
fn optional(name: &str, kind: &ColumnType) -> Result<Type, ParquetError> {
    let optional = Repetition::OPTIONAL;
    match kind {
        ColumnType::Text => text(name, optional),
        ColumnType::Integer => leaf(name, Physical::INT64, optional, None),
        ColumnType::Number => leaf(name, Physical::DOUBLE, optional, None),
        ColumnType::Boolean => leaf(name, Physical::BOOLEAN, optional, None),
        ColumnType::Json => leaf(name, Physical::BYTE_ARRAY, optional, Some(LogicalType::Json)),
        ColumnType::List(of) => {
            let repeated =
                group("list", vec![self::optional("element", of)?], Some(Repetition::REPEATED), None)?;
            group(name, vec![repeated], Some(optional), Some(LogicalType::List))
        }
        ColumnType::Struct(columns) => {
            let mut names = Names::default();
            let fields =
                columns.iter().map(|column| self::optional(&names.claim(&column.name, ""), &column.kind));
            group(name, fields.collect::<Result<_, _>>()?, Some(optional), None)
        }
    }
}

fn text(name: &str, repetition: Repetition) -> Result<Type, ParquetError> {
    leaf(name, Physical::BYTE_ARRAY, repetition, Some(LogicalType::String))
}

fn leaf(
    name: &str,
    physical: Physical,
    repetition: Repetition,
    logical: Option<LogicalType>,
) -> Result<Type, ParquetError> {
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
}

fn group(
    name: &str,
    fields: Vec<Type>,
    repetition: Option<Repetition>,
    logical: Option<LogicalType>,
) -> Result<Type, ParquetError> {
    let mut builder = Type::group_type_builder(name)
        .with_fields(fields.into_iter().map(Arc::new).collect())
        .with_logical_type(logical);
    if let Some(repetition) = repetition {
        builder = builder.with_repetition(repetition);
    }
    builder.build()
}
