//! Journals and cursors: records that are durable before they are visible.
