//! How often something is tried again whose connection fails, and after which wait.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::error::CopyError;
use super::event::{CopyEvent, Tell};
use crate::postgres::PostgresError;

/// Together about five minutes, in which a server can restart and recover, and others give connections back.
const WAITS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(Duration::from_secs(30))
    .with_max_times(13);

pub struct Patience {
    attempt: u32,
    waits: ExponentialBackoff,
}

impl Patience {
    pub fn new() -> Self {
        Self { attempt: 0, waits: WAITS.build() }
    }

    /// Returns when it is time to try again; fails when it was tried often enough.
    pub async fn wait(&mut self, what: &str, error: PostgresError, tell: &Tell) -> Result<(), CopyError> {
        self.attempt += 1;
        let Some(wait) = self.waits.next() else {
            return Err(CopyError::Exhausted { what: what.to_owned(), after: self.attempt, source: error });
        };
        tell(CopyEvent::Retrying { what: what.to_owned(), attempt: self.attempt, error: error.to_string() });
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// Until it works, or fails for another reason than its connections.
pub async fn patiently<T, F>(what: &str, tell: &Tell, mut attempt: impl FnMut() -> F) -> Result<T, CopyError>
where
    F: Future<Output = Result<T, CopyError>>,
{
    let mut patience = Patience::new();
    loop {
        match attempt().await {
            Err(CopyError::Postgres(error)) if error.is_transient() => patience.wait(what, error, tell).await?,
            ended => return ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_five_minutes_is_outlasted() {
        let waits: Vec<_> = WAITS.build().collect();
        assert_eq!(waits.len(), 13, "and an attempt before each, and one after them");
        assert_eq!(waits[..3], [500, 1000, 2000].map(Duration::from_millis));
        assert_eq!(waits.last(), Some(&Duration::from_secs(30)));
        let together: Duration = waits.iter().sum();
        assert!((Duration::from_secs(240)..Duration::from_secs(300)).contains(&together), "{together:?}");
    }
}
