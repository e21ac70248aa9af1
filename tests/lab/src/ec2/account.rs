//! The account: everything that EC2 remembers, as plain data. No machine is touched here and nothing waits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::addresses::Address;
use super::error::ApiError;
use super::groups::{self, Group};
use super::input::{Input, Tags};
use super::instances::{Instance, State};
use super::jobs::{Fault, Job, JobId};
use super::key_pairs::KeyPair;
use super::network::Network;
use super::snapshots::Snapshot;
use super::spot::SpotRequest;
use super::tokens::Token;
use super::volumes::Volume;
use super::work::Work;
use crate::lightsail::now;
use crate::machines::Machines;
use crate::settings::Settings;
use crate::ssh::Key;

/// All regions, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    pub regions: BTreeMap<String, Region>,
}

/// One region. Resources are keyed by id, key pairs by name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Region {
    pub instances: BTreeMap<String, Instance>,
    pub volumes: BTreeMap<String, Volume>,
    pub snapshots: BTreeMap<String, Snapshot>,
    pub addresses: BTreeMap<String, Address>,
    pub groups: BTreeMap<String, Group>,
    pub key_pairs: BTreeMap<String, KeyPair>,
    pub spot_requests: BTreeMap<String, SpotRequest>,
    /// What was made for each client token.
    pub tokens: BTreeMap<String, Token>,
    /// The public address that was handed out last: the next one is another.
    pub last_address: Option<std::net::Ipv4Addr>,
    /// Work that has not ended.
    pub jobs: BTreeMap<JobId, Job>,
    pub last_job: JobId,
}

/// An account's region is never empty: it has the default security group.
impl Default for Region {
    fn default() -> Self {
        let (instances, volumes, snapshots, addresses) = Default::default();
        let (key_pairs, spot_requests, tokens, jobs) = Default::default();
        let groups = BTreeMap::from([(groups::DEFAULT.to_owned(), Group::default_of_vpc())]);
        let (last_address, last_job) = (None, 0);
        Self {
            instances,
            volumes,
            snapshots,
            addresses,
            groups,
            key_pairs,
            spot_requests,
            tokens,
            last_address,
            jobs,
            last_job,
        }
    }
}

impl Region {
    pub fn instance(&self, id: &str) -> Result<&Instance, ApiError> {
        self.instances.get(id).ok_or_else(|| no_instance(&[id]))
    }

    pub fn instance_mut(&mut self, id: &str) -> Result<&mut Instance, ApiError> {
        self.instances.get_mut(id).ok_or_else(|| no_instance(&[id]))
    }

    pub fn volume(&self, id: &str) -> Result<&Volume, ApiError> {
        self.volumes.get(id).ok_or_else(|| no_volume(id))
    }

    pub fn volume_mut(&mut self, id: &str) -> Result<&mut Volume, ApiError> {
        self.volumes.get_mut(id).ok_or_else(|| no_volume(id))
    }

    /// The volumes that are attached to an instance, or about to be.
    pub fn volumes_of<'a>(&'a self, instance: &'a str) -> impl Iterator<Item = &'a Volume> {
        self.volumes.values().filter(move |volume| volume.holder() == Some(instance))
    }

    /// The tags of whatever has this id, and EC2's name for its kind.
    pub fn tags_mut(&mut self, id: &str) -> Option<(&'static str, &mut Tags)> {
        let kind = id.rsplit_once('-').map(|(kind, _)| kind)?;
        match kind {
            "i" => self.instances.get_mut(id).map(|it| ("instance", &mut it.tags)),
            "vol" => self.volumes.get_mut(id).map(|it| ("volume", &mut it.tags)),
            "snap" => self.snapshots.get_mut(id).map(|it| ("snapshot", &mut it.tags)),
            "eipalloc" => self.addresses.get_mut(id).map(|it| ("elastic-ip", &mut it.tags)),
            "sg" => self.groups.get_mut(id).map(|it| ("security-group", &mut it.tags)),
            "key" => self.key_pairs.values_mut().find(|pair| pair.id == id).map(|pair| ("key-pair", &mut pair.tags)),
            "sir" => self.spot_requests.get_mut(id).map(|it| ("spot-instances-request", &mut it.tags)),
            "sgr" => {
                let mut rules = self.groups.values_mut().flat_map(|group| &mut group.rules);
                rules.find(|rule| rule.id == id).map(|rule| ("security-group-rule", &mut rule.tags))
            }
            "eni" => self
                .instances
                .values_mut()
                .find(|instance| instance.interface.id == id)
                .map(|instance| ("network-interface", &mut instance.interface.tags)),
            _ => None,
        }
    }

    /// Instances that have, or are getting, a machine.
    pub fn machines(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values().filter(|instance| instance.state != State::Terminated)
    }
}

pub fn no_instance(ids: &[&str]) -> ApiError {
    let (noun, verb, ids) = match ids {
        [one] => ("ID", "does", (*one).to_owned()),
        more => ("IDs", "do", more.join(", ")),
    };
    ApiError::new("InvalidInstanceID.NotFound", format!("The instance {noun} '{ids}' {verb} not exist"))
}

fn no_volume(id: &str) -> ApiError {
    ApiError::not_found("InvalidVolume", "volume", id)
}

/// What had to be found out before the account was locked.
#[derive(Debug, Default)]
pub struct Prepared {
    pub network: Network,
    /// A new key pair's halves.
    pub key: Option<Key>,
    /// What the named instance profile is.
    pub profile: Option<Profile>,
    /// A database is in the security group that is to be deleted.
    pub group_in_use: Option<String>,
    /// The rule that lets the console be empty.
    pub hide_console: bool,
}

/// An instance profile of IAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub name: String,
    pub arn: String,
    pub id: String,
}

/// One request on its way through: what it asks, the region it may change, and what it starts.
pub struct Call<'a> {
    pub region: &'a mut Region,
    pub region_name: &'a str,
    pub input: Input<'a>,
    pub settings: &'a Settings,
    pub machines: &'a dyn Machines,
    pub prepared: Prepared,
    pub fault: Option<Fault>,
    /// Jobs to run once the request has been answered.
    pub started: Vec<JobId>,
}

impl Call<'_> {
    /// Work that is done after the answer. Only work that begins something can be made to fail.
    pub fn start(&mut self, work: Work) {
        let fault = self.fault.clone().filter(|_| work.may_fail());
        self.region.last_job += 1;
        let id = self.region.last_job;
        self.region.jobs.insert(id, Job { work, fault, asked_at: now() });
        self.started.push(id);
    }

    /// Brings what every host lets in up to date.
    pub fn refresh_firewalls(&mut self) {
        let running = self.region.instances.values().filter(|instance| instance.state == State::Running);
        let running: Vec<String> = running.map(|instance| instance.id.clone()).collect();
        for instance in running {
            self.start(Work::Firewall { instance });
        }
    }

    pub fn check_zone(&self, zone: &str) -> Result<(), ApiError> {
        match self.prepared.network.zones().iter().any(|known| known == zone) {
            true => Ok(()),
            false => Err(ApiError::new(
                "InvalidParameterValue",
                format!("The availability zone '{zone}' is invalid. It does not exist in {}", self.region_name),
            )),
        }
    }
}

/// What a handler answers.
pub type Answer = Result<Value, ApiError>;
