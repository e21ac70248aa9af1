//! Requests that a rule holds: they wait until they are released or their client goes away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use super::identify::Target;

#[derive(Debug, Default)]
pub struct Holds {
    held: Mutex<(u64, BTreeMap<u64, Held>)>,
}

#[derive(Debug, Clone, Serialize)]
struct Held {
    service: String,
    operation: String,
    /// Whether the request has had its effect.
    after_effect: bool,
    #[serde(skip)]
    release: Arc<Notify>,
}

/// Takes a request off the list, also when it ends because its client has gone.
struct Place<'a> {
    holds: &'a Holds,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.holds.lock().1.remove(&self.id);
    }
}

impl Holds {
    pub async fn wait(&self, target: &Target, after_effect: bool) {
        let release = Arc::new(Notify::new());
        let held = Held {
            service: target.service.clone(),
            operation: target.operation.clone(),
            after_effect,
            release: Arc::clone(&release),
        };
        let place = self.enter(held);
        release.notified().await;
        drop(place);
    }

    fn enter(&self, held: Held) -> Place<'_> {
        let (last, all) = &mut *self.lock();
        *last += 1;
        all.insert(*last, held);
        Place { holds: self, id: *last }
    }

    /// Lets a request go on; says whether it was there.
    pub fn release(&self, id: u64) -> bool {
        self.lock().1.get(&id).inspect(|held| held.release.notify_one()).is_some()
    }

    pub fn list(&self) -> serde_json::Value {
        let held = self.lock();
        let list = held.1.iter().map(|(id, held)| {
            let mut view = serde_json::json!(held);
            view["id"] = serde_json::json!(id);
            view
        });
        list.collect()
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Held>)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
