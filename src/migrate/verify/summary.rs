//! What differs, for a terminal: the first tables and objects in words. The report has them all. Pure.

use super::compare::USES;
use super::report::{ObjectDifference, Rechecked, Report, RowDifference, TableResult, told};
use crate::migrate::prose::wrapped;

/// A definition that is longer is in the report: a function's text on a terminal says nothing.
const SHORT: usize = 60;
/// Rows of one table.
const ROWS: usize = 3;

impl Report {
    /// At most `most` tables and objects, a line each, and their first rows. Empty where nothing differs.
    pub fn summary(&self, most: usize) -> String {
        let tables = self.tables.iter().filter(|table| !table.matches()).map(of_table);
        list(&tables.chain(self.faults().map(of_object)).collect::<Vec<_>>(), most)
    }
}

/// The same of rows that changed after the verification.
pub fn summary_of_changes(tables: &[&Rechecked], most: usize) -> String {
    let entries = tables.iter().filter(|table| !table.matches()).map(|table| {
        let name = table.name.plain();
        if let Some(why) = table.to_be_verified() {
            return item(&format!("TABLE {name} {why}"));
        }
        let count = if table.more { "more than ".to_owned() } else { String::new() };
        let differ = if table.differences.len() == 1 { "row differs" } else { "rows differ" };
        let head = item(&format!("TABLE {name}: {count}{} {differ}", table.differences.len()));
        head + &rows(&table.differences, table.more)
    });
    list(&entries.collect::<Vec<_>>(), most)
}

fn list(entries: &[String], most: usize) -> String {
    let shown: String = entries.iter().take(most).map(String::as_str).collect();
    match entries.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown}  and {more} more\n"),
    }
}

fn item(text: &str) -> String {
    wrapped("  ", 4, text) + "\n"
}

fn of_table(table: &TableResult) -> String {
    let name = table.name.plain();
    let text = match table.target_rows {
        None => format!("TABLE {name} is not in the new database"),
        Some(there) if there == table.source_rows => {
            format!("TABLE {name}: {there} rows in each database, with other content")
        }
        Some(there) => format!("TABLE {name}: {} rows in the old database, {there} in the new one", table.source_rows),
    };
    item(&text) + &rows(&table.differences, table.more)
}

fn rows(differences: &[RowDifference], more: bool) -> String {
    let mut text: String = differences.iter().take(ROWS).map(|row| wrapped("    row ", 6, &told(row)) + "\n").collect();
    match differences.len().saturating_sub(ROWS) {
        0 if more => text.push_str("    and more\n"),
        0 => {}
        rest => text.push_str(&format!("    and {}{rest} more\n", if more { "at least " } else { "" })),
    }
    text
}

fn of_object(difference: &ObjectDifference) -> String {
    let is_short = |text: &String| text.len() <= SHORT && !text.contains('\n');
    let object = &difference.object;
    item(&match (&difference.source, &difference.target) {
        (Some(here), Some(there)) if !is_short(here) || !is_short(there) => {
            format!("{} {} has another definition in the new database", object.kind, object.name)
        }
        _ => told_of_object(difference),
    })
}

/// What happened, as far as it can be seen: `COLUMN public.t.c is new in the old database`.
pub fn told_of_object(difference: &ObjectDifference) -> String {
    if difference.object.kind == USES {
        return told_uses(difference);
    }
    let object = format!("{} {}", difference.object.kind, difference.object.name);
    match (&difference.source, &difference.target) {
        (Some(_), None) => format!("{object} is in the old database and not in the new one"),
        (None, _) => format!("{object} is in the new database and not in the old one"),
        (Some(here), Some(there)) => format!("{object} is `{here}` in the old database and `{there}` in the new one"),
    }
}

/// The text may be the same: which operator is meant is the search_path's choice when it is made.
fn told_uses(difference: &ObjectDifference) -> String {
    let object = &difference.object.name;
    let some = |used: &Option<String>| used.clone().filter(|used| !used.is_empty());
    match (some(&difference.source), some(&difference.target)) {
        (Some(here), Some(there)) => format!("{object} uses {here} in the old database and {there} in the new one"),
        (Some(here), None) => format!("{object} uses {here} in the old database and not in the new one"),
        (None, there) => {
            let there = there.unwrap_or_default();
            format!("{object} uses {there} in the new database and not in the old one")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::ObjectKey;
    use super::super::report::RowFault;
    use super::*;
    use crate::migrate::catalog::{QualifiedName, ServerVersion};

    fn row(fault: RowFault, key: &str) -> RowDifference {
        let columns = vec!["body".to_owned()];
        RowDifference { fault, key: Some(format!("[\"{key}\"]")), source_place: None, target_place: None, columns }
    }

    fn table(name: &str, source_rows: i64, target_rows: i64, differences: Vec<RowDifference>) -> TableResult {
        TableResult {
            name: QualifiedName::new("public", name),
            source_rows,
            target_rows: Some(target_rows),
            source_hash: "1".into(),
            target_hash: Some(if differences.is_empty() { "1" } else { "2" }.into()),
            differences,
            more: false,
        }
    }

    fn object(kind: &str, source: Option<&str>, target: Option<&str>) -> ObjectDifference {
        let [source, target] = [source, target].map(|text| text.map(str::to_owned));
        ObjectDifference {
            object: ObjectKey { kind: kind.into(), name: "public.t.c".into() },
            source,
            target,
            explained: None,
        }
    }

    #[test]
    fn the_first_of_what_differs_is_said_in_words() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let many = ["1", "2", "3", "4"].map(|key| row(RowFault::Missing, key)).to_vec();
        let mut report = Report {
            source: "old".into(),
            target: "new".into(),
            source_version: ServerVersion(150_000),
            target_version: ServerVersion(170_000),
            started: now,
            ended: now,
            bytes: 0,
            tables: vec![
                table("same", 5, 5, vec![]),
                table("less", 9, 5, many),
                table("other", 5, 5, vec![row(RowFault::Changed, "7")]),
            ],
            objects: vec![object("COLUMN", Some("integer"), Some("bigint")), object("INDEX", Some("x"), None)],
            objects_compared: 9,
        };
        assert_eq!(
            report.summary(3),
            "  TABLE public.less: 9 rows in the old database, 5 in the new one\n    \
             row missing at the target: key [\"1\"]\n    row missing at the target: key [\"2\"]\n    \
             row missing at the target: key [\"3\"]\n    and 1 more\n  \
             TABLE public.other: 5 rows in each database, with other content\n    \
             row changed in body: key [\"7\"]\n  \
             COLUMN public.t.c is `integer` in the old database and `bigint` in the new one\n  \
             and 1 more\n"
        );
        report.tables.truncate(1);
        report.objects.clear();
        assert_eq!(report.summary(3), "");
    }

    #[test]
    fn what_changed_afterwards_is_said_alike() {
        let changed = |emptied, differences| Rechecked {
            name: QualifiedName::new("public", "t"),
            rows: 3,
            differences,
            more: false,
            emptied,
            crowded: false,
        };
        let (emptied, differs) = (changed(true, vec![]), changed(false, vec![row(RowFault::Extra, "9")]));
        assert_eq!(
            summary_of_changes(&[&emptied, &differs, &changed(false, vec![])], 5),
            "  TABLE public.t was emptied after it was verified\n  TABLE public.t: 1 row differs\n    \
             row too much at the target: key [\"9\"]\n"
        );
    }
}
