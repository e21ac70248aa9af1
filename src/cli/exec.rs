//! `infra ssh` and `infra exec`: the system's ssh with the plan's key and the pinned host keys, in this terminal.

use std::io::IsTerminal;
use std::process::Stdio;

use super::args::{ExecArgs, Global, SshArgs};
use super::common::on_host;
use crate::error::{CommandError, Exit};
use crate::host::{Target, remote_command, service_argv, ssh_argv};

pub async fn ssh(global: &Global, args: SshArgs) -> Result<Exit, CommandError> {
    let at = on_host(global, args.plan, args.host.as_deref(), "ssh").await?;
    run(&at.target().await?, true, &[]).await
}

pub async fn exec(global: &Global, args: ExecArgs) -> Result<Exit, CommandError> {
    let at = on_host(global, args.plan, args.host.as_deref(), "exec").await?;
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let target = at.target().await?;
    let argv = match &args.service {
        Some(service) => service_argv(&at.site, &target.user, service, tty, &args.command),
        None => args.command,
    };
    run(&target, tty, &[remote_command(&argv)]).await
}

/// Ends with the remote command's own status.
async fn run(target: &Target, tty: bool, command: &[String]) -> Result<Exit, CommandError> {
    let argv = ssh_argv(target, tty, command);
    let mut child = tokio::process::Command::new(&argv[0]);
    child.args(&argv[1..]).stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let status = child.status().await.map_err(|e| CommandError::failed(format!("cannot run ssh: {e}")))?;
    match status.code() {
        Some(0) => Ok(Exit::Done),
        Some(code) => std::process::exit(code),
        None => Ok(Exit::Interrupted),
    }
}
