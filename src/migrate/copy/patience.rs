//! How often something is tried again whose connection fails, and after which wait.

use std::time::Duration;

use super::error::CopyError;
use super::event::{CopyEvent, Tell};
use crate::postgres::PostgresError;

/// Together about five minutes, in which a server can restart and recover, and others give connections back.
const ATTEMPTS: u32 = 14;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub struct Patience {
    attempt: u32,
    wait: Duration,
}

impl Patience {
    pub fn new() -> Self {
        Self { attempt: 0, wait: FIRST_WAIT }
    }

    /// Returns when it is time to try again; fails when it was tried often enough.
    pub async fn wait(&mut self, what: &str, error: PostgresError, tell: &Tell) -> Result<(), CopyError> {
        self.attempt += 1;
        if self.attempt == ATTEMPTS {
            return Err(CopyError::Exhausted { what: what.to_owned(), after: self.attempt, source: error });
        }
        tell(CopyEvent::Retrying { what: what.to_owned(), attempt: self.attempt, error: error.to_string() });
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
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
