//! The bundle's compose file as far as infra acts on it: read with the place of everything in it, and checked before
//! anything is contacted. Compose itself interprets the rest, on the host.
//!
//! Pure: text in; a file, or everything that is wrong with it, out. What lies in the bundle's folder is asked of the caller.

mod alone;
mod build;
mod file;
mod interpolate;
mod names;
mod node;
mod references;
mod rules;
mod sources;

pub use alone::Alone;
pub use build::Build;
pub use file::{ComposeError, ComposeFile, External};
pub use references::check_bundle;
pub use rules::{Bundled, Presence};

/// How Compose calls a file that it lays over the compose file without being asked.
pub const OVERRIDE_NAMES: [&str; 4] =
    ["compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml"];
