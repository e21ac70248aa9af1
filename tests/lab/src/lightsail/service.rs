//! The account behind its lock: requests in, answers out, every change on disk before it is answered.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::access::{self, Prepared};
use super::account::{Account, Call, Region, Shared};
use super::alarms;
use super::error::{ApiError, Exception};
use super::handlers;
use super::input::Input;
use super::inventory::inventory;
use super::metrics::{Metric, Samples};
use super::operations::{JobId, OperationFault};
use super::resource::now;
use crate::machines::Machines;
use crate::settings::Settings;
use crate::ssh::Authority;
use crate::store;

/// How a rule spoils a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFault {
    /// The answer is of the time before the last change of the region.
    Stale,
    EmptyHostKeys,
}

/// One request, freed of HTTP.
#[derive(Debug)]
pub struct Request {
    pub region: String,
    pub operation: String,
    pub body: Value,
    pub operation_fault: Option<OperationFault>,
    pub read_fault: Option<ReadFault>,
}

/// What is kept on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    pub account: Account,
    pub samples: Samples,
}

/// What is known, and what was known before the last change of each region.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub kept: Kept,
    before: BTreeMap<String, Shared>,
}

pub struct Lightsail {
    known: Mutex<Known>,
    file: PathBuf,
    settings: Arc<RwLock<Settings>>,
    pub(super) machines: Arc<dyn Machines>,
    pub(super) authority: Authority,
    /// One job at a time for each machine.
    pub(super) machine_locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Ends every job and the sampler; replaced by `reset`.
    pub(super) running: Mutex<CancellationToken>,
}

impl Lightsail {
    /// Reads the account from `file`, if it is there, and goes on with the jobs that had not ended.
    pub fn open(
        file: PathBuf,
        settings: Arc<RwLock<Settings>>,
        machines: Arc<dyn Machines>,
        authority: Authority,
        sample_every: Duration,
    ) -> anyhow::Result<Arc<Self>> {
        let kept: Kept = store::read(&file).context("cannot read the account")?.unwrap_or_default();
        let lightsail = Arc::new(Self {
            known: Mutex::new(Known { kept, before: BTreeMap::new() }),
            file,
            settings,
            machines,
            authority,
            machine_locks: Mutex::default(),
            running: Mutex::default(),
        });
        lightsail.resume(false);
        lightsail.sample_regularly(sample_every);
        Ok(lightsail)
    }

    /// Stops all work in the background.
    pub fn shut_down(&self) {
        locked(&self.running).cancel();
    }

    /// Answers one request.
    pub async fn call(self: &Arc<Self>, request: Request) -> Result<Value, ApiError> {
        if !super::catalog::region_exists(&request.region) {
            return Err(ApiError::invalid(format!("Lightsail is not available in the region {}", request.region)));
        }
        let input = Input::new(request.body.clone());
        let prepared = self.prepare(&request, &input).await?;
        let (answer, started) = self.answer(&request, input, prepared);
        for job in started {
            self.spawn(&request.region, job);
        }
        answer
    }

    async fn prepare(&self, request: &Request, input: &Input) -> Result<Prepared, ApiError> {
        let wanted = access::wanted(
            &request.operation,
            input,
            self.lock().kept.account.regions.get(&request.region).map(|it| &**it),
        );
        let mut prepared = access::prepare(wanted, &self.authority).await.map_err(|error| {
            ApiError::new(Exception::Service, "InternalFailure", format!("The lab could not make a key: {error:#}"))
        })?;
        prepared.hide_host_keys = request.read_fault == Some(ReadFault::EmptyHostKeys);
        Ok(prepared)
    }

    /// Works on a draft of the region, which takes the region's place only if the request succeeds.
    fn answer(&self, request: &Request, input: Input, prepared: Prepared) -> (Result<Value, ApiError>, Vec<JobId>) {
        let settings = self.settings();
        let mut known = self.lock();
        let current = known.kept.account.regions.entry(request.region.clone()).or_default().clone();
        let mut draft = match request.read_fault {
            Some(ReadFault::Stale) => known.before.get(&request.region).cloned().unwrap_or_else(|| current.clone()),
            _ => current.clone(),
        };
        let mut call = Call {
            region: &mut draft,
            region_name: &request.region,
            input,
            quotas: &settings.quotas,
            machines: &*self.machines,
            page_size: settings.page_size,
            prepared,
            fault: request.operation_fault.clone(),
            started: Vec::new(),
        };
        let answer = handlers::answer(&request.operation, &mut call, &known.kept.samples, now());
        let started = call.started;
        if handlers::is_read(&request.operation) || answer.is_err() {
            return (answer, Vec::new());
        }
        let next = match request.operation_fault {
            // Nothing changes but that there is an operation, and that it fails.
            Some(OperationFault::Fail { .. }) => {
                let Region { operations, jobs, last_job, .. } = (*draft).clone();
                Region { operations, jobs, last_job, ..(*current).clone() }.into()
            }
            _ => draft,
        };
        known.before.insert(request.region.clone(), current);
        known.kept.account.regions.insert(request.region.clone(), next);
        self.save(&known);
        (answer, started)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }

    /// Changes a region from the inside, keeping the state before it for stale reads.
    pub(super) fn change<T>(&self, region: &str, edit: impl FnOnce(&mut Region, &mut Samples) -> T) -> T {
        let mut known = self.lock();
        let Known { kept, before } = &mut *known;
        let current = kept.account.regions.entry(region.to_owned()).or_default();
        before.insert(region.to_owned(), current.clone());
        let result = edit(current, &mut kept.samples);
        self.save(&known);
        result
    }

    fn save(&self, known: &Known) {
        if let Err(error) = store::write(&self.file, &known.kept) {
            tracing::error!("the account could not be saved: {error:#}");
        }
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The account for comparing two runs.
    pub fn inventory(&self) -> Value {
        inventory(&self.lock().kept.account)
    }

    /// The private addresses of the region's hosts, while its network is not peered with the default VPC.
    pub fn unpeered(&self, region: &str) -> Vec<Ipv4Addr> {
        let known = self.lock();
        let unpeered = known.kept.account.regions.get(region).filter(|region| !region.peered);
        unpeered
            .into_iter()
            .flat_map(|region| region.instances.values())
            .filter_map(|instance| instance.address)
            .collect()
    }

    /// Forgets everything and removes all machines.
    pub async fn reset(self: &Arc<Self>, sample_every: Duration) -> anyhow::Result<()> {
        {
            let mut running = locked(&self.running);
            running.cancel();
            *running = CancellationToken::new();
        }
        {
            let mut known = self.lock();
            *known = Known::default();
            self.save(&known);
        }
        self.sample_regularly(sample_every);
        self.machines.remove_all().await
    }

    /// Sets a metric of an instance to a value, or with `None` back to what is measured, and evaluates the alarms.
    pub fn set_metric(&self, region: &str, instance: &str, metric: &str, value: Option<f64>) -> Result<(), ApiError> {
        let metric =
            Metric::of_instance(metric).ok_or_else(|| ApiError::invalid(format!("There is no metric {metric}")))?;
        self.change(region, |region, samples| {
            let machine = region.instance(instance)?.machine.clone();
            samples.set(&machine, metric, value);
            alarms::evaluate(region, samples, now());
            Ok(())
        })
    }

    /// Sets the status of a contact method, as its owner does by following the link in AWS's message.
    pub fn set_contact_status(&self, region: &str, protocol: &str, status: &str) -> Result<(), ApiError> {
        self.change(region, |region, _| {
            let contact =
                region.contacts.get_mut(protocol).ok_or_else(|| ApiError::not_found("ContactMethod", protocol))?;
            status.clone_into(&mut contact.status);
            Ok(())
        })
    }
}

/// A lock whose holder panicked is still good: every change is made on a draft.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
