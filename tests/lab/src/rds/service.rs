//! One request about RDS, on its way to MiniStack and back.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response, header};
use tokio::sync::Notify;

use super::authority::Authority;
use super::containers::Containers;
use super::create::Creation;
use super::parameters;
use super::records::{Key, Record, Records, Started};
use super::view::{self, Shown};
use crate::behind::{Behind, Caller};
use crate::ec2::Ec2;
use crate::form::Form;
use crate::gateway::{Passthrough, Target, access_key, error_response, is_form};
use crate::lightsail::Lightsail;

const MAX_BODY: usize = 4 * 1024 * 1024;
const ENGINES: [&str; 2] = ["postgres", "aurora-postgresql"];
/// Of any engine: those of others, and of none, are MiniStack's alone.
const MAKES: [&str; 2] = ["CreateDBInstance", "CreateDBCluster"];

pub struct Rds {
    pub(super) behind: Behind,
    pub(super) records: Records,
    pub(super) lightsail: Arc<Lightsail>,
    /// Security groups are there.
    pub(super) ec2: Arc<Ec2>,
    /// Without them an instance exists in the account only.
    pub(super) containers: Option<Containers>,
    /// Something has changed that servers must learn of.
    pub(super) changed: Arc<Notify>,
}

impl Rds {
    /// `base` is MiniStack's address; `folder` is where records and the authority are kept.
    pub fn open(
        base: String,
        folder: &Path,
        lightsail: Arc<Lightsail>,
        ec2: Arc<Ec2>,
        containers: bool,
    ) -> anyhow::Result<Arc<Self>> {
        let authority = Authority::open(folder)?;
        let changed = Arc::<Notify>::default();
        ec2.tell(Arc::clone(&changed));
        Ok(Arc::new(Self {
            containers: containers.then(|| Containers::new(&base, authority)).transpose()?,
            behind: Behind::new(base)?,
            records: Records::open(folder.join("records.json"))?,
            lightsail,
            ec2,
            changed,
        }))
    }

    /// Answers a request of any service but Lightsail and EC2.
    pub async fn answer(&self, target: &Target, request: Request<Body>, pass: &Passthrough) -> Response<Body> {
        let response = match target.service == "rds" && is_form(request.headers()) {
            true => self.intercept(target, request, pass).await,
            false => Ok(pass.forward(target, request).await),
        };
        self.notice(target);
        response.unwrap_or_else(|error| error_response(target.protocol, 500, "InternalFailure", &format!("{error:#}")))
    }

    /// Tells the servers of instances of a change that may concern them: addresses, rules, parameters.
    pub fn notice(&self, target: &Target) {
        if target.mutating && ["rds", "ec2", "lightsail"].contains(&target.service.as_str()) {
            self.changed.notify_one();
        }
    }

    async fn intercept(
        &self,
        target: &Target,
        request: Request<Body>,
        pass: &Passthrough,
    ) -> anyhow::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let mut form = Form::parse(&to_bytes(body, MAX_BODY).await?);
        let caller = Caller { access_key: access_key(&parts.headers), region: target.region.clone() };
        let ours = form.get("Engine").is_some_and(|engine| ENGINES.contains(&engine));
        if MAKES.contains(&target.operation.as_str()) && !ours {
            return Ok(pass.forward(target, Request::from_parts(parts, form.encode().into())).await);
        }
        let key = self.about(&caller, &form).await?;
        let serves = key.as_ref().is_some_and(Key::is_cluster);
        if let Some(refusal) = self.check(&caller, &target.operation, &form, serves).await? {
            return Ok(error_response(target.protocol, 400, refusal.code, &refusal.message));
        }
        let creation = match target.operation.as_str() {
            "CreateDBInstance" if !serves => self.prepare(&caller, &mut form).await?,
            "CreateDBCluster" => self.prepare_cluster(&caller, &mut form).await?,
            _ => Creation::default(),
        };
        let last = self.last_snapshot(&caller, &target.operation, &form).await?;
        let mut parts = parts;
        parts.headers.remove(header::CONTENT_LENGTH);
        let response = pass.forward(target, Request::from_parts(parts, form.encode().into())).await;
        if !response.status().is_success() {
            self.undo(&caller, creation).await?;
            if let Some(snapshot) = last {
                self.behind.forget_snapshot(&caller, &snapshot).await?;
            }
            return Ok(response);
        }
        if let Some(key) = key {
            self.conclude(&caller, &target.operation, &key).await?;
        }
        self.corrected(&caller, response).await
    }

    /// The database that a request names: its cluster, where it has one.
    async fn about(&self, caller: &Caller, form: &Form) -> anyhow::Result<Option<Key>> {
        if let Some(cluster) = form.get("DBClusterIdentifier") {
            return Ok(Some(Key::cluster(&caller.region, cluster)));
        }
        let Some(id) = form.get("DBInstanceIdentifier") else { return Ok(None) };
        let cluster = self.behind.cluster_of(caller, id).await?;
        let key = cluster.map(|cluster| Key::cluster(&caller.region, &cluster));
        Ok(Some(key.unwrap_or_else(|| Key::instance(&caller.region, id))))
    }

    /// Of a cluster, while there is one to take it of; MiniStack takes none.
    async fn last_snapshot(&self, caller: &Caller, operation: &str, form: &Form) -> anyhow::Result<Option<String>> {
        let names = form.get("DBClusterIdentifier").zip(form.get("FinalDBSnapshotIdentifier"));
        let Some((cluster, snapshot)) = names.filter(|_| operation == "DeleteDBCluster") else { return Ok(None) };
        self.behind.snapshot_cluster(caller, cluster, snapshot).await?;
        Ok(Some(snapshot.to_owned()))
    }

    /// What follows from a request that MiniStack has granted.
    async fn conclude(&self, caller: &Caller, operation: &str, key: &Key) -> anyhow::Result<()> {
        match operation {
            // What a cluster's instance leaves is its cluster's.
            "DeleteDBInstance" if key.is_cluster() => Ok(()),
            "DeleteDBInstance" | "DeleteDBCluster" => self.forget(caller, key).await,
            // Without containers there is no start that would note it.
            "CreateDBInstance" | "RebootDBInstance" if self.containers.is_none() => {
                let started = self.would_start_with(caller, key).await?;
                self.records.change(key, |record| record.started_with = started);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn forget(&self, caller: &Caller, key: &Key) -> anyhow::Result<()> {
        let Some(record) = self.records.remove(key) else { return Ok(()) };
        self.ec2.note_database(&key.to_string(), None);
        if let Some(secret) = &record.secret {
            self.behind.delete_secret(caller, secret).await?;
        }
        match &self.containers {
            Some(containers) => containers.remove(&record).await,
            None => Ok(()),
        }
    }

    /// What the server would have in effect if it started now.
    pub(super) async fn would_start_with(&self, caller: &Caller, key: &Key) -> anyhow::Result<Option<Started>> {
        let Some(instance) = self.behind.instance(caller, key).await? else { return Ok(None) };
        let group = self.behind.group(caller, key, &instance.group).await?;
        Ok(Some(Started { group: instance.group, fixed: parameters::only_static(&group.all) }))
    }

    async fn corrected(&self, caller: &Caller, response: Response<Body>) -> anyhow::Result<Response<Body>> {
        let (mut parts, body) = response.into_parts();
        let body = to_bytes(body, MAX_BODY).await?;
        let text = std::str::from_utf8(&body)?;
        let mut known = BTreeMap::new();
        for key in view::keys(&caller.region, text) {
            if let Some(record) = self.records.get(&key) {
                let shown = self.shown(caller, &key, record).await?;
                known.insert(key, shown);
            }
        }
        let corrected = Bytes::from(view::correct(&caller.region, text, &known));
        parts.headers.remove(header::CONTENT_LENGTH);
        Ok(Response::from_parts(parts, Body::from(corrected)))
    }

    async fn shown(&self, caller: &Caller, key: &Key, record: Record) -> anyhow::Result<Shown> {
        let now = self.would_start_with(caller, key).await?;
        let in_sync = record.started_with.is_none() || now.is_none() || record.started_with == now;
        let started = record.started_with.is_some() || self.containers.is_none();
        Ok(Shown { address: record.address, secret: record.secret, unnamed: record.unnamed, started, in_sync })
    }

    /// Removes all instances; MiniStack forgets everything else that it has, too.
    pub async fn reset(&self) -> anyhow::Result<()> {
        self.behind.reset().await?;
        for (key, record) in self.records.all() {
            self.records.remove(&key);
            self.ec2.note_database(&key.to_string(), None);
            if let Some(containers) = &self.containers {
                containers.remove(&record).await?;
            }
        }
        Ok(())
    }

    /// Hosts that a region's databases cannot reach: Lightsail's, while its network is not peered.
    pub(super) fn unreachable(&self, region: &str) -> Vec<Ipv4Addr> {
        self.lightsail.unpeered(region)
    }
}
