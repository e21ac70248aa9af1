//! Putting a release in service, and going back to an earlier one.
//!
//! upload → secrets → verify and pull images → start and wait for health → switch `current` → prune. Everything from
//! the pull on is one script on the host that does not need the connection: cut off, it still ends in a working release,
//! the new or the old. A repeated deployment waits for it and finds its result.

use super::error::{Aftermath, HostError};
use super::lock::HostLock;
use super::progress::{Phase, Progress};
use super::release::ReleaseSpec;
use super::release_policy::{next_number, previous, reusable, rollback_target, to_prune};
use super::script::Script;
use super::session::Session;
use super::site::Site;
use crate::inventory::host_facts::{HostFacts, ReleaseFacts};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    pub release: u32,
    /// False when the host had this very release already, and it was only made sure that it runs.
    pub uploaded: bool,
}

/// A release that is on the host.
pub(super) struct Staged {
    pub release: u32,
    pub uploaded: bool,
    /// Of before.
    facts: HostFacts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    pub release: u32,
    pub from: Option<u32>,
}

impl Session {
    /// Puts a release in service. The caller holds the lock and has pushed the images.
    pub async fn deploy(
        &self,
        lock: &HostLock,
        spec: &ReleaseSpec,
        progress: &Progress,
    ) -> Result<Deployed, HostError> {
        let Staged { release, uploaded, facts } = self.stage(lock, spec, progress).await?;
        let images = spec.images.iter().map(|image| format!("{} {}", image.reference, image.id)).collect();
        let start = Start {
            site: &spec.site,
            release,
            previous: previous(&facts, release),
            images,
            verb: "deploy",
            by: &spec.by,
        };
        self.activate(&start, spec.health_timeout.as_secs(), progress).await?;
        progress.phase(Phase::Prune, String::new());
        self.prune(&spec.site).await?;
        Ok(Deployed { release, uploaded })
    }

    /// Brings a release and its secrets to the host; starts nothing of it.
    pub(super) async fn stage(
        &self,
        lock: &HostLock,
        spec: &ReleaseSpec,
        progress: &Progress,
    ) -> Result<Staged, HostError> {
        let facts = self.settled(&spec.site).await?;
        self.still_locked(lock, "deploying")?;
        self.audit_takeover(lock, &spec.site, &spec.by).await?;
        let reused = reusable(&facts, &spec.bundle_hash);
        let release = reused.unwrap_or_else(|| next_number(&facts));
        if reused.is_none() {
            progress.phase(Phase::Upload, format!("release {release}"));
            self.upload(spec, release).await?;
        }
        progress.phase(Phase::Secrets, spec.secrets.join(", "));
        self.make_secrets(&spec.site, &spec.secrets).await?;
        self.still_locked(lock, "deploying")?;
        Ok(Staged { release, uploaded: reused.is_none(), facts })
    }

    /// Puts an earlier release in service: `to`, or the newest healthy one before the current.
    pub async fn rollback(
        &self,
        lock: &HostLock,
        site: &Site,
        to: Option<u32>,
        by: &str,
        health_timeout: std::time::Duration,
        progress: &Progress,
    ) -> Result<RolledBack, HostError> {
        let facts = self.settled(site).await?;
        self.still_locked(lock, "rolling back")?;
        self.audit_takeover(lock, site, by).await?;
        let target = rollback_target(&facts, to).map_err(|available| HostError::NoRelease {
            host: self.host(),
            release: to,
            available,
        })?;
        let images = target.images.iter().map(|image| format!("{} {}", image.reference, image.id)).collect();
        let previous = previous(&facts, target.number);
        let start = Start { site, release: target.number, previous, images, verb: "rollback", by };
        self.activate(&start, health_timeout.as_secs(), progress).await?;
        Ok(RolledBack { release: target.number, from: facts.current_release })
    }

    /// The current release again, with what has changed around it.
    pub(super) async fn restart(
        &self,
        lock: &HostLock,
        site: &Site,
        facts: &HostFacts,
        by: &str,
        health_timeout: std::time::Duration,
        progress: &Progress,
    ) -> Result<u32, HostError> {
        self.still_locked(lock, "restarting the release")?;
        let Some(current) = facts.current() else {
            return Err(HostError::NoRelease { host: self.host(), release: None, available: vec![] });
        };
        let images = current.images.iter().map(|image| format!("{} {}", image.reference, image.id)).collect();
        let start = Start { site, release: current.number, previous: None, images, verb: "repoint", by };
        self.activate(&start, health_timeout.as_secs(), progress).await?;
        Ok(current.number)
    }

    /// The releases on the host, oldest first.
    pub async fn releases(&self, site: &Site) -> Result<Vec<ReleaseFacts>, HostError> {
        self.facts(site).await.map(|facts| facts.releases)
    }

    /// Stops the services in their order, so that the database shuts down clean. Nothing to stop is no error.
    pub async fn stop_bundle(&self, site: &Site) -> Result<(), HostError> {
        self.run(&site_script("stopping the bundle", include_str!("scripts/stop.sh"), site)).await.map(drop)
    }

    /// Adds a line to the host's audit log.
    pub async fn audit(&self, site: &Site, who: &str, verb: &str, result: &str) -> Result<(), HostError> {
        let entry = serde_json::json!({ "who": who, "verb": verb, "plan": site.plan.as_str(), "result": result });
        let script = site_script(
            "writing the audit log",
            concat!(include_str!("scripts/state.sh"), include_str!("scripts/audit.sh")),
            site,
        )
        .set("ENTRY", entry.to_string());
        self.run(&script).await.map(drop)
    }

    /// Waits for what a lost connection left running, makes the folders, and observes.
    pub(super) async fn settled(&self, site: &Site) -> Result<HostFacts, HostError> {
        let script = concat!(include_str!("scripts/state.sh"), include_str!("scripts/init_state.sh"));
        self.run(&site_script("preparing the release's place", script, site)).await?;
        self.facts(site).await
    }

    /// A lock that a dead holder left behind is worth a line: its change may be half done.
    async fn audit_takeover(&self, lock: &HostLock, site: &Site, by: &str) -> Result<(), HostError> {
        let Some(dead) = &lock.taken_over_from else { return Ok(()) };
        let result = format!("from {} ({} since {})", dead.who, dead.verb, dead.since);
        self.audit(site, by, "take over the lock", &result).await
    }

    fn still_locked(&self, lock: &HostLock, operation: &str) -> Result<(), HostError> {
        if lock.is_held() {
            return Ok(());
        }
        Err(HostError::LockLost { host: self.host(), operation: operation.to_owned() })
    }

    async fn upload(&self, spec: &ReleaseSpec, release: u32) -> Result<(), HostError> {
        let facts = spec.facts(release, jiff::Timestamp::now().to_string());
        let mut tar = Vec::new();
        let io = |source| HostError::Io { operation: "pack", path: spec.bundle.root.clone(), source };
        spec.write_tar(&facts, &mut tar).map_err(io)?;
        let script = site_script("uploading the release", include_str!("scripts/upload.sh"), &spec.site)
            .set("RELEASE", release.to_string());
        let mut running = self.start(&script).await?;
        running.send(&tar).await?;
        running.output().await.map(drop)
    }

    async fn make_secrets(&self, site: &Site, names: &[String]) -> Result<(), HostError> {
        let script = site_script("making secrets", include_str!("scripts/secrets.sh"), site).list("NAMES", names);
        self.run(&script).await.map(drop)
    }

    async fn activate(&self, start: &Start<'_>, timeout: u64, progress: &Progress) -> Result<(), HostError> {
        progress.phase(Phase::Start, format!("release {}", start.release));
        let running = self.start(&start.script(timeout)).await?;
        let finished = running.finish(progress).await?;
        let answer = finished.success(&self.host(), "starting the release")?;
        start.result(self.host(), &answer)
    }

    async fn prune(&self, site: &Site) -> Result<(), HostError> {
        let facts = self.facts(site).await?;
        let (releases, images) = to_prune(&facts);
        let script = site_script("removing old releases", include_str!("scripts/prune.sh"), site)
            .list("RELEASES", releases.iter().map(u32::to_string))
            .list("IMAGES", images);
        self.run(&script).await.map(drop)
    }
}

/// A script with what every script about a site needs.
pub(super) fn site_script(name: &'static str, body: &'static str, site: &Site) -> Script {
    Script::new(name, body)
        .set("PLAN", site.plan.as_str())
        .set("HOST", site.host.as_str())
        .set("STATE", site.state_dir())
        .list("MOUNTS", site.disks.iter().map(|disk| disk.mount.as_str()))
}

/// The start of one release, and what to go back to.
struct Start<'a> {
    site: &'a Site,
    release: u32,
    previous: Option<u32>,
    /// `reference id`.
    images: Vec<String>,
    verb: &'static str,
    by: &'a str,
}

impl Start<'_> {
    fn script(&self, timeout: u64) -> Script {
        let entry = serde_json::json!({
            "who": self.by, "verb": self.verb, "plan": self.site.plan.as_str(), "release": self.release, "previous": self.previous,
        });
        let script = concat!(
            include_str!("scripts/point_release.sh"),
            include_str!("scripts/standing.sh"),
            include_str!("scripts/activate.sh")
        );
        site_script("starting the release", script, self.site)
            .set("RELEASE", self.release.to_string())
            .set("PREVIOUS", self.previous.map(|number| number.to_string()).unwrap_or_default())
            .set("TIMEOUT", timeout.to_string())
            .set("ENTRY", entry.to_string())
            .list("PUSHED", &self.images)
    }

    /// First line: the result; then the report of a failure.
    fn result(&self, host: String, answer: &str) -> Result<(), HostError> {
        let (result, report) = answer.split_once('\n').unwrap_or((answer, ""));
        let (release, report) = (self.release, report.trim_end().to_owned());
        let (result, detail) = result.split_once(' ').unwrap_or((result, ""));
        match (result, self.previous) {
            ("healthy", _) => Ok(()),
            ("image-missing", _) => Err(HostError::ImageMissing { host, image: detail.to_owned(), release }),
            ("not-pulled", _) => Err(HostError::NotPulled { host, release, image: detail.to_owned(), report }),
            ("rolled-back", Some(previous)) => {
                Err(HostError::Unhealthy { host, release, aftermath: Aftermath::RolledBack(previous), report })
            }
            ("stopped", _) => Err(HostError::Unhealthy { host, release, aftermath: Aftermath::Stopped, report }),
            ("left", _) => Err(HostError::Unhealthy { host, release, aftermath: Aftermath::Left, report }),
            ("rollback-failed", Some(previous)) => Err(HostError::RollbackFailed { host, release, previous, report }),
            _ => {
                Err(HostError::Answer { host, operation: "starting the release".to_owned(), detail: answer.to_owned() })
            }
        }
    }
}
