//! `infra migrate limit`: how fast rows may be copied, from now on.

use std::path::PathBuf;

use clap::Args;

use super::attach::look;
use super::{current, none};
use crate::cli::args::Global;
use crate::cli::common::on_host;
use crate::cli::out;
use crate::error::{CommandError, Exit};
use crate::migrate::copy::MaxRate;

#[derive(Debug, Args)]
pub struct LimitArgs {
    /// As 20MB/s, 500kB/s or 1.5GB/s; or none
    rate: MaxRate,
    plan: Option<PathBuf>,
}

pub async fn limit(global: &Global, args: LimitArgs) -> Result<Exit, CommandError> {
    let at = on_host(global, args.plan, None, "migrate").await?;
    look(&at).await?.ok_or_else(|| none(&at))?;
    let connected = at.session().await?;
    connected.session.install_agent().await?;
    connected.session.agent(&["limit", &current(&at), &args.rate.to_string()], &[]).await?;
    match (global.json, args.rate.0) {
        (true, rate) => out::line(serde_json::json!({ "limit": rate })),
        (false, Some(rate)) => out::line(format_args!("rows are copied with {rate} at most")),
        (false, None) => out::line("rows are copied as fast as the disk of the old database bears"),
    }
    Ok(Exit::Done)
}
