//! Structured data that pages carry for machines: JSON-LD, microdata, and the `<meta>` tags of OpenGraph and others.

pub(crate) mod json_ld;
pub(crate) mod meta;
pub(crate) mod microdata;
