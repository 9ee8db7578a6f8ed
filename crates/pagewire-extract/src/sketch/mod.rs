//! Sketches: fields named and typed by the caller, filled from what the page says of itself.
//!
//! [`parse`] reads the dialect into a [`Shape`]; [`lexicon`] gives each field its meaning, from the [`vocabulary`];
//! [`nodes`] fills fields from structured data, [`visible`] from the [`page`] that a reader sees, by [`find`]; [`coerce`]
//! turns what was found into the type that was asked for.

pub(crate) mod coerce;
pub(crate) mod fill;
mod find;
mod lexicon;
mod nodes;
mod page;
pub(crate) mod parse;
pub(crate) mod shape;
mod visible;
mod vocabulary;

pub(crate) use shape::{Field, FieldType, Shape, Sketch};
pub(crate) use visible::Visible;
