//! One budget of bytes for everything that requests hold in memory.
//!
//! A request waits a moment for its share, with its body still unread, and is then told to come back; while it is worked
//! on it takes more only if that is free. So memory stays bounded however many clients send at once, and no two requests
//! wait for each other.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget is spent; the request should be answered with 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memory for requests in flight is spent")]
pub struct Spent;

/// Bytes that may be held by all requests together.
#[derive(Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    total: usize,
}

/// A share of the budget, given back on drop.
pub struct Reservation {
    free: Arc<Semaphore>,
    held: OwnedSemaphorePermit,
}

impl Budget {
    pub fn new(total: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(total)), total }
    }

    pub fn reserve(&self, bytes: usize) -> Result<Reservation, Spent> {
        let held = acquire(&self.free, bytes)?;
        Ok(Reservation { free: self.free.clone(), held })
    }

    /// Waits up to `patience`, first come, first served.
    pub async fn wait_for(&self, bytes: usize, patience: Duration) -> Result<Reservation, Spent> {
        let permits = u32::try_from(bytes).map_err(|_| Spent)?;
        let acquire = self.free.clone().acquire_many_owned(permits);
        match tokio::time::timeout(patience, acquire).await {
            Ok(Ok(held)) => Ok(Reservation { free: self.free.clone(), held }),
            _ => Err(Spent),
        }
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.total - self.free.available_permits()
    }
}

impl Reservation {
    pub fn bytes(&self) -> usize {
        self.held.num_permits()
    }

    /// Makes sure that the reservation covers `bytes`.
    pub fn cover(&mut self, bytes: usize) -> Result<(), Spent> {
        if bytes > self.bytes() { self.resize(bytes) } else { Ok(()) }
    }

    /// Brings the reservation to `bytes`, up or down.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Spent> {
        let now = self.bytes();
        if bytes > now {
            self.held.merge(acquire(&self.free, bytes - now)?);
        } else {
            drop(self.held.split(now - bytes));
        }
        Ok(())
    }
}

fn acquire(free: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Spent> {
    let permits = u32::try_from(bytes).map_err(|_| Spent)?;
    free.clone().try_acquire_many_owned(permits).map_err(|_| Spent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_hands_out_more_than_it_has() {
        let budget = Budget::new(100);
        let mut first = budget.reserve(60).unwrap();
        assert!(budget.reserve(41).is_err());
        assert!(first.resize(101).is_err());
        assert_eq!(first.bytes(), 60, "a refused growth changes nothing");
        first.resize(100).unwrap();
        first.resize(10).unwrap();
        let second = budget.reserve(90).unwrap();
        assert_eq!(budget.held(), 100);
        first.cover(5).unwrap();
        assert_eq!(first.bytes(), 10, "covering never gives back");
        drop((first, second));
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_a_share_but_not_for_ever() {
        let budget = Budget::new(10);
        let all = budget.reserve(10).unwrap();
        let patience = Duration::from_secs(1);
        assert!(budget.wait_for(1, patience).await.is_err());
        let (share, ()) = tokio::join!(budget.wait_for(1, patience), async {
            tokio::time::sleep(patience / 2).await;
            drop(all);
        });
        assert_eq!(share.unwrap().bytes(), 1);
    }
}
