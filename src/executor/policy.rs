//! How long to wait, how often to ask, when to try again.

use std::time::Duration;

use backon::ExponentialBuilder;
use rand::Rng;

use crate::steps::{Action, CloudAction, HostAction};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Overrides the time that each kind of step may take.
    pub step_timeout: Option<Duration>,
    /// Of the first look at an operation; it grows to `poll_max`.
    pub poll_start: Duration,
    pub poll_max: Duration,
    pub backoff_start: Duration,
    pub backoff_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            step_timeout: None,
            poll_start: Duration::from_millis(100),
            poll_max: Duration::from_secs(3),
            backoff_start: Duration::from_millis(250),
            backoff_max: Duration::from_secs(20),
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

impl Policy {
    pub fn timeout(&self, action: &Action) -> Duration {
        self.step_timeout.unwrap_or_else(|| default_timeout(action))
    }

    /// The limits of the waits between attempts: they double, up to the longest.
    pub fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.backoff_start)
            .with_max_delay(self.backoff_max)
            .without_max_times()
    }

    pub fn poll(&self, asked: u32) -> Duration {
        self.poll_start.mul_f64(1.4_f64.powi(i32::try_from(asked.min(64)).unwrap_or(64))).min(self.poll_max)
    }
}

/// Full jitter: anything up to the limit, so that many clients do not come back at once.
pub fn jittered(limit: Duration, random: &mut impl Rng) -> Duration {
    limit.mul_f64(random.random_range(0.1..=1.0))
}

/// Long enough for the slowest that the provider is known for; short enough to be told the same day.
fn default_timeout(action: &Action) -> Duration {
    match action {
        Action::Cloud { action, .. } => cloud_timeout(action),
        // Those of databases have a patience of their own.
        Action::Database(_) => 10 * MINUTE,
        Action::Host(HostAction::Wait { .. } | HostAction::Prepare { .. }) => 15 * MINUTE,
        // The release has its own health timeout on top of pulling images.
        Action::Host(_) | Action::Local(_) => 120 * MINUTE,
    }
}

fn cloud_timeout(action: &CloudAction) -> Duration {
    match action {
        // An earlier change of the same volume may have to end before, which takes hours where it is large.
        CloudAction::SnapshotDisk { .. }
        | CloudAction::CreateDiskFromSnapshot { .. }
        | CloudAction::ModifyDisk { .. } => 120 * MINUTE,
        CloudAction::CreateInstance(_) | CloudAction::StopInstance { .. } => 15 * MINUTE,
        _ => 10 * MINUTE,
    }
}

#[cfg(test)]
mod tests {
    use backon::BackoffBuilder as _;

    use super::*;

    #[test]
    fn backoff_grows_is_jittered_and_has_a_limit() {
        let policy = Policy::default();
        let mut random = rand::rng();
        let limits: Vec<_> = policy.backoff().build().take(40).collect();
        for (attempt, limit) in (0_u32..40).zip(limits) {
            let expected = policy.backoff_start.saturating_mul(1 << attempt.min(16)).min(policy.backoff_max);
            assert_eq!(limit, expected, "{attempt}");
            let wait = jittered(limit, &mut random);
            assert!(wait <= limit && wait >= limit / 11, "{attempt}: {wait:?}");
        }
        assert!(policy.poll(0) < policy.poll(3) && policy.poll(500) == policy.poll_max);
    }
}
