//! Images without a registry: built by Docker on the operator's machine, sent over SSH, only the missing layers.

mod archive;
mod build;
mod chain;
mod push;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use build::build_images;

/// An image to build: what compose.yaml says, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    pub service: String,
    /// `repository:tag`, as the service's `image` is on the host.
    pub reference: String,
    /// Absolute.
    pub context: PathBuf,
    /// Relative to the context.
    pub dockerfile: Option<String>,
    pub target: Option<String>,
    pub args: BTreeMap<String, String>,
    /// `linux/arm64`: what it is to run on. None: this machine's own.
    pub platform: Option<String>,
}

/// An image that stands in the local Docker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    pub service: String,
    pub reference: String,
    pub id: String,
    /// Uncompressed digests, lowest layer first.
    pub layers: Vec<String>,
}

/// What a push cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushReport {
    pub layers: usize,
    pub layers_sent: usize,
    /// On the wire, compressed.
    pub bytes_sent: u64,
}
