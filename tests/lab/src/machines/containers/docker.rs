//! Commands of the machine, above all `docker`: run to the end, output returned, failure with what it said.

use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs `docker` and returns its standard output without the final line break.
pub(crate) async fn docker<I>(arguments: I) -> anyhow::Result<String>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    run("docker", arguments).await
}

/// Runs a shell script inside a container as root.
pub(super) async fn exec(container: &str, script: &str) -> anyhow::Result<String> {
    run_with_input("docker", ["exec", "-i", container, "sh", "-es"], script.as_bytes()).await
}

/// Like [`docker`], where "there is no such thing" is as good as success.
pub(crate) async fn docker_remove<I>(arguments: I) -> anyhow::Result<()>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    // Containers and volumes are "no such", networks "not found": gone already is what was wanted.
    let gone = |text: String| text.contains("no such") || text.contains("not found");
    match docker(arguments).await {
        Err(error) if !gone(error.to_string().to_lowercase()) => Err(error),
        _ => Ok(()),
    }
}

pub(super) async fn run<I>(program: &str, arguments: I) -> anyhow::Result<String>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    run_with_input(program, arguments, b"").await
}

/// Runs a program with this on its standard input.
pub(crate) async fn run_with_input<I>(program: &str, arguments: I, input: &[u8]) -> anyhow::Result<String>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let arguments: Vec<String> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    let mut child = Command::new(program)
        .args(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {program}; tests/lab/setup installs what the lab needs"))?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A program that does not read its input is no error here; its exit status tells what matters.
    stdin.write_all(input).await.ok();
    drop(stdin);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let verb = arguments.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
        bail!("{program} {verb}: {}", said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
