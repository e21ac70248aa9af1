//! Requests and answers that the service model does not allow, and calls without a right to them. An answer here is a fault of
//! the lab.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::model::Finding;

/// Enough to see what is wrong.
const KEPT: usize = 200;

#[derive(Debug, Clone, Serialize)]
struct Violation {
    operation: String,
    #[serde(flatten)]
    finding: Finding,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    request_count: u64,
    response_count: u64,
    requests: Vec<Violation>,
    responses: Vec<Violation>,
    /// Actions that their caller had no right to.
    denied: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct Violations(Mutex<Summary>);

impl Violations {
    pub fn requests(&self, operation: &str, findings: &[Finding]) {
        let mut summary = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        summary.request_count += findings.len() as u64;
        keep(&mut summary.requests, operation, findings);
    }

    pub fn responses(&self, operation: &str, findings: &[Finding]) {
        for finding in findings {
            tracing::error!("the answer to {operation} breaks the model at {}: {}", finding.path, finding.message);
        }
        let mut summary = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        summary.response_count += findings.len() as u64;
        keep(&mut summary.responses, operation, findings);
    }

    pub fn denied(&self, action: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).denied.insert(action.to_owned());
    }

    pub fn summary(&self) -> Summary {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn keep(kept: &mut Vec<Violation>, operation: &str, findings: &[Finding]) {
    let room = KEPT.saturating_sub(kept.len());
    let new = findings.iter().take(room).cloned();
    kept.extend(new.map(|finding| Violation { operation: operation.to_owned(), finding }));
}
