//! What a clock may do: go on, stand, jump forward, go back. What is later than now is from a clock that was wrong.

use jiff::{SignedDuration, Timestamp};

use super::state::State;

/// How far two clocks may differ, or one may be slewed.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

impl State {
    /// Has to be told before anything is added or judged.
    pub(super) fn tell_time(&mut self, now: Timestamp) {
        let went_back = self.clock.is_some_and(|clock| is_beyond(clock, now));
        if went_back {
            for (series, window) in self.windows.values_mut() {
                window.forget_after(series.period().number(now));
            }
            for memory in self.memories.values_mut() {
                memory.not_after(now);
            }
        }
        // Many small steps back are a large one.
        self.clock = if went_back { Some(now) } else { self.clock.max(Some(now)) };
    }
}

/// Whether a time is later than now by more than clocks differ.
pub fn is_beyond(time: Timestamp, now: Timestamp) -> bool {
    time.duration_since(now) > TOLERANCE
}
