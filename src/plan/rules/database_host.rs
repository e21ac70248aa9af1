//! A host of EC2 for the database: what the rules of hosts do not say of it.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::{Plan, Provider};

pub(super) const RULES: &[Rule] = &[name_is_free, somebody_may_enter, volume_type, room];

const PATH: &str = "migrate.ec2";

fn name_is_free(cx: &Context<'_>) -> Vec<Finding> {
    let name = Plan::database_host_name();
    let taken = cx.plan.migrate.ec2.is_some() && cx.plan.hosts.contains_key(&name);
    let finding = taken.then(|| {
        Finding::error("same-name", format!("the host of `[migrate.ec2]` is called `{name}`, and so is another"))
            .at(cx.spans.key(&format!("hosts.{name}")), "this one")
            .also(cx.spans.key(PATH), "and this one")
            .remedy("rename the host")
    });
    finding.into_iter().collect()
}

/// It is entered from where the bundle's host is.
fn somebody_may_enter(cx: &Context<'_>) -> Vec<Finding> {
    if cx.plan.database_host().is_none_or(|(_, host)| !host.ports.is_empty()) {
        return Vec::new();
    }
    let Some(bundle) = cx.plan.bundle.as_ref().filter(|bundle| cx.spans.has(&format!("hosts.{}", bundle.host))) else {
        return Vec::new();
    };
    let path = format!("hosts.{}", bundle.host);
    let of_user = cx.plan.hosts.get(&bundle.host).is_some_and(|host| host.provider == Provider::Ssh);
    let finding = Finding::error("no-way-in", "nobody could enter the host of `[migrate.ec2]`")
        .at(cx.spans.key(PATH), format!("entered by those who may enter {path}"));
    let finding = if of_user {
        finding.remedy("add a host with `provider = \"ec2\"` and `ports` of its own, and `--to` it by its name")
    } else {
        finding
            .also(cx.spans.key(&path), "it has no rule for port 22")
            .remedy("open port 22 there for your own address")
    };
    vec![finding]
}

/// What a database can live on.
fn volume_type(cx: &Context<'_>) -> Vec<Finding> {
    use crate::plan::model::VolumeType::{Gp3, Io2};
    let disks = cx.plan.migrate.ec2.iter().flat_map(|ec2| &ec2.disks);
    let wrong = disks.filter(|(_, disk)| disk.kind.is_some_and(|kind| !matches!(kind, Gp3 | Io2)));
    wrong
        .map(|(name, _)| {
            Finding::error("disk-setting", "a database that moves goes to a volume of a type that is sold for it")
                .at(cx.spans.value(&format!("{PATH}.disks.{name}.type")), "neither gp3 nor io2")
                .remedy("write `type = \"gp3\"`, or `type = \"io2\"` with `iops`")
        })
        .collect()
}

fn room(cx: &Context<'_>) -> Vec<Finding> {
    let (Some(ec2), Some(bundle)) = (&cx.plan.migrate.ec2, &cx.plan.bundle) else { return Vec::new() };
    let source = cx.plan.hosts.get(&bundle.host);
    let smaller = ec2.disks.iter().filter_map(|(name, disk)| {
        let old = source?.disks.get(name).filter(|old| old.size_gb > disk.size_gb)?;
        let finding = Finding::warning(
            "ec2-room",
            format!("the target has {}, the disk it comes from {}", disk.size_gb, old.size_gb),
        );
        let at = |path: String| cx.spans.value(&path);
        Some(
            finding
                .at(at(format!("{PATH}.disks.{name}.size_gb")), "smaller than the source")
                .also(at(format!("hosts.{}.disks.{name}.size_gb", bundle.host)), "the source")
                .remedy("give it as much or more"),
        )
    });
    smaller.collect()
}
