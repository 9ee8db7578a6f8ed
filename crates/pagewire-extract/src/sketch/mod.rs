//! Sketches: fields named and typed by the caller, filled from what the page says of itself.

pub(crate) mod coerce;
pub(crate) mod fill;
pub(crate) mod parse;
pub(crate) mod shape;
pub(crate) mod synonyms;

pub(crate) use shape::{Field, FieldType, Shape};
