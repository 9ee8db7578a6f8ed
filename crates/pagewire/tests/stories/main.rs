//! The server as its users meet it: the real binary, real sockets, a real site. One file a story.
//!
//! One test binary for all of them, since each more would be linked by itself. Slow tests have names with `slow_` first.

mod backpressure_story;
mod bad_input_story;
mod cache_story;
mod command_line_story;
mod content_story;
mod crash_story;
mod disk_story;
mod edge_story;
mod event_story;
mod extraction_docs_story;
mod hostile_origin_story;
mod job_command_story;
mod job_crash_story;
mod job_object_story;
mod job_output_story;
mod job_story;
mod job_world;
mod keys_story;
mod live_story;
mod model_story;
mod parse_story;
mod render_crash_story;
mod render_guard_story;
mod render_limits_story;
mod render_story;
mod resume_story;
mod retry_story;
mod robots_story;
mod sandbox_story;
mod schema_story;
mod scrape_story;
mod service_account_story;
mod shell;
mod source_command_story;
mod source_crash_story;
mod source_story;
mod source_world;
mod stream_job_story;
mod stream_story;
mod upload_story;
mod webhook_command_story;
mod webhook_story;
mod websub_story;
mod world;
