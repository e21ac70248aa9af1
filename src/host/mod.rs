//! Everything that happens over SSH, and the local Docker commands that feed it: connection, disks, images, releases.
//! Script and argv builders are pure and tested as data; `Session` executes them. Decisions (which device, what to
//! send) are pure functions over what a script observed.
//!
//! Invariants: SSH types stop here; nothing is displayed here (`progress` carries events out); no secret is ever in an
//! argv, on either side: scripts and data travel through standard input.

mod agent;
mod bundle;
mod carry;
mod command;
mod connections;
mod container;
mod context;
mod database;
mod deploy;
mod disk;
mod dotenv;
mod error;
mod exec;
mod facts;
mod hosted;
mod image;
mod lock;
mod offered_keys;
mod prepare;
mod progress;
mod release;
mod release_policy;
mod script;
mod session;
mod site;
mod target;
pub mod unit;

pub use bundle::{Bundle, BundleError, BundleFile, FileKind};
pub use connections::Connections;
pub use database::{DatabaseContainer, DatabaseLocation};
pub use deploy::{Deployed, RolledBack};
pub use disk::{DiskError, DiskOutcome};
pub use error::{Aftermath, HostError};
pub use exec::{LogOptions, remote_command, service_argv};
pub use image::{BuiltImage, LocalImage, PushReport, build_images};
pub use lock::HostLock;
pub use offered_keys::{fingerprint, offered_keys};
pub use progress::{HostEvent, Phase, Progress};
pub use release::{DISK_VARIABLE, ReleaseEnv, ReleaseSpec, bundle_hash, disk_variable, image_tag, overlaid_hash};
pub use script::quote;
pub use session::Session;
pub use site::{DiskSpec, Site};
pub use target::{HostKey, Target, known_hosts, operator, ssh_argv};

/// What makes a bare server one that can take a bundle: cloud-init runs it at first boot, `Session::prepare` elsewhere.
pub const PREPARE_SCRIPT: &str = include_str!("../../templates/host.sh");
