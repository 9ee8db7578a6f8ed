//! Pure extraction: bytes and options in, a page out. No I/O, no clock, no async.
