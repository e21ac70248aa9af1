//! An account and its hosts in memory: for tests of what steps do to them, in any order and with any fault. It refuses
//! what a cloud refuses, and what infra must never do: stop an instance whose services run, delete one that holds a
//! disk, format a disk that should hold data.

mod account;
mod database;
mod ec2;
mod world;

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

pub use account::ports_of_new;
pub use world::World;

use super::{Access, Cloud, CloudError, CloudErrorKind, Operation, OperationState, Probe};
use crate::executor::{Hosts, Reporter, StepError};
use crate::inventory::{CloudKind, Inventory, ResourceName};
use crate::steps::{Action, CloudAction, HostAction, LocalAction};

/// What becomes of the nth change that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// An error, and nothing has happened.
    Before(CloudErrorKind),
    /// An error, and all of it has happened.
    After(CloudErrorKind),
    /// An operation that ends Failed, and nothing has happened.
    Fails,
}

pub struct FakeCloud {
    at: CloudKind,
    pub world: Mutex<World>,
    fault: Box<dyn Fn(usize) -> Fault + Send + Sync>,
}

type Done = Result<(), (CloudErrorKind, String)>;

fn refused(why: impl Into<String>) -> Done {
    Err((CloudErrorKind::Refused, why.into()))
}

fn ensure(holds: bool, why: &str) -> Done {
    if holds { Ok(()) } else { refused(why) }
}

impl FakeCloud {
    pub fn new(world: World, fault: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Self {
        Self { at: CloudKind::Lightsail, world: Mutex::new(world), fault: Box::new(fault) }
    }

    pub fn ec2(world: World, fault: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Self {
        Self { at: CloudKind::Ec2, ..Self::new(world, fault) }
    }

    pub fn world(&self) -> World {
        self.world.lock().expect("no test panics while it holds the lock").clone()
    }
}

fn error(kind: CloudErrorKind, message: impl Into<String>) -> CloudError {
    CloudError { kind, operation: "Fake".into(), code: format!("{kind:?}"), message: message.into() }
}

#[async_trait]
impl Cloud for FakeCloud {
    async fn observe(&self) -> Result<Inventory, CloudError> {
        Ok(self.world().observe())
    }

    async fn submit(&self, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
        let mut world = self.world.lock().expect("no test panics while it holds the lock");
        let fault = (self.fault)(world.asked);
        world.asked += 1;
        match fault {
            Fault::Before(kind) => return Err(error(kind, "before")),
            Fault::Fails => return Ok(vec![Operation("failed".into())]),
            Fault::None | Fault::After(_) => {}
        }
        world
            .perform(&Action::Cloud { at: self.at, action: action.clone() })
            .map_err(|(kind, why)| error(kind, why))?;
        match fault {
            Fault::After(kind) => Err(error(kind, "after")),
            _ => Ok(vec![Operation("done".into())]),
        }
    }

    async fn operation(&self, operation: &Operation) -> Result<OperationState, CloudError> {
        Ok(match operation.0.as_str() {
            "failed" => OperationState::Failed { code: "Broken".into(), details: "a part is missing".into() },
            _ => OperationState::Done,
        })
    }

    async fn probe(&self, action: &CloudAction) -> Result<Probe, CloudError> {
        Ok(if self.world().has(action) { Probe::Done } else { Probe::Absent })
    }

    async fn serial(&self, _: &ResourceName) -> Result<Option<String>, CloudError> {
        Ok(None)
    }

    async fn access(&self, _: &ResourceName, _: bool) -> Result<Access, CloudError> {
        Err(error(CloudErrorKind::Refused, "there is no machine"))
    }

    async fn burst_percent(&self, _: &ResourceName) -> Result<Option<f64>, CloudError> {
        Ok(None)
    }
}

#[async_trait]
impl Hosts for FakeCloud {
    async fn perform(&self, action: &HostAction, _: Duration, _: &Reporter) -> Result<(), StepError> {
        let mut world = self.world.lock().expect("no test panics while it holds the lock");
        world.perform(&Action::Host(action.clone())).map_err(|(_, why)| StepError::Setup(why))
    }

    async fn local(&self, _: &LocalAction, _: &Reporter) -> Result<(), StepError> {
        Ok(())
    }

    async fn forget(&self, _: &ResourceName) {}

    async fn unpin(&self, _: &ResourceName) -> Result<(), StepError> {
        Ok(())
    }
}
