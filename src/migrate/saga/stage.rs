//! The stages in their order, and where each is run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Fixed at the start; a migration never changes its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Writers go on while rows are copied; logical replication brings what they wrote meanwhile.
    Online,
    /// Writers are paused from before the copy until the end.
    Offline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Look at both ends; change nothing.
    Preflight,
    /// A safety copy, read back.
    Backup,
    /// Make the new database, if the cloud makes it.
    Provision,
    /// Roles, helper objects, publication; offline mode pauses the clients here.
    Prepare,
    /// Everything of the schema that must be there before rows.
    Schema,
    /// Rows, under one snapshot.
    Copy,
    /// Indexes, constraints, the rest of the schema, statistics.
    Index,
    /// Logical replication catches up.
    Follow,
    /// Both ends hold the same.
    Verify,
    /// Pause, drain, repoint.
    Cutover,
    /// The new database serves; replication runs backwards.
    Guard,
    /// The way back is given up.
    Finish,
}

/// Who does a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The agent on the host, next to the data: it goes on when the operator's machine is closed.
    Host,
    /// The operator's machine, which has the credentials of the cloud.
    Operator,
}

impl Stage {
    pub const ALL: [Self; 12] = [
        Self::Preflight,
        Self::Backup,
        Self::Provision,
        Self::Prepare,
        Self::Schema,
        Self::Copy,
        Self::Index,
        Self::Follow,
        Self::Verify,
        Self::Cutover,
        Self::Guard,
        Self::Finish,
    ];

    /// The stages that a migration of this mode has.
    pub fn of(mode: Mode) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |stage| mode == Mode::Online || *stage != Self::Follow)
    }

    pub fn place(self) -> Place {
        match self {
            Self::Provision => Place::Operator,
            _ => Place::Host,
        }
    }

    /// Offline, the clients wait in it: from `prepare` on, which begins the pause, to the cutover, which ends it.
    pub fn is_in_pause(self, mode: Mode) -> bool {
        mode == Mode::Offline && (Self::Prepare..=Self::Cutover).contains(&self)
    }

    /// What it is about, in a few words.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Preflight => "look at both databases; nothing is changed",
            Self::Backup => "make a safety copy and read it back",
            Self::Provision => "make the new database",
            Self::Prepare => "make roles and what the migration needs",
            Self::Schema => "make schemas, types and tables",
            Self::Copy => "copy the rows",
            Self::Index => "build indexes and constraints",
            Self::Follow => "catch up with what was written meanwhile",
            Self::Verify => "compare both databases",
            Self::Cutover => "pause the writers and switch to the new database",
            Self::Guard => "keep the old database up to date, as the way back",
            Self::Finish => "give up the way back and clean up",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Backup => "backup",
            Self::Provision => "provision",
            Self::Prepare => "prepare",
            Self::Schema => "schema",
            Self::Copy => "copy",
            Self::Index => "index",
            Self::Follow => "follow",
            Self::Verify => "verify",
            Self::Cutover => "cutover",
            Self::Guard => "guard",
            Self::Finish => "finish",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
