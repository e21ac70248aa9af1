//! Counting requests by service and operation.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::identify::Target;

#[derive(Debug, Default)]
pub struct Calls {
    counts: Mutex<BTreeMap<String, BTreeMap<String, Count>>>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Count {
    calls: u64,
    mutating: bool,
    /// Answers that were errors, by HTTP status; 0 is a dropped connection.
    errors: BTreeMap<u16, u64>,
}

/// What `GET /_lab/calls` answers.
#[derive(Debug, Serialize)]
pub struct Summary {
    total: u64,
    mutating: u64,
    services: BTreeMap<String, BTreeMap<String, Count>>,
}

impl Calls {
    pub fn count(&self, target: &Target) {
        self.with(target, |count| count.calls += 1);
    }

    pub fn count_error(&self, target: &Target, status: u16) {
        self.with(target, |count| *count.errors.entry(status).or_default() += 1);
    }

    pub fn clear(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn summary(&self) -> Summary {
        let services = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let all = || services.values().flat_map(BTreeMap::values);
        Summary {
            total: all().map(|count| count.calls).sum(),
            mutating: all().filter(|count| count.mutating).map(|count| count.calls).sum(),
            services,
        }
    }

    fn with(&self, target: &Target, edit: impl FnOnce(&mut Count)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(target.service.clone()).or_default().entry(target.operation.clone()).or_default();
        count.mutating = target.mutating;
        edit(count);
    }
}
