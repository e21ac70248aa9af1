//! `infra rollback`

use super::args::{Global, RollbackArgs};
use super::common::{OnHost, on_host, refuse_during_migration};
use super::out;
use super::up::holder;
use crate::error::{CommandError, Exit};
use crate::host::{self, HostEvent, Progress};
use crate::inventory::host_facts::ReleaseFacts;
use crate::journal::Lock;

pub async fn run(global: &Global, args: RollbackArgs) -> Result<Exit, CommandError> {
    let at = on_host(global, args.plan, None, "rollback").await?;
    let connected = at.session().await?;
    let facts = connected.session.facts(&at.site).await?;
    if args.list {
        list(global, &facts.releases, facts.current_release);
        return Ok(Exit::Done);
    }
    refuse_during_migration([&facts])?;
    let _lock = Lock::take(at.stack.local.dir(), &holder("rollback"))?;
    let lock = connected.session.lock(&host::operator(), "rollback").await?;
    let timeout = at.stack.plan.bundle.as_ref().map(|b| b.health_timeout.duration()).unwrap_or_default();
    let by = host::operator();
    let result = connected.session.rollback(&lock, &at.site, args.to, &by, timeout, &progress(global, &at)).await;
    lock.release().await;
    let back = result?;
    if global.json {
        out::line(serde_json::json!({ "release": back.release, "from": back.from }));
    } else {
        let from = back.from.map(|n| format!(", was {n}")).unwrap_or_default();
        out::line(format_args!("release {} is in service{from}", back.release));
    }
    Ok(Exit::Done)
}

fn list(global: &Global, releases: &[ReleaseFacts], current: Option<u32>) {
    if global.json {
        out::line(serde_json::json!({ "current": current, "releases": releases }));
        return;
    }
    for release in releases.iter().rev() {
        let mark = if Some(release.number) == current { "*" } else { " " };
        out::line(format_args!(
            "{mark} {:>4}  {}  {:?}  by {}",
            release.number, release.created_at, release.state, release.by
        ));
    }
}

/// Phases as lines; everything with `-v`.
fn progress(global: &Global, at: &OnHost) -> Progress {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let verbose = global.verbose > 0;
    tokio::spawn(async move {
        while let Some((_, event)) = events.recv().await {
            match event {
                HostEvent::Phase { phase, detail } => eprintln!("{phase:?} {detail}"),
                HostEvent::Line { text } if verbose => eprintln!("  {text}"),
                HostEvent::Line { .. } | HostEvent::Bytes { .. } => {}
            }
        }
    });
    Progress::new(sender, Some(at.host.clone()))
}
