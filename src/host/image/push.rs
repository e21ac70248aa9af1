//! Sending images: ask the host what it has, leave that out, compress, load, verify.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use tokio::process::Command;
use tokio_util::io::SyncIoBridge;

use super::archive::{copy, select};
use super::chain::known_chains;
use super::{BuiltImage, PushReport};
use crate::host::error::HostError;
use crate::host::progress::{HostEvent, Phase, Progress};
use crate::host::script::Script;
use crate::host::session::Session;

/// zstd's default: faster than most uplinks, and layers of programs shrink to a third.
const COMPRESSION: i32 = 3;

/// What the host's Docker holds.
#[derive(Debug, Default, PartialEq)]
struct HostImages {
    /// Layers are looked up by chain only in Docker's own stores; containerd's wants whole archives.
    looks_up_chains: bool,
    images: Vec<HostImage>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct HostImage {
    id: String,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl HostImages {
    /// First line: the storage driver's status; then one image a line, as JSON.
    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut lines = text.lines();
        let looks_up_chains = lines.next().is_some_and(|status| !status.contains("io.containerd.snapshotter"));
        let images = lines.filter(|line| !line.is_empty()).map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { looks_up_chains, images })
    }

    fn has(&self, image: &BuiltImage) -> bool {
        self.find(image).is_some_and(|found| self.same(found, image))
    }

    fn find(&self, image: &BuiltImage) -> Option<&HostImage> {
        self.images.iter().find(|found| found.tags.iter().flatten().any(|tag| *tag == image.reference))
    }

    /// The id is the configuration's digest in Docker's stores; containerd's ids are of another kind, there the layers
    /// have to do.
    fn same(&self, found: &HostImage, image: &BuiltImage) -> bool {
        found.id == image.id || (!self.looks_up_chains && found.layers.as_deref() == Some(&image.layers))
    }

    fn chains(&self) -> BTreeSet<String> {
        if !self.looks_up_chains {
            return BTreeSet::new();
        }
        known_chains(self.images.iter().filter_map(|image| image.layers.as_deref()))
    }
}

impl Session {
    /// Sends what the host lacks of `images`, and verifies that it then has exactly these.
    pub async fn push_images(&self, images: &[BuiltImage], progress: &Progress) -> Result<PushReport, HostError> {
        let present = self.host_images().await?;
        let missing: Vec<&BuiltImage> = images.iter().filter(|image| !present.has(image)).collect();
        let total = images.iter().flat_map(|image| &image.layers).collect::<BTreeSet<_>>().len();
        if missing.is_empty() {
            return Ok(PushReport { layers: total, ..PushReport::default() });
        }
        progress
            .phase(Phase::Push, missing.iter().map(|image| image.reference.as_str()).collect::<Vec<_>>().join(", "));
        let archive = save(&missing).await?;
        let (sent_layers, bytes_sent) = self.load(archive, present.chains(), progress).await?;
        self.verify(&missing).await?;
        Ok(PushReport { layers: total, layers_sent: sent_layers, bytes_sent })
    }

    async fn host_images(&self) -> Result<HostImages, HostError> {
        let text = self.run(&Script::new("listing images", include_str!("../scripts/images.sh"))).await?;
        HostImages::parse(&text).map_err(|error| HostError::Answer {
            host: self.host(),
            operation: "listing images".to_owned(),
            detail: error.to_string(),
        })
    }

    /// Streams the archive, without known layers, into `docker load`. Returns layers and bytes sent.
    async fn load(
        &self,
        mut archive: std::fs::File,
        known: BTreeSet<String>,
        progress: &Progress,
    ) -> Result<(usize, u64), HostError> {
        let script = Script::new("loading images", include_str!("../scripts/load.sh"));
        let mut running = self.start(&script).await?;
        let stdin = running.stdin.take();
        let (progress_of_writer, bytes) = (progress.clone(), Arc::new(AtomicU64::new(0)));
        let counter = bytes.clone();
        let runtime = tokio::runtime::Handle::current();
        let writer = tokio::task::spawn_blocking(move || -> Result<usize, HostError> {
            let selection = select(&mut archive, &known)?;
            let Some(stdin) = stdin else { return Ok(0) };
            let pipe = Counted {
                inner: SyncIoBridge::new_with_handle(stdin, runtime),
                bytes: counter,
                progress: progress_of_writer,
            };
            // A pipe that broke is explained by the exit status of what read it.
            let _ = compress(&mut archive, &selection, pipe);
            Ok(selection.sent())
        });
        let finished = running.finish(progress).await?;
        let sent = writer.await.map_err(|error| HostError::ImageArchive { detail: error.to_string() })??;
        finished.success(&self.host(), script.name())?;
        Ok((sent, bytes.load(Ordering::Relaxed)))
    }

    async fn verify(&self, images: &[&BuiltImage]) -> Result<(), HostError> {
        let present = self.host_images().await?;
        for image in images {
            let found = present.find(image);
            if !found.is_some_and(|found| present.same(found, image)) {
                return Err(HostError::ImageMismatch {
                    host: self.host(),
                    image: image.reference.clone(),
                    sent: image.id.clone(),
                    found: found.map_or_else(|| "none".to_owned(), |found| found.id.clone()),
                });
            }
        }
        Ok(())
    }
}

fn compress(
    archive: &mut std::fs::File,
    selection: &super::archive::Selection,
    pipe: impl Write,
) -> std::io::Result<()> {
    let mut encoder = zstd::Encoder::new(pipe, COMPRESSION)?;
    copy(archive, selection, &mut encoder)?;
    encoder.finish()?.flush()
}

/// `docker save` into an unnamed temporary file: the manifest that says which file is which layer comes last.
async fn save(images: &[&BuiltImage]) -> Result<std::fs::File, HostError> {
    let file = tempfile::tempfile().map_err(temporary)?;
    let out = file.try_clone().map_err(temporary)?;
    let mut command = Command::new("docker");
    command
        .arg("save")
        .args(images.iter().map(|image| &image.reference))
        .stdout(out)
        .process_group(0)
        .kill_on_drop(true);
    let output = command.stderr(std::process::Stdio::piped()).spawn();
    let output =
        output.map_err(|source| HostError::LocalProgram { program: "docker", source })?.wait_with_output().await;
    let output = output.map_err(|source| HostError::LocalProgram { program: "docker", source })?;
    if output.status.success() {
        return Ok(file);
    }
    Err(HostError::LocalDocker {
        operation: "save".to_owned(),
        status: output.status.code().unwrap_or(-1),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn temporary(source: std::io::Error) -> HostError {
    HostError::Io { operation: "make a file in", path: std::env::temp_dir(), source }
}

/// Counts what goes over the wire and tells it, a megabyte at a time.
struct Counted<W> {
    inner: W,
    bytes: Arc<AtomicU64>,
    progress: Progress,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(buffer)?;
        let before = self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        let sent = before + written as u64;
        if before >> 20 != sent >> 20 {
            self.progress.emit(HostEvent::Bytes { sent, total: None });
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "[[\"Backing Filesystem\",\"extfs\"]]\n\
        {\"id\":\"sha256:1\",\"tags\":[\"phoenix/ingest:r1\"],\"layers\":[\"sha256:a\",\"sha256:b\"]}\n\
        {\"id\":\"sha256:2\",\"tags\":null,\"layers\":null}\n";

    fn image(reference: &str, id: &str) -> BuiltImage {
        let layers = vec!["sha256:a".to_owned(), "sha256:b".to_owned()];
        BuiltImage { service: "ingest".to_owned(), reference: reference.to_owned(), id: id.to_owned(), layers }
    }

    #[test]
    fn an_image_is_present_under_its_name_with_its_id() {
        let host = HostImages::parse(HOST).unwrap();
        assert!(host.has(&image("phoenix/ingest:r1", "sha256:1")));
        assert!(!host.has(&image("phoenix/ingest:r1", "sha256:9")));
        assert!(!host.has(&image("phoenix/ingest:r2", "sha256:1")));
        assert_eq!(host.chains().len(), 2);
    }

    #[test]
    fn the_containerd_store_gets_whole_archives() {
        let text = HOST.replace("extfs\"]]", "extfs\"],[\"driver-type\",\"io.containerd.snapshotter.v1\"]]");
        let host = HostImages::parse(&text).unwrap();
        assert!(host.chains().is_empty());
        assert!(host.has(&image("phoenix/ingest:r1", "sha256:9")), "ids of containerd are of another kind");
    }
}
