//! Lightsail's operations: what a mutating call returns, and the jobs that bring them to their end.
//!
//! A job is one piece of work behind one or more operations. It stays in the account until its work has really ended, so
//! that a restarted gateway goes on with it.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::page::page;
use super::resource::{Kind, location, now, uuid};
use super::work::Work;

pub type JobId = u64;

/// The service model's enumeration of operation types has none for key pairs, tags and VPC peering.
pub const UNNAMED: &str = "";

/// Enough to look back on a large run.
const KEPT_OPERATIONS: usize = 1000;
/// Ended operations that a restarted gateway still knows. Few, because they are written at every change.
const SAVED_OPERATIONS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    NotStarted,
    Started,
    Failed,
    Completed,
    Succeeded,
}

impl Status {
    fn is_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Completed | Self::Succeeded)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    pub id: String,
    pub resource: String,
    pub kind: Kind,
    /// Lightsail's `operationType`; empty for what its enumeration does not name.
    pub operation_type: String,
    pub details: String,
    pub region: String,
    pub zone: String,
    pub created_at: f64,
    pub changed_at: f64,
    pub status: Status,
    pub error: Option<(String, String)>,
}

/// Work that has not ended, and the operations that end with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub work: Work,
    pub operations: Vec<String>,
    pub fault: Option<OperationFault>,
}

/// How a rule spoils an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationFault {
    /// It ends Failed, and nothing has changed.
    Fail { code: String, details: String },
    /// It stays Started until jobs are resumed.
    NeverEnds,
}

/// One line of an answer: which resource, and what is done to it.
pub struct Subject<'a> {
    pub kind: Kind,
    pub name: &'a str,
    pub zone: &'a str,
    pub details: &'a str,
}

impl Call<'_> {
    /// Answers with operations for `subjects` that end when `work` has been done.
    pub fn start(&mut self, operation_type: &str, work: Work, subjects: &[Subject<'_>]) -> Value {
        let done_at_once = matches!(work, Work::Nothing) && self.fault.is_none();
        let status = if done_at_once { Status::Succeeded } else { Status::Started };
        let operations: Vec<Operation> =
            subjects.iter().map(|subject| operation(self.region_name, operation_type, subject, status)).collect();
        let answer = json!(operations.iter().map(Operation::view).collect::<Vec<_>>());
        if !done_at_once {
            self.enqueue(work, operations.iter().map(|operation| operation.id.clone()).collect());
        }
        self.region.operations.extend(operations);
        let excess = self.region.operations.len().saturating_sub(KEPT_OPERATIONS);
        self.region.operations.drain(..excess);
        answer
    }

    /// `start` for the calls that answer with `operations`.
    pub fn operations(&mut self, operation_type: &str, work: Work, subjects: &[Subject<'_>]) -> Answer {
        Ok(json!({ "operations": self.start(operation_type, work, subjects) }))
    }

    /// `start` for the calls that answer with one `operation`.
    pub fn operation(&mut self, operation_type: &str, work: Work, subject: Subject<'_>) -> Answer {
        Ok(json!({ "operation": self.start(operation_type, work, &[subject])[0] }))
    }

    fn enqueue(&mut self, work: Work, operations: Vec<String>) {
        self.region.last_job += 1;
        let id = self.region.last_job;
        self.region.jobs.insert(id, Job { work, operations, fault: self.fault.clone() });
        self.started.push(id);
    }
}

fn operation(region: &str, operation_type: &str, subject: &Subject<'_>, status: Status) -> Operation {
    Operation {
        id: uuid(),
        resource: subject.name.to_owned(),
        kind: subject.kind,
        operation_type: operation_type.to_owned(),
        details: subject.details.to_owned(),
        region: region.to_owned(),
        zone: subject.zone.to_owned(),
        created_at: now(),
        changed_at: now(),
        status,
        error: None,
    }
}

/// What of the operations is written to disk: those that have not ended, and the last ones that have.
pub fn save_recent<S: Serializer>(operations: &[Operation], serializer: S) -> Result<S::Ok, S::Error> {
    let old = operations.len().saturating_sub(SAVED_OPERATIONS);
    let saved =
        operations.iter().enumerate().filter(|(index, operation)| *index >= old || !operation.status.is_terminal());
    serializer.collect_seq(saved.map(|(_, operation)| operation))
}

impl Operation {
    pub fn view(&self) -> Value {
        let mut view = json!({
            "id": self.id, "resourceName": self.resource, "resourceType": self.kind.name(), "createdAt": self.created_at,
            "location": location(&self.region, &self.zone), "isTerminal": self.status.is_terminal(),
            "operationDetails": self.details, "status": self.status, "statusChangedAt": self.changed_at,
        });
        if !self.operation_type.is_empty() {
            view["operationType"] = json!(self.operation_type);
        }
        if let Some((code, details)) = &self.error {
            view["errorCode"] = json!(code);
            view["errorDetails"] = json!(details);
        }
        view
    }
}

impl Region {
    /// Ends a job: its operations become terminal and it is forgotten.
    pub fn end_job(&mut self, id: JobId, error: Option<(String, String)>) {
        let Some(job) = self.jobs.remove(&id) else { return };
        for operation in self.operations.iter_mut().filter(|operation| job.operations.contains(&operation.id)) {
            operation.status = if error.is_some() { Status::Failed } else { Status::Succeeded };
            operation.changed_at = now();
            operation.error = error.clone();
        }
    }
}

pub fn get(call: &Call<'_>) -> Answer {
    let id = call.input.text("operationId")?;
    let found = call.region.operations.iter().find(|operation| operation.id == id);
    let found = found.ok_or_else(|| ApiError::not_found("Operation", id))?;
    Ok(json!({ "operation": found.view() }))
}

pub fn list(call: &Call<'_>) -> Answer {
    page(call, "operations", call.region.operations.iter().rev().map(Operation::view))
}

pub fn list_for_resource(call: &Call<'_>) -> Answer {
    let name = call.input.text("resourceName")?;
    let of_resource = call.region.operations.iter().rev().filter(|operation| operation.resource == name);
    page(call, "operations", of_resource.map(Operation::view))
}
