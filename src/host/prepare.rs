//! Until a host can take a bundle: cloud-init is through, Docker and Compose answer.

use std::time::Duration;

use super::error::HostError;
use super::progress::Progress;
use super::script::Script;
use super::session::Session;

/// How the `prepared` script says that the host is not.
const NOT_PREPARED: i32 = 65;

impl Session {
    /// Waits for the first boot's preparation to end. The error shows the end of cloud-init's log.
    pub async fn wait_prepared(&self, timeout: Duration) -> Result<(), HostError> {
        let script = Script::new("waiting for the first boot", include_str!("scripts/prepared.sh"))
            .set("TIMEOUT", timeout.as_secs().to_string());
        let finished = self.start(&script).await?.finish(&Progress::none()).await?;
        if finished.status == NOT_PREPARED {
            let (detail, log) = (finished.stderr.trim().to_owned(), finished.stdout);
            return Err(HostError::NotPrepared { host: self.host(), detail, log });
        }
        finished.success(&self.host(), script.name()).map(drop)
    }

    /// Runs the preparation that cloud-init runs elsewhere; for servers that exist already. Repeatable.
    pub async fn prepare(&self, script: &'static str, progress: &Progress) -> Result<(), HostError> {
        let script = Script::new("preparing the host", script);
        let finished = self.start(&script).await?.finish(progress).await?;
        finished.success(&self.host(), script.name()).map(drop)
    }
}
