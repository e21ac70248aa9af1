//! Building with the Docker of the operator's machine.

use serde::Deserialize;
use tokio::process::Command;

use super::{BuiltImage, LocalImage};
use crate::host::command::Running;
use crate::host::error::HostError;
use crate::host::progress::{Phase, Progress};

/// Marks images that infra built, so that it may remove those on a host which lost their name.
const PUSHED_LABEL: &str = "infra.pushed=true";

/// Builds each image under its reference. Needs no host, so it can run while one is being made.
pub async fn build_images(images: &[LocalImage], progress: &Progress) -> Result<Vec<BuiltImage>, HostError> {
    let mut built = Vec::with_capacity(images.len());
    for image in images {
        progress.phase(Phase::Build, &image.reference);
        let mut command = Command::new("docker");
        command.args(build_argv(image)).envs(&image.args);
        docker(command, &format!("build of {}", image.reference), progress).await?;
        built.push(inspect(image).await?);
    }
    Ok(built)
}

/// Arguments of `docker build`. Values of build arguments go through the environment: an argv can be seen by others.
fn build_argv(image: &LocalImage) -> Vec<String> {
    let mut argv: Vec<String> = ["build", "--label", PUSHED_LABEL, "--tag", &image.reference].map(str::to_owned).into();
    if let Some(dockerfile) = &image.dockerfile {
        argv.extend(["--file".to_owned(), image.context.join(dockerfile).display().to_string()]);
    }
    if let Some(platform) = &image.platform {
        argv.extend(["--platform".to_owned(), platform.clone()]);
    }
    if let Some(target) = &image.target {
        argv.extend(["--target".to_owned(), target.clone()]);
    }
    for name in image.args.keys() {
        argv.extend(["--build-arg".to_owned(), name.clone()]);
    }
    argv.push(image.context.display().to_string());
    argv
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(rename = "RootFS")]
    root_fs: RootFs,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RootFs {
    #[serde(default)]
    layers: Vec<String>,
}

async fn inspect(image: &LocalImage) -> Result<BuiltImage, HostError> {
    let mut command = Command::new("docker");
    command.args(["image", "inspect", &image.reference]);
    let text = docker(command, &format!("inspection of {}", image.reference), &Progress::none()).await?;
    let parsed: Vec<Inspected> =
        serde_json::from_str(&text).map_err(|error| HostError::ImageArchive { detail: error.to_string() })?;
    let Some(found) = parsed.into_iter().next() else {
        return Err(HostError::ImageArchive { detail: format!("docker does not know {}", image.reference) });
    };
    Ok(BuiltImage {
        service: image.service.clone(),
        reference: image.reference.clone(),
        id: found.id,
        layers: found.root_fs.layers,
    })
}

/// Runs the local docker, showing what it says.
async fn docker(command: Command, operation: &str, progress: &Progress) -> Result<String, HostError> {
    let running = Running::spawn_local(command, "docker", operation)?;
    let finished = running.finish(progress).await?;
    if finished.status == 0 {
        return Ok(finished.stdout);
    }
    let stderr = if finished.stderr.trim().is_empty() { finished.stdout } else { finished.stderr };
    Err(HostError::LocalDocker {
        operation: operation.to_owned(),
        status: finished.status,
        stderr: stderr.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_build_arguments_are_not_in_the_argv() {
        let image = LocalImage {
            service: "ingest".to_owned(),
            reference: "phoenix/ingest:r1".to_owned(),
            context: "/bundle".into(),
            dockerfile: Some("Dockerfile.prebuilt".to_owned()),
            target: Some("run".to_owned()),
            args: [("SERVICE".to_owned(), "hunter2".to_owned())].into(),
            platform: Some("linux/arm64".to_owned()),
        };
        assert_eq!(
            build_argv(&image).join(" "),
            "build --label infra.pushed=true --tag phoenix/ingest:r1 --file /bundle/Dockerfile.prebuilt --platform linux/arm64 --target run --build-arg SERVICE /bundle"
        );
    }
}
