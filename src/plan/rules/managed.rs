//! A managed database that Amazon has, and that holds the data.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::units::{Acu, Gigabytes};

pub(super) const RULES: &[Rule] = &[rds_storage, rds_room, aurora_capacity, aurora_range];
/// Aurora takes no smaller greatest capacity.
const LEAST_MOST: Acu = Acu(1.0);

/// RDS for PostgreSQL takes 20 GiB to 64 TiB of gp3.
fn rds_storage(cx: &Context<'_>) -> Vec<Finding> {
    let storage = cx.plan.migrate.rds.as_ref().map(|rds| rds.storage_gb);
    let wrong = storage.filter(|storage| !(20..=65_536).contains(&storage.0));
    let finding = wrong.map(|storage| {
        Finding::error("out-of-range", format!("RDS has no storage of {storage}"))
            .at(cx.spans.value("migrate.rds.storage_gb"), "out of range")
            .reason("it has 20–65536 GB")
    });
    finding.into_iter().collect()
}

fn rds_room(cx: &Context<'_>) -> Vec<Finding> {
    let (Some(rds), Some(bundle)) = (&cx.plan.migrate.rds, &cx.plan.bundle) else { return Vec::new() };
    let disks = cx.plan.hosts.get(&bundle.host).into_iter().flat_map(|host| &host.disks);
    let largest = disks.max_by_key(|(_, disk)| disk.size_gb).filter(|(_, disk)| disk.size_gb > rds.storage_gb);
    let finding = largest.filter(|_| rds.storage_gb >= Gigabytes(20)).map(|(name, disk)| {
        Finding::warning(
            "rds-room",
            format!("the target has {}, the disk it comes from {}", rds.storage_gb, disk.size_gb),
        )
        .at(cx.spans.value("migrate.rds.storage_gb"), "smaller than the source")
        .also(cx.spans.value(&format!("hosts.{}.disks.{name}.size_gb", bundle.host)), "the source")
        .remedy("give it as much or more: RDS storage grows but never shrinks")
    });
    finding.into_iter().collect()
}

/// Aurora Serverless v2 takes halves of an ACU up to 256.
fn aurora_capacity(cx: &Context<'_>) -> Vec<Finding> {
    let Some(aurora) = &cx.plan.migrate.aurora else { return Vec::new() };
    let wrong = [("min_acu", aurora.min_acu), ("max_acu", aurora.max_acu)].into_iter().filter(|(_, acu)| !acu.exists());
    let findings = wrong.map(|(key, acu)| {
        Finding::error("out-of-range", format!("Aurora has no capacity of {acu} ACU"))
            .at(cx.spans.value(&format!("migrate.aurora.{key}")), "out of range")
            .reason(format!(
                "it has {} to {} in steps of 0.5; a database that pauses at 0 could not be followed",
                Acu::LEAST,
                Acu::MOST
            ))
    });
    findings.collect()
}

fn aurora_range(cx: &Context<'_>) -> Vec<Finding> {
    let Some(aurora) = cx.plan.migrate.aurora.as_ref().filter(|a| a.min_acu.exists() && a.max_acu.exists()) else {
        return Vec::new();
    };
    let least = if aurora.min_acu > LEAST_MOST { aurora.min_acu } else { LEAST_MOST };
    let finding = (aurora.max_acu < least).then(|| {
        let place = ["max_acu", "min_acu"].map(|key| format!("migrate.aurora.{key}"));
        let written = place.iter().find(|path| cx.spans.has(path)).unwrap_or(&place[0]);
        Finding::error("out-of-range", format!("{}–{} ACU is no range", aurora.min_acu, aurora.max_acu))
            .at(cx.spans.value(written), "out of range")
            .reason(format!("`max_acu` is at least {LEAST_MOST}, and no less than `min_acu`"))
    });
    finding.into_iter().collect()
}
