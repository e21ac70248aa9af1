//! One request about RDS, on its way to MiniStack and back.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response, header};
use tokio::sync::Notify;

use super::authority::Authority;
use super::behind::{Behind, Caller};
use super::containers::Containers;
use super::create::Creation;
use super::form::Form;
use super::parameters;
use super::records::{Key, Record, Records, Started};
use super::view::{self, Shown};
use crate::gateway::{Passthrough, Target, error_response, is_form};
use crate::lightsail::Lightsail;

const MAX_BODY: usize = 4 * 1024 * 1024;

pub struct Rds {
    pub(super) behind: Behind,
    pub(super) records: Records,
    pub(super) lightsail: Arc<Lightsail>,
    /// Without them an instance exists in the account only.
    pub(super) containers: Option<Containers>,
    /// Something has changed that servers must learn of.
    pub(super) changed: Notify,
}

impl Rds {
    /// `base` is MiniStack's address; `folder` is where records and the authority are kept.
    pub fn open(base: String, folder: &Path, lightsail: Arc<Lightsail>, containers: bool) -> anyhow::Result<Arc<Self>> {
        let authority = Authority::open(folder)?;
        Ok(Arc::new(Self {
            containers: containers.then(|| Containers::new(&base, authority)).transpose()?,
            behind: Behind::new(base)?,
            records: Records::open(folder.join("records.json"))?,
            lightsail,
            changed: Notify::new(),
        }))
    }

    /// Answers a request of any service but Lightsail.
    pub async fn answer(&self, target: &Target, request: Request<Body>, pass: &Passthrough) -> Response<Body> {
        let concerned =
            target.service == "rds" || (target.service == "ec2" && target.operation == "DeleteSecurityGroup");
        let response = match concerned && is_form(request.headers()) {
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
        if target.operation == "CreateDBInstance" && form.get("Engine") != Some("postgres") {
            return Ok(pass.forward(target, Request::from_parts(parts, form.encode().into())).await);
        }
        if let Some(refusal) = self.check(&caller, &target.operation, &form).await? {
            return Ok(error_response(target.protocol, 400, refusal.code, &refusal.message));
        }
        let creation = match target.operation.as_str() {
            "CreateDBInstance" => self.prepare(&caller, &mut form).await?,
            _ => Creation::default(),
        };
        let mut parts = parts;
        parts.headers.remove(header::CONTENT_LENGTH);
        let response = pass.forward(target, Request::from_parts(parts, form.encode().into())).await;
        if !response.status().is_success() {
            self.undo(&caller, creation).await?;
            return Ok(response);
        }
        self.conclude(&caller, &target.operation, &form).await?;
        self.corrected(&caller, response).await
    }

    /// What follows from a request that MiniStack has granted.
    async fn conclude(&self, caller: &Caller, operation: &str, form: &Form) -> anyhow::Result<()> {
        let Some(id) = form.get("DBInstanceIdentifier") else { return Ok(()) };
        let key = Key { region: caller.region.clone(), id: id.to_owned() };
        match operation {
            "DeleteDBInstance" => self.forget(caller, &key).await,
            // Without containers there is no start that would note it.
            "CreateDBInstance" | "RebootDBInstance" if self.containers.is_none() => {
                let started = self.would_start_with(caller, id).await?;
                self.records.change(&key, |record| record.started_with = started);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn forget(&self, caller: &Caller, key: &Key) -> anyhow::Result<()> {
        let Some(record) = self.records.remove(key) else { return Ok(()) };
        if let Some(secret) = &record.secret {
            self.behind.delete_secret(caller, secret).await?;
        }
        match &self.containers {
            Some(containers) => containers.remove(&record).await,
            None => Ok(()),
        }
    }

    /// What the server would have in effect if it started now.
    pub(super) async fn would_start_with(&self, caller: &Caller, id: &str) -> anyhow::Result<Option<Started>> {
        let Some(instance) = self.behind.instance(caller, id).await? else { return Ok(None) };
        let group = self.behind.group(caller, &instance.group).await?;
        Ok(Some(Started { group: instance.group, fixed: parameters::only_static(&group.all) }))
    }

    async fn corrected(&self, caller: &Caller, response: Response<Body>) -> anyhow::Result<Response<Body>> {
        let (mut parts, body) = response.into_parts();
        let body = to_bytes(body, MAX_BODY).await?;
        let text = std::str::from_utf8(&body)?;
        let mut known = BTreeMap::new();
        for id in view::identifiers(text) {
            let key = Key { region: caller.region.clone(), id: id.clone() };
            if let Some(record) = self.records.get(&key) {
                known.insert(id, self.shown(caller, &key, record).await?);
            }
        }
        let corrected = Bytes::from(view::correct(text, &known));
        parts.headers.remove(header::CONTENT_LENGTH);
        Ok(Response::from_parts(parts, Body::from(corrected)))
    }

    async fn shown(&self, caller: &Caller, key: &Key, record: Record) -> anyhow::Result<Shown> {
        let now = self.would_start_with(caller, &key.id).await?;
        let in_sync = record.started_with.is_none() || now.is_none() || record.started_with == now;
        let started = record.started_with.is_some() || self.containers.is_none();
        Ok(Shown { address: record.address, secret: record.secret, unnamed: record.unnamed, started, in_sync })
    }

    /// Removes all instances; MiniStack forgets everything else that it has, too.
    pub async fn reset(&self) -> anyhow::Result<()> {
        self.behind.reset().await?;
        for (key, record) in self.records.all() {
            self.records.remove(&key);
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

/// The key in `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn access_key(headers: &HeaderMap) -> String {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let credential = header.split_once("Credential=").map_or("", |(_, rest)| rest);
    credential.split('/').next().unwrap_or_default().to_owned()
}
