//! The columns of a table: the five that every table has, and those of the fields that were extracted.

use std::collections::HashSet;

/// A column of extracted data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The field's name in the `data` object.
    pub name: String,
    /// What its values are.
    pub kind: ColumnType,
}

/// What a column's values are. Any of them may be absent, at any depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// Text.
    Text,
    /// Whole numbers of 64 bits.
    Integer,
    /// Floating point of 64 bits.
    Number,
    /// Truths.
    Boolean,
    /// Any number of values of one type.
    List(Box<ColumnType>),
    /// An object whose fields are known.
    Struct(Vec<Column>),
    /// JSON of any form, as text.
    Json,
}

/// The columns that come before the extracted ones.
pub(super) const FIXED: [&str; 5] = ["url", "status", "http_status", "error_code", "fetched_at"];

/// The value of `status` for a page.
pub(super) const STATUS_OK: &str = "ok";
/// The value of `status` for a URL that failed.
pub(super) const STATUS_ERROR: &str = "error";

/// The names of all columns, fixed ones first, each given once. A field whose name is taken gets `data_` before it.
pub(super) fn header(columns: &[Column]) -> Vec<String> {
    let mut names = Names::default();
    let fixed = FIXED.iter().map(|name| names.claim(name, "")).collect::<Vec<_>>();
    fixed.into_iter().chain(columns.iter().map(|column| names.claim(&column.name, "data_"))).collect()
}

/// Names that stand beside each other. Readers of tables fold case, so names that differ by nothing else are the same.
#[derive(Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The name, or where it is taken, the name with the prefix, and underscores behind it until it is free.
    pub(super) fn claim(&mut self, name: &str, prefix: &str) -> String {
        let mut name = name.to_owned();
        if self.taken.contains(&name.to_lowercase()) {
            name.insert_str(0, prefix);
        }
        while !self.taken.insert(name.to_lowercase()) {
            name.push('_');
        }
        name
    }
}

/// The same columns where an object of no known field is JSON: a group of nothing is no column.
pub(super) fn sound(columns: &[Column]) -> Vec<Column> {
    columns
        .iter()
        .map(|column| Column { name: column.name.clone(), kind: sound_type(&column.kind) })
        .collect()
}

fn sound_type(kind: &ColumnType) -> ColumnType {
    match kind {
        ColumnType::Struct(columns) if columns.is_empty() => ColumnType::Json,
        ColumnType::Struct(columns) => ColumnType::Struct(sound(columns)),
        ColumnType::List(of) => ColumnType::List(Box::new(sound_type(of))),
        scalar @ (ColumnType::Text
        | ColumnType::Integer
        | ColumnType::Number
        | ColumnType::Boolean
        | ColumnType::Json) => scalar.clone(),
    }
}

/// The same columns for a format whose cells hold no structure: what nests is JSON.
pub(super) fn flat(columns: &[Column]) -> Vec<Column> {
    let flat = |kind: &ColumnType| match kind {
        ColumnType::List(_) | ColumnType::Struct(_) | ColumnType::Json => ColumnType::Json,
        scalar @ (ColumnType::Text | ColumnType::Integer | ColumnType::Number | ColumnType::Boolean) => {
            scalar.clone()
        }
    };
    columns.iter().map(|column| Column { name: column.name.clone(), kind: flat(&column.kind) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let column = |name: &str| Column { name: name.into(), kind: ColumnType::Text };
        let columns = ["name", "URL", "Name", "data_url", "price"].map(column);
        assert_eq!(header(&columns)[5..], ["name", "data_URL", "data_Name", "data_data_url", "price"]);
    }
}
