//! From a hypertable's chunks to native partitions: their names, bounds, and which of the hypertable's rows are theirs.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::catalog::{Hypertable, Range};
use crate::migrate::catalog::{QualifiedName, quote_identifier, quote_literal};

/// A hypertable as it will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    pub name: QualifiedName,
    pub column: String,
    /// In order; the default one is the last.
    pub partitions: Vec<Partition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    pub name: QualifiedName,
    /// `FOR VALUES FROM … TO …`, or `DEFAULT`.
    pub bound: String,
    /// Which of the hypertable's rows are its own, as a condition. Those of all partitions together are all rows, and none
    /// belongs to two.
    pub condition: String,
    /// Of rows, uncompressed.
    pub bytes: u64,
}

/// How the time column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Zoned,
    Local,
    Date,
    Number,
}

const MICROSECONDS_OF_A_DAY: i64 = 86_400_000_000;
/// Of a name.
const MOST_BYTES: usize = 63;

impl Time {
    /// None: a type that infra does not know as time.
    pub fn of(column_type: &str) -> Option<Self> {
        Some(match column_type {
            "timestamp with time zone" => Self::Zoned,
            "timestamp without time zone" => Self::Local,
            "date" => Self::Date,
            "smallint" | "integer" | "bigint" => Self::Number,
            _ => return None,
        })
    }

    /// A bound; None has no end: the chunk is the first or the last that can be.
    fn literal(self, value: i64) -> Option<String> {
        if self == Self::Number {
            return (value != i64::MIN && value != i64::MAX).then(|| format!("'{value}'"));
        }
        let at = Timestamp::from_microsecond(value).ok()?;
        let form = match self {
            Self::Zoned => "%Y-%m-%d %H:%M:%S%.f+00",
            Self::Local => "%Y-%m-%d %H:%M:%S%.f",
            // A chunk of dates that ends within a day has that day.
            Self::Date | Self::Number => "%Y-%m-%d",
        };
        let up = if self == Self::Date { -value.rem_euclid(MICROSECONDS_OF_A_DAY) } else { 0 };
        let at = if up == 0 { at } else { Timestamp::from_microsecond(value + MICROSECONDS_OF_A_DAY + up).ok()? };
        let year = at.strftime("%Y").to_string();
        (!year.starts_with('-') && year != "0000").then(|| quote_literal(&at.strftime(form).to_string()))
    }

    /// Rows of other ranges are the default partition's.
    fn can_bound(self, range: &Range) -> bool {
        let (from, to) = (self.literal(range.from), self.literal(range.to));
        (from.is_some() || range.from == i64::MIN) && (to.is_some() || range.to == i64::MAX)
    }

    /// What pg_partman would call it, which goes on from there.
    fn suffix(self, value: i64, interval: i64) -> String {
        match (self, Timestamp::from_microsecond(value)) {
            (Self::Number, _) | (_, Err(_)) => format!("_p{value}"),
            (_, Ok(at)) if interval >= MICROSECONDS_OF_A_DAY => at.strftime("_p%Y%m%d").to_string(),
            (_, Ok(at)) => at.strftime("_p%Y%m%d_%H%M%S").to_string(),
        }
    }
}

/// `taken` are names of relations by schema and name; those of the partitions are added.
pub fn converted(hypertable: &Hypertable, time: Time, taken: &mut BTreeSet<(String, String)>) -> Converted {
    let column = quote_identifier(&hypertable.column);
    let mut ranges = apart(&hypertable.ranges);
    ranges.retain(|range| time.can_bound(range));
    let mut partitions: Vec<Partition> = ranges
        .iter()
        .map(|range| {
            let suffix = time.suffix(range.from, hypertable.interval);
            let (from, to) = (time.literal(range.from), time.literal(range.to));
            let bound = |value: &Option<String>, open: &str| value.clone().unwrap_or_else(|| open.to_owned());
            Partition {
                name: named(&hypertable.name, &suffix, taken),
                bound: format!("FOR VALUES FROM ({}) TO ({})", bound(&from, "MINVALUE"), bound(&to, "MAXVALUE")),
                condition: within(&column, from.as_deref(), to.as_deref()),
                bytes: range.bytes,
            }
        })
        .collect();
    let name = named(&hypertable.name, "_default", taken);
    let condition = outside(&column, &ranges, time);
    partitions.push(Partition { name, bound: "DEFAULT".to_owned(), condition, bytes: 0 });
    Converted { name: hypertable.name.clone(), column: hypertable.column.clone(), partitions }
}

/// Ranges that overlap become one: an interval that was changed may have cut one short.
fn apart(ranges: &[Range]) -> Vec<Range> {
    let mut sorted: Vec<Range> = ranges.to_vec();
    sorted.sort_by_key(|range| (range.from, range.to));
    let mut apart: Vec<Range> = vec![];
    for range in sorted {
        match apart.last_mut() {
            Some(last) if range.from < last.to => {
                last.to = last.to.max(range.to);
                last.bytes += range.bytes;
            }
            _ => apart.push(range),
        }
    }
    apart
}

fn within(column: &str, from: Option<&str>, to: Option<&str>) -> String {
    let from = from.map(|from| format!("{column} >= {from}"));
    let to = to.map(|to| format!("{column} < {to}"));
    let both: Vec<String> = from.into_iter().chain(to).collect();
    if both.is_empty() { "true".to_owned() } else { both.join(" AND ") }
}

/// Before, between and after the ranges: there is nothing, unless a chunk was made meanwhile.
fn outside(column: &str, ranges: &[Range], time: Time) -> String {
    let mut gaps = vec![];
    let mut from: Option<String> = None;
    for range in ranges {
        match time.literal(range.from) {
            Some(to) if from.as_ref() != Some(&to) => {
                gaps.push(format!("({})", within(column, from.as_deref(), Some(&to))));
            }
            _ => {}
        }
        from = time.literal(range.to);
        if from.is_none() {
            return joined(gaps);
        }
    }
    gaps.push(format!("({})", within(column, from.as_deref(), None)));
    joined(gaps)
}

fn joined(gaps: Vec<String>) -> String {
    if gaps.is_empty() { "false".to_owned() } else { gaps.join(" OR ") }
}

fn named(table: &QualifiedName, suffix: &str, taken: &mut BTreeSet<(String, String)>) -> QualifiedName {
    QualifiedName::new(table.schema.clone(), free_name(&table.schema, &table.name, suffix, taken))
}

/// Shortened to what fits, and with a number where somebody has it.
pub fn free_name(schema: &str, stem: &str, suffix: &str, taken: &mut BTreeSet<(String, String)>) -> String {
    let numbers = std::iter::once(String::new()).chain((2..).map(|number| format!("_{number}")));
    let names = numbers.map(|number| {
        let end = format!("{suffix}{number}");
        let mut length = stem.len().min(MOST_BYTES.saturating_sub(end.len()));
        while !stem.is_char_boundary(length) {
            length -= 1;
        }
        format!("{}{end}", &stem[..length])
    });
    let mut free = names.filter(|name| taken.insert((schema.to_owned(), name.clone())));
    free.next().expect("there are more numbers than names")
}
