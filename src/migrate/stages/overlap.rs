//! Index builds that begin while rows are still copied, and go on when that stage has ended: the snapshot does not wait for
//! them. The stage that builds indexes waits for them, and does itself what they could not.

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::migrate::catalog::QualifiedName;
use crate::migrate::index::{Builds, IndexError, build};

/// The builds of this process, if there are any. They end with it.
#[derive(Default)]
pub struct Overlap(Mutex<JoinSet<Result<(), IndexError>>>);

impl Overlap {
    /// Tables come as their rows are complete.
    pub async fn start(&self, builds: Builds, complete: UnboundedReceiver<Vec<QualifiedName>>) {
        self.0.lock().await.spawn(build(builds, complete, |_| {}));
    }

    /// True: everything is built. False: there were none, or they failed.
    pub async fn finish(&self) -> bool {
        match self.0.lock().await.join_next().await {
            Some(Ok(Ok(()))) => true,
            Some(Ok(Err(error))) => {
                tracing::warn!("indexes beside the copy: {}", crate::error::chain(&error));
                false
            }
            Some(Err(_)) | None => false,
        }
    }

    /// At once. What the new server has begun to build it ends, with its mark.
    pub async fn stop(&self) {
        self.0.lock().await.shutdown().await;
    }
}
