//! Firehoses against upstreams that speak as Wikimedia's EventStreams, as Bluesky's Jetstream and in lines, and that
//! misbehave: nothing is lost, nothing is told twice, and what is wrong is said.

mod keeper;
mod rig;

mod bad_input;
mod connecting;
mod pace;
mod resuming;
