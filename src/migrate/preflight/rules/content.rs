//! What bites later.

use super::all;
use crate::migrate::catalog::ConstraintKind;
use crate::migrate::preflight::facts::{RowFaults, Situation};
use crate::migrate::preflight::finding::Finding;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let tables = s.catalog.tables_by_oid();
    let mut found = s.row_faults.as_ref().map_or_else(|| not_read(s), of_rows);
    let unchecked =
        s.catalog.constraints.iter().filter(|constraint| !constraint.validated && constraint.parent.is_none());
    found.extend(unchecked.filter_map(|constraint| {
        let table = tables.get(&constraint.table)?;
        Some(
            Finding::note(
                "not-valid",
                format!("CONSTRAINT {} of {}", constraint.name, table.name.plain()),
                "was never checked against old rows",
            )
            .so("it arrives as it is: NOT VALID")
            .remedy("VALIDATE it when its rows are in order"),
        )
    }));
    found.extend(s.source.path_dependent_views.iter().map(|view| {
        Finding::warning(
            "search-path",
            format!("MATERIALIZED VIEW {view}"),
            "uses functions that look names up in the search_path",
        )
        .so("it is filled with an empty search_path, and may fail")
        .remedy("ALTER FUNCTION … SET search_path, or qualify the names in it")
    }));
    found.extend(all([(s.source.cron_jobs > 0).then(|| {
        Finding::warning(
            "cron-jobs",
            "EXTENSION pg_cron",
            format!("{} jobs are scheduled at the source", s.source.cron_jobs),
        )
        .so("they go on there, and do not exist at the target")
        .remedy(format!(
            "unschedule them at cutover; for the target {}, and schedule them there",
            s.abilities.keeper().scheduler()
        ))
    })]));
    found
}

/// Whether there is something in the rows to look for.
fn not_read(s: &Situation) -> Vec<Finding> {
    if !s.catalog.constraints.iter().any(|key| key.kind == ConstraintKind::ForeignKey && key.validated) {
        return vec![];
    }
    vec![
        Finding::note("orphans-unknown", "FOREIGN KEYS", "were not looked through for rows that point to nothing")
            .so("the stage preflight does that, and stops before anything is copied")
            .remedy("nothing"),
    ]
}

/// What would stop the migration after hours: the rows would not arrive.
fn of_rows(faults: &RowFaults) -> Vec<Finding> {
    let orphans = faults.fk_violations.iter().map(|found| {
        let what = match found.rows {
            1 => "1 row points to nothing".to_owned(),
            rows => format!("{rows} rows point to nothing"),
        };
        Finding::blocker("orphans", format!("FOREIGN KEY {} of {}", found.constraint, found.table), what)
            .so("the target refuses the key after all rows were copied")
            .remedy("delete or repair these rows, or drop the key")
    });
    let unreadable = faults.unreadable.iter().map(|fault| {
        Finding::blocker("unreadable-rows", &fault.object, &fault.what)
            .so("no statement on it can be planned, so its rows cannot be copied")
            .remedy("ALTER FUNCTION … SET search_path for the function that its index, check or statistics call")
    });
    let checks = faults.checks.iter().map(|fault| {
        Finding::blocker("broken-check", &fault.object, &fault.what)
            .so("the target refuses these rows when they are copied")
            .remedy("repair these rows, or drop the constraint and add it again as NOT VALID")
    });
    let views = faults.views.iter().map(|fault| {
        Finding::blocker("view-cannot-be-filled", &fault.object, &fault.what)
            .so("it is filled anew at the target after all rows were copied, and that would fail")
            .remedy("repair what it reads until REFRESH MATERIALIZED VIEW passes at the source, or drop the index or the view")
    });
    let large = faults.large_rows.iter().map(|row| {
        let (place, bytes, column) = (&row.place, row.text_bytes, &row.column);
        let what = format!("the row at ctid {place} is {bytes} bytes long as text, most of it in {column}");
        Finding::blocker("large-value", format!("TABLE {}", row.table), what)
            .so("a text ends at 1 GB: neither can it be dumped for the safety copy, nor do its changes replicate")
            .remedy("cut the value into several rows, or keep it as a file and its name in the table")
    });
    orphans.chain(unreadable).chain(checks).chain(views).chain(large).collect()
}
