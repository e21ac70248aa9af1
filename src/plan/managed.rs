//! The managed databases that a plan may name: which kind, and how large.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::{Migrate, MigrateAurora, MigrateRds};

/// Amazon's kinds of managed PostgreSQL, by the names of their tables and of `--to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Rds,
    Aurora,
}

/// What a managed database is made as, or is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagedSize {
    Rds(MigrateRds),
    Aurora(MigrateAurora),
}

impl Engine {
    pub const ALL: [Self; 2] = [Self::Rds, Self::Aurora];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rds => "rds",
            Self::Aurora => "aurora",
        }
    }

    /// As Amazon calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rds => "RDS",
            Self::Aurora => "Aurora",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }
}

impl Migrate {
    /// What the plan asks for of this kind.
    pub fn managed(&self, engine: Engine) -> Option<ManagedSize> {
        match engine {
            Engine::Rds => self.rds.clone().map(ManagedSize::Rds),
            Engine::Aurora => self.aurora.clone().map(ManagedSize::Aurora),
        }
    }
}

impl ManagedSize {
    pub fn engine(&self) -> Engine {
        match self {
            Self::Rds(_) => Engine::Rds,
            Self::Aurora(_) => Engine::Aurora,
        }
    }
}

impl ManagedSize {
    /// None: it grows by itself.
    pub fn storage_bytes(&self) -> Option<u64> {
        match self {
            Self::Rds(rds) => Some(rds.storage_gb.bytes()),
            Self::Aurora(_) => None,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ManagedSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rds(MigrateRds { class, storage_gb }) => write!(f, "{class}, {storage_gb}"),
            Self::Aurora(MigrateAurora { min_acu, max_acu }) => write!(f, "{min_acu}–{max_acu} ACU"),
        }
    }
}
