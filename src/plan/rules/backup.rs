//! Backups that can be restored from, and a migration that is agreed to once.

use super::{Context, Rule};
use crate::plan::finding::Finding;
use crate::plan::model::Backup;
use crate::plan::units::{Destination, MountPath, Schedule, Span};

pub(super) const RULES: &[Rule] = &[full_schedule, incremental_schedule, kept_long_enough, elsewhere, accepted_once];

fn backup<'a>(cx: &Context<'a>) -> impl Iterator<Item = &'a Backup> + use<'a> {
    cx.plan.backup.iter()
}

fn full_schedule(cx: &Context<'_>) -> Vec<Finding> {
    let wrong = backup(cx).filter_map(|backup| match backup.full {
        Some(Schedule::Daily(_) | Schedule::Weekly(..)) => None,
        Some(schedule) => Some(
            Finding::error("schedule", format!("full backups cannot run `{schedule}`"))
                .at(cx.spans.value("backup.full"), "too often")
                .reason("each of them copies everything")
                .remedy(
                    "write `\"daily 02:00\"` or `\"weekly sun 02:00\"`, and use `incremental` for the time between",
                ),
        ),
        None if cx.spans.has("backup.full") => None,
        None => Some(
            Finding::error("missing-key", "`[backup]` has no `full`")
                .at(cx.spans.key("backup"), "`full` is missing")
                .reason("every restore starts from a full backup")
                .remedy("add `full = \"daily 02:00\"`"),
        ),
    });
    wrong.collect()
}

fn incremental_schedule(cx: &Context<'_>) -> Vec<Finding> {
    const LEAST: Span = Span::from_secs(5 * 60);
    const MOST: Span = Span::from_secs(12 * 3_600);
    let wrong = backup(cx).filter_map(|backup| match backup.incremental? {
        Schedule::Hourly => None,
        Schedule::Every(span) if (LEAST..=MOST).contains(&span) => None,
        schedule => {
            let finding = Finding::error("schedule", format!("incremental backups cannot run `{schedule}`"))
                .at(cx.spans.value("backup.incremental"), "not between full backups")
                .reason(format!("they run every {LEAST} to {MOST}"));
            Some(finding.remedy("write `\"hourly\"` or a time like `\"every 15m\"`"))
        }
    });
    wrong.collect()
}

fn kept_long_enough(cx: &Context<'_>) -> Vec<Finding> {
    let short = backup(cx).filter_map(|backup| {
        let period = backup.full?.period();
        let finding = Finding::error("keep", format!("backups are kept for {} and made every {period}", backup.keep))
            .at(cx.spans.value("backup.keep"), "too short")
            .also(cx.spans.value("backup.full"), format!("every {period}"))
            .reason("the last full backup would be gone before the next one exists")
            .remedy(format!("keep them for `\"{period}\"` or longer; a week is `\"7d\"`"));
        (backup.keep < period).then_some(finding)
    });
    short.collect()
}

fn elsewhere(cx: &Context<'_>) -> Vec<Finding> {
    let Some(Backup { to: Destination::Directory(directory), .. }) = &cx.plan.backup else { return Vec::new() };
    let holds = |mount: &MountPath| directory.is_within(mount.as_str());
    let disks = cx.hosts().flat_map(|(path, _, host)| {
        host.disks.iter().map(move |(name, disk)| (format!("{path}.disks.{name}.mount"), &disk.mount))
    });
    let same = disks.filter(|(_, mount)| holds(mount)).map(|(path, _)| {
        Finding::warning("backup-on-disk", "backups stand on a disk of the plan")
            .at(cx.spans.value("backup.to"), "lost with that disk")
            .also(cx.spans.value(&path), "this disk")
            .remedy("send them to `s3://…`, or to a directory that is copied elsewhere")
    });
    same.collect()
}

fn accepted_once(cx: &Context<'_>) -> Vec<Finding> {
    cx.repeated("migrate.accept", &cx.plan.migrate.accept)
}
