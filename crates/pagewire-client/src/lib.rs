//! The Rust SDK: scrape and stream, with resume.
