//! The bounded queue between requests and writers.

use super::{Batch, Outcome};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};

/// Rows that go into one transaction, in bytes: large enough to spread the cost of a commit over many batches, small
/// enough to answer the first of them soon.
const GROUP_BYTES: usize = 2 * 1024 * 1024;
const GROUP_BATCHES: usize = 128;

/// As many batches are waiting as may wait.
#[derive(Debug, thiserror::Error)]
#[error("the queue of batches is full")]
pub struct QueueFull;

/// A batch on its way, with the place where its outcome is awaited.
pub struct Submission {
    pub batch: Batch,
    pub queued: Instant,
    /// After this moment the client is told that the database is away.
    pub deadline: Instant,
    reply: oneshot::Sender<Outcome>,
}

/// Batches of one transaction.
pub type Group = Vec<Submission>;

impl Submission {
    /// The client may be gone; its batch is stored all the same.
    pub fn answer(self, outcome: Outcome) {
        let _ = self.reply.send(outcome);
    }
}

/// The requests' end. Writers end when the last clone is gone and the queue is empty.
#[derive(Clone)]
pub struct Queue {
    sender: mpsc::Sender<Submission>,
    patience: Duration,
}

/// The writers' end, shared by all of them.
#[derive(Clone)]
pub struct Groups(Arc<Mutex<mpsc::Receiver<Submission>>>);

impl Queue {
    /// `patience` is how long a batch may wait for the database.
    pub fn new(capacity: usize, patience: Duration) -> (Self, Groups) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender, patience }, Groups(Arc::new(Mutex::new(receiver))))
    }

    /// Queues a batch; its outcome will come through the channel returned.
    pub fn submit(&self, batch: Batch) -> Result<oneshot::Receiver<Outcome>, QueueFull> {
        let (reply, outcome) = oneshot::channel();
        let queued = Instant::now();
        let submission = Submission { batch, queued, deadline: queued + self.patience, reply };
        self.sender.try_send(submission).map_err(|_| QueueFull)?;
        Ok(outcome)
    }

    pub fn len(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Groups {
    /// Waits for a batch and takes those behind it along; `None` when no more will come.
    pub async fn next(&self) -> Option<Group> {
        let mut receiver = self.0.lock().await;
        let first = receiver.recv().await?;
        let mut bytes = first.batch.rows.len();
        let mut group = vec![first];
        while bytes < GROUP_BYTES && group.len() < GROUP_BATCHES {
            let Ok(next) = receiver.try_recv() else { break };
            bytes += next.batch.rows.len();
            group.push(next);
        }
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use uuid::Uuid;

    fn batch(bytes: usize) -> Batch {
        Batch {
            id: Uuid::now_v7(),
            key: None,
            records: 1,
            rows: vec![0; bytes].into(),
            days: Default::default(),
            reservation: Budget::new(0).reserve(0).unwrap(),
        }
    }

    #[tokio::test]
    async fn groups_take_what_is_there_up_to_a_size() {
        let (queue, groups) = Queue::new(3, Duration::from_secs(1));
        let _waiting: Vec<_> = (0..3).map(|_| queue.submit(batch(GROUP_BYTES / 2)).unwrap()).collect();
        assert!(queue.submit(batch(1)).is_err(), "the queue is bounded");
        assert_eq!(groups.next().await.unwrap().len(), 2);
        assert_eq!(groups.next().await.unwrap().len(), 1);
        drop(queue);
        assert!(groups.next().await.is_none());
    }
}
