//! The bundle's database service by itself, on a host that runs nothing else of the bundle: what it may write to is claimed
//! before it is started, and what was claimed is all that goes with it
//! ([0115](../../docs/decisions/0115-to-another-host.md)).

use super::database::DatabaseContainer;
use super::deploy::site_script;
use super::error::HostError;
use super::lock::HostLock;
use super::progress::{Phase, Progress};
use super::release::ReleaseSpec;
use super::script::Script;
use super::session::Session;
use super::site::Site;

impl Session {
    /// Brings a release that is not started yet. Folders and volumes that its services write to must be new or empty, unless
    /// a migration has claimed them before; they are written down on the host. `service` is the database's.
    pub async fn claim(
        &self,
        lock: &HostLock,
        spec: &ReleaseSpec,
        service: &str,
        migration: &str,
        progress: &Progress,
    ) -> Result<(), HostError> {
        self.settled(&spec.site).await?;
        let before = site_script("looking at what is there", include_str!("scripts/hosted_before.sh"), &spec.site)
            .set("SERVICE", service);
        self.run(&before).await?;
        let staged = self.stage(lock, spec, progress).await?;
        progress.phase(Phase::Start, format!("image of service {service}"));
        let script = site_script("claiming the database's place", include_str!("scripts/hosted_claim.sh"), &spec.site)
            .set("SERVICE", service)
            .set("RELEASE", staged.release.to_string())
            .set("MIGRATION", migration);
        let finished = self.start(&script).await?.finish(progress).await?;
        finished.success(&self.host(), script.name()).map(drop)
    }

    /// Removes the service, and everything that was claimed for it; what `keep` ends the name of, or a volume, stays, and is
    /// told. Nothing to remove is no error.
    pub async fn remove_hosted(&self, site: &Site, keep: Option<&str>) -> Result<Vec<String>, HostError> {
        let script =
            concat!(include_str!("scripts/state.sh"), "state_is_there\n", include_str!("scripts/hosted_remove.sh"));
        let script = site_script("removing the database's service", script, site).set("KEEP", keep.unwrap_or_default());
        Ok(self.run(&script).await?.lines().map(str::to_owned).collect())
    }

    /// What lies at the top of these folders beside what infra itself keeps there, such as the last state of a service that was
    /// removed before.
    pub async fn besides_ours(&self, folders: &[&str]) -> Result<Vec<String>, HostError> {
        let script = Script::new("looking for what else is there", include_str!("scripts/hosted_besides.sh"));
        Ok(self.run(&script.list("FOLDERS", folders)).await?.lines().map(str::to_owned).collect())
    }

    /// From outside of its own network nobody comes into the database's server but with TLS and a password. `file` is
    /// its `hba_file`; the server has to be told to read it.
    pub async fn guard_entrance(&self, container: &DatabaseContainer, file: &str) -> Result<(), HostError> {
        let script = Script::new("guarding the database's entrance", include_str!("scripts/hosted_entrance.sh"))
            .set("CONTAINER", &container.id)
            .set("FILE", file);
        self.run(&script).await.map(drop)
    }
}
