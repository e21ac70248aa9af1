//! The result: as data, and as a page that a person can file.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object::ObjectKey;
use crate::migrate::catalog::{QualifiedName, ServerVersion};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFault {
    /// At the target.
    Missing,
    /// At the target, or there more often.
    Extra,
    Changed,
}

/// One row. No value of it but its key: reports are sent around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDifference {
    pub fault: RowFault,
    /// Values of the key as a JSON array of texts; None without a key.
    pub key: Option<String>,
    /// `ctid` on either end: where a row without a key is found.
    pub source_place: Option<String>,
    pub target_place: Option<String>,
    /// Of a changed row.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableResult {
    pub name: QualifiedName,
    pub source_rows: i64,
    /// None: the target has no such table.
    pub target_rows: Option<i64>,
    /// Sums of the hashes of all rows, in decimal.
    pub source_hash: String,
    pub target_hash: Option<String>,
    pub differences: Vec<RowDifference>,
    /// There are more than are told.
    pub more: bool,
}

impl TableResult {
    pub fn matches(&self) -> bool {
        self.target_rows == Some(self.source_rows) && self.target_hash.as_ref() == Some(&self.source_hash)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDifference {
    pub object: ObjectKey,
    /// None: it is not there.
    pub source: Option<String>,
    pub target: Option<String>,
    /// The code of the loss that was consented to; None is a fault.
    pub explained: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// `host:port/database`
    pub source: String,
    pub target: String,
    pub source_version: ServerVersion,
    pub target_version: ServerVersion,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// Bytes of rows at the source.
    pub bytes: u64,
    pub tables: Vec<TableResult>,
    pub objects: Vec<ObjectDifference>,
    /// Objects that were compared.
    pub objects_compared: usize,
}

impl Report {
    pub fn matches(&self) -> bool {
        self.tables.iter().all(TableResult::matches) && self.faults().next().is_none()
    }

    /// Objects that differ without consent.
    pub fn faults(&self) -> impl Iterator<Item = &ObjectDifference> {
        self.objects.iter().filter(|difference| difference.explained.is_none())
    }

    pub fn rows(&self) -> i64 {
        self.tables.iter().map(|table| table.source_rows).sum()
    }

    /// A page of Markdown.
    pub fn markdown(&self) -> String {
        let mut page = String::from("# Verification of a migration\n\n");
        let verdict = if self.matches() { "Both databases hold the same." } else { "**The databases differ.**" };
        let seconds = self.ended.duration_since(self.started).as_secs_f64();
        // Writing into a String does not fail.
        let _ = writeln!(page, "{verdict}\n");
        let _ = writeln!(page, "| | |\n|---|---|");
        let _ = writeln!(page, "| from | {} (PostgreSQL {}) |", cell(&self.source), self.source_version);
        let _ = writeln!(page, "| to | {} (PostgreSQL {}) |", cell(&self.target), self.target_version);
        let _ = writeln!(page, "| begun | {:.0} |\n| took | {seconds:.1} s |", self.started);
        let _ = writeln!(
            page,
            "| compared | {} tables, {} rows, {} bytes, {} objects |\n",
            self.tables.len(),
            self.rows(),
            self.bytes,
            self.objects_compared
        );
        page.push_str(&self.rows_that_differ());
        page.push_str(&objects("Objects that differ", self.faults()));
        page.push_str(&objects(
            "Differences that were agreed to",
            self.objects.iter().filter(|object| object.explained.is_some()),
        ));
        page.push_str(&self.all_tables());
        page
    }

    fn rows_that_differ(&self) -> String {
        let mut text = String::new();
        for table in self.tables.iter().filter(|table| !table.matches()) {
            let target = table.target_rows.map_or("no such table".to_owned(), |rows| format!("{rows} rows"));
            let _ =
                writeln!(text, "## {}: {} rows here, {target} there\n", cell(&table.name.plain()), table.source_rows);
            for row in &table.differences {
                let _ = writeln!(text, "- {}", told(row));
            }
            let _ = writeln!(text, "{}", if table.more { "- and more\n" } else { "" });
        }
        text
    }

    fn all_tables(&self) -> String {
        let mut text = String::from("## Tables\n\n| table | rows | sum of hashes | |\n|---|---|---|---|\n");
        for table in &self.tables {
            let mark = if table.matches() { "equal" } else { "**differs**" };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {mark} |",
                cell(&table.name.plain()),
                table.source_rows,
                table.source_hash
            );
        }
        text
    }
}

/// Rows of a table that changed after the verification, compared once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rechecked {
    pub name: QualifiedName,
    /// That were compared one by one.
    pub rows: usize,
    pub differences: Vec<RowDifference>,
    /// There are more than are told.
    pub more: bool,
    /// TRUNCATE: single rows say nothing, the table has to be verified anew.
    pub emptied: bool,
    /// Too much of it was written to be noted row by row: the same.
    #[serde(default)]
    pub crowded: bool,
}

impl Rechecked {
    pub fn matches(&self) -> bool {
        self.differences.is_empty() && self.to_be_verified().is_none()
    }

    /// Why its rows have to be compared all.
    pub fn to_be_verified(&self) -> Option<&'static str> {
        match (self.emptied, self.crowded) {
            (true, _) => Some("was emptied after it was verified"),
            (_, true) => Some("had more rows written after it was verified than are compared one by one"),
            _ => None,
        }
    }
}

/// To follow on a report: what came after it.
pub fn markdown_of_changes(at: Timestamp, tables: &[Rechecked]) -> String {
    let rows: usize = tables.iter().map(|table| table.rows).sum();
    let mut page = format!("\n# What changed since then, as of {at:.0}\n\n{rows} rows of {} tables\n\n", tables.len());
    for table in tables {
        let mark = if table.matches() { "equal" } else { "**differs**" };
        let _ = writeln!(page, "- {}: {} rows, {mark}", cell(&table.name.plain()), table.rows);
        for row in &table.differences {
            let _ = writeln!(page, "  - {}", told(row));
        }
        page.push_str(if table.more { "  - and more\n" } else { "" });
        if let Some(why) = table.to_be_verified() {
            let _ = writeln!(page, "  - it {why}");
        }
    }
    page
}

/// In words, for a page or a terminal.
pub(super) fn told(row: &RowDifference) -> String {
    let key = row.key.as_ref().map(|key| format!("key {}", cell(key)));
    let place = |end, place: &Option<String>| place.as_ref().map(|place| format!("{end} ctid {place}"));
    let places = [key, place("source", &row.source_place), place("target", &row.target_place)];
    let places = places.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let places = if places.is_empty() { "a row of a table without a key".to_owned() } else { places };
    match row.fault {
        RowFault::Missing => format!("missing at the target: {places}"),
        RowFault::Extra => format!("too much at the target: {places}"),
        RowFault::Changed => format!("changed in {}: {places}", cell(&row.columns.join(", "))),
    }
}

fn objects<'a>(title: &str, list: impl Iterator<Item = &'a ObjectDifference>) -> String {
    let mut rows = String::new();
    for difference in list {
        let shown = |definition: &Option<String>| definition.as_ref().map_or("(none)".to_owned(), |text| cell(text));
        let reason = difference.explained.as_deref().unwrap_or("");
        let ObjectKey { kind, name } = &difference.object;
        let _ = writeln!(
            rows,
            "| {kind} {} | {} | {} | {reason} |",
            cell(name),
            shown(&difference.source),
            shown(&difference.target)
        );
    }
    if rows.is_empty() {
        rows
    } else {
        format!("## {title}\n\n| object | source | target | |\n|---|---|---|---|\n{rows}\n")
    }
}

/// Names and definitions are anything: within a table they must stay in their cell.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|")
}
