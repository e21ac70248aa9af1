//! Where disks may be mounted: on a directory of their own, away from the system's.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::units::MountPath;

pub(super) const RULES: &[Rule] = &[system_directories, distinct];

/// A disk there, or anywhere below, would hide what the system needs or be hidden by it.
const WITH_ALL_BELOW: [&str; 16] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/var/lib/docker",
    "/var/lib/infra",
];

/// A disk there would hide what the system needs; below it there is room.
const ITSELF: [&str; 6] = ["/home", "/opt", "/snap", "/var", "/var/lib", "/var/log"];

fn system_directories(cx: &Context<'_>) -> Vec<Finding> {
    let taken = mounts(cx).filter_map(|(path, mount)| {
        let below = WITH_ALL_BELOW.into_iter().find(|system| mount.is_within(system));
        let system = below.or_else(|| ITSELF.into_iter().find(|system| mount.as_str() == *system))?;
        let finding = Finding::error("system-mount", format!("no disk can be mounted at {mount}"))
            .at(cx.spans.value(&format!("{path}.mount")), "belongs to the system")
            .reason(format!("{system} holds what the host itself needs, and a mount hides it"))
            .remedy("mount it below /srv, like `\"/srv/pgdata\"`");
        Some(finding)
    });
    taken.collect()
}

fn distinct(cx: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _, host) in cx.hosts() {
        let mounts: Vec<_> =
            host.disks.iter().map(|(name, disk)| (format!("{path}.disks.{name}.mount"), &disk.mount)).collect();
        for (index, (second_path, second)) in mounts.iter().enumerate() {
            let first = mounts[..index]
                .iter()
                .find(|(_, first)| second.is_within(first.as_str()) || first.is_within(second.as_str()));
            findings.extend(first.map(|(first_path, first)| {
                let (code, message) = match first == second {
                    true => ("duplicate-mount", format!("two disks are mounted at {second}")),
                    false => ("nested-mount", format!("the mounts {first} and {second} are inside each other")),
                };
                Finding::error(code, message)
                    .at(cx.spans.value(second_path), "this one")
                    .also(cx.spans.value(first_path), "and this one")
                    .reason("the order in which they are mounted would decide which data is seen")
                    .remedy("give each disk a directory of its own, side by side")
            }));
        }
    }
    findings
}

fn mounts<'a>(cx: &Context<'a>) -> impl Iterator<Item = (String, &'a MountPath)> + use<'a> {
    cx.hosts().flat_map(|(path, _, host)| {
        host.disks.iter().map(move |(name, disk)| (format!("{path}.disks.{name}"), &disk.mount))
    })
}
