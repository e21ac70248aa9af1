//! A machine's life: boot, start, stop, destroy, and a copy of its root.

use std::path::Path;
use std::{fs, thread};

use anyhow::Context;

use super::docker::{docker, docker_remove, exec};
use super::launch::{Launch, has_sys_resource, image, run_arguments};
use super::record::{Record, write_atomically};
use super::{Booted, ContainerMachines, MachineId, MachineSpec, SnapshotId, host_keys, network, seed, shared};

/// Long enough for a database to write its checkpoint; then the machine loses its power.
const SHUTDOWN_SECONDS: &str = "--time=90";

impl ContainerMachines {
    /// Also takes up a boot that a crashed gateway left half-way: whatever has the name is removed first.
    pub(super) async fn boot_machine(&self, spec: &MachineSpec) -> anyhow::Result<Booted> {
        self.destroy_machine(&spec.id).await?;
        let record = Record::new(spec.clone());
        self.records.save(&record)?;
        let folder = self.records.folder(&spec.id);
        write_seed(&folder, spec)?;
        self.write_surroundings(&record).await?;
        self.launch(&record, &folder).await?;
        self.booted(&spec.id).await
    }

    async fn launch(&self, record: &Record, folder: &Path) -> anyhow::Result<()> {
        let _shared = shared::ensure().await?;
        let (container, label) = (self.container(&record.spec.id), self.label());
        docker(["volume", "create", "--label", &label, &container]).await?;
        let snapshot = match &record.spec.from_snapshot {
            None => None,
            Some(snapshot) => Some(self.restore_volume(snapshot, &container).await?),
        };
        let launch = Launch {
            container: &container,
            label: &label,
            image: snapshot.as_deref().unwrap_or(image(&record.spec.blueprint)),
            folder,
            nameserver: network::nameserver(),
            cpus: thread::available_parallelism()?.get(),
            sys_resource: has_sys_resource(&fs::read_to_string("/proc/self/status")?),
        };
        docker(run_arguments(&launch, &record.spec)).await?;
        Ok(())
    }

    pub(super) async fn start_machine(&self, machine: &MachineId) -> anyhow::Result<Booted> {
        let changes = self.changes.lock().await;
        self.write_surroundings(&self.records.load(machine)?).await?;
        docker(["start", &self.container(machine)]).await?;
        drop(changes);
        self.booted(machine).await
    }

    /// The container's limits, and what it is told of them at its next start.
    pub(super) async fn resize_machine(&self, machine: &MachineId, memory_mb: u32, cpus: u32) -> anyhow::Result<()> {
        let _changes = self.changes.lock().await;
        let mut record = self.records.load(machine)?;
        (record.spec.memory_mb, record.spec.cpus) = (memory_mb, cpus);
        self.records.save(&record)?;
        let available = thread::available_parallelism()?.get();
        docker([
            "update".to_owned(),
            format!("--memory={memory_mb}m"),
            // As Docker sets it where only the memory is said.
            format!("--memory-swap={}m", 2 * u64::from(memory_mb)),
            format!("--cpus={}", available.min(cpus as usize)),
            self.container(machine),
        ])
        .await?;
        let meminfo = self.records.folder(machine).join("meminfo");
        fs::write(meminfo, seed::meminfo(memory_mb)).context("the size could not be written down")
    }

    pub(super) async fn stop_machine(&self, machine: &MachineId) -> anyhow::Result<()> {
        if self.is_running(machine).await? {
            let used = self.cpu_used(machine).await?;
            let _changes = self.changes.lock().await;
            let mut record = self.records.load(machine)?;
            record.cpu_seconds_before = used;
            self.records.save(&record)?;
        }
        docker(["stop", SHUTDOWN_SECONDS, &self.container(machine)]).await?;
        Ok(())
    }

    pub(super) async fn destroy_machine(&self, machine: &MachineId) -> anyhow::Result<()> {
        let _changes = self.changes.lock().await;
        let container = self.container(machine);
        docker_remove(["rm", "--force", &container]).await?;
        docker_remove(["volume", "rm", "--force", &container]).await?;
        if let Ok(record) = self.records.load(machine) {
            for disk in record.disks.keys() {
                self.disks.release(disk).await?;
            }
        }
        self.records.remove(machine)?;
        Ok(())
    }

    pub(super) async fn is_running(&self, machine: &MachineId) -> anyhow::Result<bool> {
        Ok(docker(["inspect", "--format", "{{.State.Running}}", &self.container(machine)]).await? == "true")
    }

    pub(super) async fn cpu_used(&self, machine: &MachineId) -> anyhow::Result<f64> {
        let before = self.records.load(machine)?.cpu_seconds_before;
        if !self.is_running(machine).await? {
            return Ok(before);
        }
        // Version 1 counts nanoseconds, version 2 microseconds.
        let container = self.container(machine);
        let used = exec(
            &container,
            "cd /sys/fs/cgroup\n\
             if [ -e cpu.stat ]; then awk '/^usage_usec/ { printf \"%f\", $2 / 1e6 }' cpu.stat\n\
             else awk '{ printf \"%f\", $1 / 1e9 }' cpuacct/cpuacct.usage; fi",
        )
        .await?;
        Ok(before + used.parse::<f64>().context("CPU seconds")?)
    }

    /// The root file system becomes an image, and what the inner Docker holds a volume.
    pub(super) async fn snapshot_root(&self, machine: &MachineId, snapshot: &SnapshotId) -> anyhow::Result<()> {
        let (container, copy, label) = (self.container(machine), self.object(&snapshot.0), self.label());
        docker(["commit", "--change", &format!("LABEL {label}"), &container, &copy]).await?;
        docker(["volume", "create", "--label", &label, &copy]).await?;
        copy_volume(&copy, &container, &copy).await
    }

    /// Fills a new machine's volume from the snapshot and returns the image that goes with it.
    async fn restore_volume(&self, snapshot: &SnapshotId, volume: &str) -> anyhow::Result<String> {
        let copy = self.object(&snapshot.0);
        copy_volume(&copy, &copy, volume).await?;
        Ok(copy)
    }

    pub(super) async fn forget_snapshot(&self, snapshot: &SnapshotId) -> anyhow::Result<()> {
        let copy = self.object(&snapshot.0);
        docker_remove(["volume", "rm", "--force", &copy]).await?;
        docker_remove(["image", "rm", "--force", &copy]).await?;
        self.disks.destroy_snapshot(snapshot)
    }

    async fn booted(&self, machine: &MachineId) -> anyhow::Result<Booted> {
        let container = self.container(machine);
        let host_keys = host_keys::wait_for(&container).await?;
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = docker(["inspect", "--format", format, &container]).await?;
        Ok(Booted { address: address.parse().context("the container has no address")?, host_keys })
    }

    /// Everything with the lab's label or in its folder, in the order in which it lets go of each other.
    pub(super) async fn remove_everything(&self) -> anyhow::Result<()> {
        for record in self.records.all()? {
            self.destroy_machine(&record.spec.id).await?;
        }
        let filter = format!("label={}", self.label());
        for container in docker(["ps", "--all", "--quiet", "--filter", &filter]).await?.lines() {
            docker_remove(["rm", "--force", container]).await?;
        }
        for volume in docker(["volume", "ls", "--quiet", "--filter", &filter]).await?.lines() {
            docker_remove(["volume", "rm", "--force", volume]).await?;
        }
        for image in docker(["image", "ls", "--quiet", "--filter", &filter]).await?.lines() {
            docker_remove(["image", "rm", "--force", image]).await?;
        }
        self.disks.remove_all().await?;
        self.claims.give_up_all()?;
        shared::remove_unused().await
    }
}

/// Copies what one volume holds into another, as root, with the tools of an image that is there anyway.
async fn copy_volume(image: &str, from: &str, to: &str) -> anyhow::Result<()> {
    let (from, to) = (format!("--volume={from}:/from:ro"), format!("--volume={to}:/to"));
    docker(["run", "--rm", "--network=none", &from, &to, "--entrypoint=cp", image, "-a", "/from/.", "/to/"]).await?;
    Ok(())
}

/// Written once: cloud-init reads it at the first boot only.
fn write_seed(folder: &Path, spec: &MachineSpec) -> anyhow::Result<()> {
    let seed = folder.join("seed");
    fs::create_dir_all(&seed)?;
    write_atomically(&seed.join("meta-data"), seed::meta_data(spec).as_bytes())?;
    write_atomically(&seed.join("user-data"), seed::user_data(spec).as_bytes())?;
    write_atomically(&seed.join("vendor-data"), seed::vendor_data(spec).as_bytes())?;
    write_atomically(&folder.join("meminfo"), seed::meminfo(spec.memory_mb).as_bytes())?;
    Ok(())
}
