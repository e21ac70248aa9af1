//! Whether the database is there, as the last one who talked to it saw it.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long requests still wait for a database that went away: long enough for a restart of the server process behind
/// a pooled address, short enough that clients are not kept hanging.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The schema has not been seen yet.
    Starting,
    Up,
    Down {
        since: Instant,
    },
}

/// Shared by the writers, the upkeep and the API.
#[derive(Clone)]
pub struct Availability(Arc<watch::Sender<State>>);

impl Default for Availability {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::Starting)))
    }
}

impl Availability {
    pub fn mark_up(&self) {
        self.0.send_if_modified(|state| std::mem::replace(state, State::Up) != State::Up);
    }

    /// Only what was up goes down: a service that has not seen its schema is still starting.
    pub fn mark_down(&self) {
        self.0.send_if_modified(|state| {
            let was_up = *state == State::Up;
            if was_up {
                *state = State::Down { since: Instant::now() };
            }
            was_up
        });
    }

    /// Reachable with its schema in place.
    pub fn is_up(&self) -> bool {
        *self.0.borrow() == State::Up
    }

    /// Worth queueing for: up, or away for so short a time that it may be a blip.
    pub fn is_worth_waiting_for(&self) -> bool {
        match *self.0.borrow() {
            State::Up => true,
            State::Starting => false,
            State::Down { since } => since.elapsed() < GRACE,
        }
    }

    /// Returns once the schema has been seen.
    pub async fn started(&self) {
        let mut state = self.0.subscribe();
        state.wait_for(|state| *state != State::Starting).await.expect("the sender lives in self");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn starts_goes_up_and_down() {
        let database = Availability::default();
        database.mark_down();
        assert!(!database.is_up() && !database.is_worth_waiting_for());
        database.mark_up();
        database.started().await;
        assert!(database.is_up() && database.is_worth_waiting_for());
        database.mark_down();
        assert!(!database.is_up() && database.is_worth_waiting_for());
    }
}
