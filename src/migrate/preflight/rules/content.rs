//! What bites later.

use super::all;
use crate::migrate::catalog::ConstraintKind;
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let tables = s.catalog.tables_by_oid();
    let mut found: Vec<_> = s
        .fk_violations
        .iter()
        .flatten()
        .map(|found| {
            Finding::blocker(
                "orphans",
                format!("FOREIGN KEY {} of {}", found.constraint, found.table),
                match found.rows {
                    1 => "1 row points to nothing".to_owned(),
                    rows => format!("{rows} rows point to nothing"),
                },
            )
            .so("the target refuses the key after all rows were copied")
            .remedy("delete or repair these rows, or drop the key")
        })
        .collect();
    if s.fk_violations.is_none()
        && s.catalog.constraints.iter().any(|key| key.kind == ConstraintKind::ForeignKey && key.validated)
    {
        found.push(
            Finding::note("orphans-unknown", "FOREIGN KEYS", "were not looked through for rows that point to nothing")
                .so("the stage preflight does that, and stops before anything is copied")
                .remedy("nothing"),
        );
    }
    found.extend(s.large_rows.iter().map(|row| {
        Finding::blocker(
            "large-value",
            format!("TABLE {}", row.table),
            format!(
                "the row at ctid {} is {} bytes long as text, most of it in {}",
                row.place, row.text_bytes, row.column
            ),
        )
        .so("a text ends at 1 GB: neither can it be dumped for the safety copy, nor do its changes replicate")
        .remedy("cut the value into several rows, or keep it as a file and its name in the table")
    }));
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
