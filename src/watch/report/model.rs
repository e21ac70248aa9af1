//! What a report is made of. Whoever gathers it decides; the page only shows.

use jiff::Timestamp;

use super::unit::Unit;
use crate::cost::Monthly;
use crate::watch::forecast::{Course, Limit, Outlook, Sample};

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The plan's name.
    pub stack: String,
    pub made: Timestamp,
    pub from: Timestamp,
    pub until: Timestamp,
    pub sections: Vec<Section>,
    pub zones: Vec<ZoneRow>,
    pub events: Vec<Event>,
    pub expectations: Vec<Expectation>,
    pub cost: Vec<CostLine>,
}

/// The charts of one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    pub subject: Subject,
    pub charts: Vec<Chart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Host(String),
    Database(String),
    /// What takes the data in.
    Ingest(String),
}

/// One quantity over the report's time.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub title: String,
    pub unit: Unit,
    /// Three at the most can be told apart.
    pub lines: Vec<Line>,
    pub limits: Vec<(Severity, Limit)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    /// In order of time.
    pub samples: Vec<Sample>,
}

/// Of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Warn,
    Migrate,
}

/// A threshold and the zones that it was in.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneRow {
    pub threshold: String,
    pub spans: Vec<ZoneSpan>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneSpan {
    pub from: Timestamp,
    pub until: Timestamp,
    pub zone: Zone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    NotMonitored,
    Safe,
    Warning,
    Migrate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    pub kind: EventKind,
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Deploy,
    Alarm,
    Migration,
    Backup,
}

/// What is expected of one limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// `disk.used_percent of vault`
    pub what: String,
    pub unit: Unit,
    pub severity: Severity,
    pub limit: Limit,
    pub outlook: Outlook,
    /// What came before, and the way on; empty where nothing is drawn.
    pub samples: Vec<Sample>,
    pub course: Vec<Course>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CostLine {
    pub what: String,
    /// None: infra does not know it.
    pub monthly: Option<Monthly>,
}

impl Subject {
    pub fn title(&self) -> String {
        match self {
            Self::Host(name) => format!("Host {name}"),
            Self::Database(name) => format!("Database {name}"),
            Self::Ingest(name) => format!("Ingest {name}"),
        }
    }
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Warn => "warning",
            Self::Migrate => "migrate",
        }
    }
}

impl Zone {
    pub fn word(self) -> &'static str {
        match self {
            Self::NotMonitored => "not monitored",
            Self::Safe => "safe",
            Self::Warning => "warning",
            Self::Migrate => "migrate",
        }
    }
}

impl EventKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Alarm => "alarm",
            Self::Migration => "migration",
            Self::Backup => "backup",
        }
    }

    /// Stands at its line in charts.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Deploy => "D",
            Self::Alarm => "A",
            Self::Migration => "M",
            Self::Backup => "B",
        }
    }
}
