//! One change at a time on a host. The lock is an flock(2) on /run/infra/lock, held by a process at the far end of the
//! connection: when its holder dies, or goes silent, the lock is free. /run, because the lock guards the host with all
//! its disks, is needed before a disk is mounted, and means nothing after a reboot.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::error::HostError;
use super::facts;
use super::script::Script;
use super::session::Session;
use crate::inventory::host_facts::LockFacts;

/// The far end gives up after 90 s without a beat: a laptop that fell asleep does not block the team.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// The lock, held until released. Dropped without that, it counts as one whose holder died.
#[derive(Debug)]
pub struct HostLock {
    heart: JoinHandle<()>,
    farewell: Option<oneshot::Sender<()>>,
    /// Who held it before and died without releasing it.
    pub taken_over_from: Option<LockFacts>,
}

impl Session {
    /// Takes the lock, or says who has it. `who` is `user@machine`, `verb` the command.
    pub async fn lock(&self, who: &str, verb: &str) -> Result<HostLock, HostError> {
        let holder =
            LockFacts { who: who.to_owned(), verb: verb.to_owned(), since: jiff::Timestamp::now().to_string() };
        let text = serde_json::to_string(&holder).expect("three strings are JSON");
        let script = Script::new("taking the lock", include_str!("scripts/lock.sh")).set("HOLDER", text);
        let mut running = self.start(&script).await?;
        let mut stdout = BufReader::new(running.child.stdout.take().expect("standard output is piped")).lines();
        let answer = stdout.next_line().await.ok().flatten().unwrap_or_default();
        match answer.split_once('\t') {
            Some(("held", previous)) => {
                let taken_over_from = Some(previous).filter(|text| !text.is_empty()).and_then(facts::lock);
                let stdin = running.stdin.take().expect("standard input is piped");
                let (farewell, ending) = oneshot::channel();
                let heart = tokio::spawn(beat(running.child, stdin, ending));
                Ok(HostLock { heart, farewell: Some(farewell), taken_over_from })
            }
            Some(("busy", text)) => Err(self.locked(facts::lock(text))),
            _ => Err(running.output().await.err().unwrap_or_else(|| self.locked(None))),
        }
    }

    fn locked(&self, holder: Option<LockFacts>) -> HostError {
        let LockFacts { who, verb, since } =
            holder.or_else(|| facts::lock("")).expect("an unreadable lock is held by someone");
        HostError::Locked { host: self.host(), holder: who, since, verb }
    }
}

/// Keeps the far end alive until the lock is released or the connection ends.
async fn beat(mut child: Child, mut stdin: ChildStdin, mut ending: oneshot::Receiver<()>) {
    loop {
        let byte = tokio::select! {
            _ = child.wait() => return,
            _ = &mut ending => b"q",
            () = tokio::time::sleep(HEARTBEAT) => b".",
        };
        if stdin.write_all(byte).await.is_err() {
            return;
        }
        if byte == b"q" {
            drop(stdin);
            let _ = child.wait().await;
            return;
        }
    }
}

impl HostLock {
    /// False once the connection that holds the lock is gone: then somebody else may have it.
    pub fn is_held(&self) -> bool {
        !self.heart.is_finished()
    }

    /// Lets go, and waits until the host knows it.
    pub async fn release(mut self) {
        if let Some(farewell) = self.farewell.take() {
            let _ = farewell.send(());
            let _ = (&mut self.heart).await;
        }
    }
}

impl Drop for HostLock {
    /// Ends the local end of the channel; the far end reads the end of its input and lets go.
    fn drop(&mut self) {
        self.heart.abort();
    }
}
