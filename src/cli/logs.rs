//! `infra logs`

use super::args::{Global, LogsArgs};
use super::common::on_host;
use crate::error::{CommandError, Exit};
use crate::host::LogOptions;

pub async fn run(global: &Global, args: LogsArgs) -> Result<Exit, CommandError> {
    let at = on_host(global, args.plan, None, "logs").await?;
    let connected = at.session().await?;
    let options = LogOptions { services: args.services, follow: args.follow, tail: Some(args.tail), since: args.since };
    let mut out = tokio::io::stdout();
    tokio::select! {
        result = connected.session.logs(&at.site, &options, &mut out) => result?,
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(Exit::Done)
}
