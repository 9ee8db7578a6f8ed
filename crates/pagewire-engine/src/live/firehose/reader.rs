//! One connection's life: takes out what arrives, maps it, passes it on, and watches for silence.

use std::time::Instant;

use jiff::Timestamp;
use pagewire_types::SourceType;
use tokio_util::sync::CancellationToken;

use super::super::event::NewEvent;
use super::Limits;
use super::fault::Fault;
use super::health::Health;
use super::identity::Positions;
use super::mapping::{Mapping, Outcome};
use super::outlet::Outlet;
use super::place::Place;
use super::upstream::{Arrived, Upstream};

/// So many messages are taken out before others get their turn on the thread.
const ROUND: usize = 1_000;

/// Why reading ended.
#[derive(Debug)]
pub(super) enum End {
    /// The source is to stop.
    Stop,
    /// The connection is over.
    Over(Fault),
}

/// What a connection is read with, and into.
pub(super) struct Reader<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) limits: &'a Limits,
    pub(super) outlet: &'a mut Outlet,
    pub(super) place: &'a mut Place,
    pub(super) health: Health,
    pub(super) positions: Positions,
}

impl Reader<'_> {
    /// Reads until the end of the connection, or of the source.
    pub(super) async fn run(&mut self, upstream: &mut Upstream, stop: &CancellationToken) -> End {
        let (mut alive, mut kept) = (Instant::now(), Instant::now());
        let mut is_silence_told = false;
        loop {
            self.gather(upstream);
            if !self.outlet.is_busy() {
                let keeps_place = self.place.is_moved() && kept.elapsed() >= self.limits.keep_every;
                if !self.outlet.is_empty() || keeps_place {
                    self.outlet.start(self.place.take_state());
                    kept = Instant::now();
                }
            }
            let has_room = self.outlet.has_room();
            let look_at = self.look_at(alive, kept, is_silence_told);
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stop,
                taken = self.outlet.done() => {
                    if taken.is_err() {
                        return End::Stop;
                    }
                    // Nothing was read while there was no room.
                    alive = if has_room { alive } else { Instant::now() };
                }
                filled = upstream.fill(), if has_room => {
                    if let Err(fault) = filled {
                        return End::Over(fault);
                    }
                    (alive, is_silence_told) = (Instant::now(), false);
                    self.health.look(alive);
                }
                () = tokio::time::sleep_until(look_at.into()), if has_room => {
                    let silence = alive.elapsed();
                    if silence >= self.limits.silence_max {
                        return End::Over(Fault::of_silence(silence));
                    }
                    if silence >= self.limits.silence_told && !is_silence_told {
                        is_silence_told = true;
                        self.health.silent(silence);
                    }
                }
            }
        }
    }

    /// When to look though nothing comes: for silence, and for a place that is to be kept.
    fn look_at(&self, alive: Instant, kept: Instant, is_silence_told: bool) -> Instant {
        let Limits { silence_told, silence_max, keep_every, .. } = self.limits;
        let silence = alive + if is_silence_told { *silence_max } else { *silence_told };
        let keeps_place = self.place.is_moved() && !self.outlet.is_busy();
        if keeps_place { silence.min(kept + *keep_every) } else { silence }
    }

    /// Takes out what has arrived, while there is room for what becomes of it.
    fn gather(&mut self, upstream: &mut Upstream) {
        let fetched_at = Timestamp::now();
        for _ in 0..ROUND {
            if !self.outlet.has_room() {
                return;
            }
            match upstream.ready() {
                Some(arrived) => self.take(arrived, fetched_at),
                None => return,
            }
        }
    }

    fn take(&mut self, arrived: Arrived<'_>, fetched_at: Timestamp) {
        match arrived {
            Arrived::Message { data, id } => {
                if let Some(text) = self.text(data) {
                    self.read(text.trim_matches(PADDING), id, fetched_at);
                }
                self.stopped_at(id);
            }
            Arrived::TooLarge { id } => {
                let reason = format!("it has more than {} bytes", self.limits.message_bytes_max);
                self.health.message();
                self.health.unread(reason, Instant::now());
                self.stopped_at(id);
            }
            Arrived::Id(id) => self.place.set_last_event_id(id),
        }
    }

    fn stopped_at(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.place.set_last_event_id(id);
        }
    }

    fn text<'m>(&mut self, data: &'m [u8]) -> Option<&'m str> {
        match std::str::from_utf8(data) {
            Ok(text) => Some(text),
            Err(error) => {
                self.health.message();
                self.health
                    .unread(format!("it is no UTF-8 after {} bytes", error.valid_up_to()), Instant::now());
                None
            }
        }
    }

    fn read(&mut self, message: &str, id: Option<&str>, fetched_at: Timestamp) {
        // A blank line keeps a connection.
        if message.is_empty() {
            return;
        }
        self.health.message();
        let reading = match self.mapping.read(message) {
            Ok(reading) => reading,
            Err(error) => return self.health.unread(error.to_string(), Instant::now()),
        };
        let cursor = reading.cursor.as_deref();
        if let Some(cursor) = cursor {
            self.place.set_cursor(cursor);
        }
        match reading.outcome {
            Outcome::Told(told) => {
                self.health.told();
                self.outlet.push(NewEvent {
                    key: self.positions.key(told.id.as_deref(), id.or(cursor), message),
                    source_type: SourceType::Firehose,
                    url: told.url,
                    title: told.title,
                    content: told.content,
                    author: told.author,
                    tags: told.tags,
                    published_at: told.published_at,
                    fetched_at,
                    diff: None,
                });
            }
            Outcome::Blank => self.health.blank(),
            Outcome::Filtered => {}
        }
    }
}

/// What may stand around a JSON text: white space, a byte order mark, and the separator of JSON text sequences (RFC 7464).
const PADDING: [char; 6] = [' ', '\t', '\r', '\n', '\u{feff}', '\u{1e}'];
