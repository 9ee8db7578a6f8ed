//! What time does to runs: an engine started on what an earlier one has left behind, hours or weeks later.

mod past;
mod retention;
mod wall_time;
