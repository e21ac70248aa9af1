//! What a hypertable loses on its way, by name.

use super::bucket::Rewritten;
use crate::migrate::catalog::{Catalog, ConstraintKind};
use crate::migrate::schema::{Consequence, Loss};
use crate::migrate::timescale::{Aggregate, Converted, Hypertable, Range, Time, Timescale};

/// Keeps hypertables as they are.
const KEEP: &str =
    "keep TimescaleDB: leave the database where it is, or move it to a server of your own with its own tools";

/// Of tables and jobs; those of views are found where they are rewritten.
pub fn losses(timescale: &Timescale, converted: &[Converted], catalog: &Catalog) -> Vec<Loss> {
    let mut losses = vec![];
    for hypertable in &timescale.hypertables {
        let object = format!("HYPERTABLE {}", hypertable.name.plain());
        let Some(as_table) = converted.iter().find(|one| one.name == hypertable.name) else {
            losses.push(unknown_column(hypertable, object));
            continue;
        };
        losses.push(partitions(hypertable, as_table, object.clone()));
        losses.extend(space(hypertable, &object));
        losses.extend(compression(hypertable, &object));
        losses.extend(keys(hypertable, catalog));
    }
    if !converted.is_empty() {
        losses.push(no_way_back(converted.len()));
    }
    losses.extend(timescale.jobs.iter().filter(|job| job.is_users()).map(|job| {
        let object = format!("JOB {} ({}.{})", job.id, job.schema, job.procedure);
        let what = format!("runs every {} s at the source; nobody runs it at the target", job.every_seconds);
        Loss::new(
            "timescaledb-job",
            object,
            what,
            "schedule its procedure there after the cutover, with pg_cron for example",
        )
    }));
    losses.extend(timescale.calls.iter().map(|call| {
        let what = format!("its text calls {}: it is carried, and fails when it is used", call.calls.join(", "));
        Loss::new("timescaledb-call", format!("FUNCTION {}", call.routine), what, "rewrite it without, before or after")
    }));
    losses
}

fn unknown_column(hypertable: &Hypertable, object: String) -> Loss {
    let what = format!(
        "is cut by {}, which is of type {}: no partitions can be made of that",
        hypertable.column, hypertable.column_type
    );
    Loss { consequence: Consequence::Blocks, ..Loss::new("hypertable-column", object, what, KEEP) }
}

fn partitions(hypertable: &Hypertable, converted: &Converted, object: String) -> Loss {
    let ranges = converted.partitions.len() - 1;
    let time = Time::of(&hypertable.column_type);
    let interval = super::policy::interval(hypertable.interval, time);
    let what = format!(
        "becomes a table with {ranges} partitions of {interval} by {} and a default one; \
         TimescaleDB's own plans and functions are gone",
        hypertable.column
    );
    Loss::new("hypertable", object, what, KEEP)
}

fn space(hypertable: &Hypertable, object: &str) -> Option<Loss> {
    let columns = hypertable.further.join(", ");
    let what = format!("is cut by {columns} too, which its partitions are not");
    (!columns.is_empty()).then(|| Loss::note("hypertable-space", object, what, "nothing: queries find the same rows"))
}

fn compression(hypertable: &Hypertable, object: &str) -> Option<Loss> {
    let compressed: u32 = hypertable.ranges.iter().map(|range| range.compressed).sum();
    let sum = |of: fn(&Range) -> u64| hypertable.ranges.iter().map(of).sum::<u64>();
    let (stored, bytes) = (sum(|range| range.stored_bytes), sum(|range| range.bytes));
    let what = format!("{compressed} chunks are compressed: {stored} bytes become {bytes}");
    (compressed > 0).then(|| {
        Loss::new(
            "hypertable-compression",
            object,
            what,
            "choose storage for the uncompressed size, or drop old chunks first",
        )
    })
}

/// TimescaleDB sees to it too; PostgreSQL would refuse the key after all rows were copied.
fn keys(hypertable: &Hypertable, catalog: &Catalog) -> Vec<Loss> {
    let Some(table) = catalog.tables.iter().find(|table| table.name == hypertable.name) else { return vec![] };
    let lacking = catalog
        .indexes
        .iter()
        .filter(|index| index.table == table.oid && index.unique && !index.columns.contains(&hypertable.column));
    let exclusion = catalog
        .constraints
        .iter()
        .filter(|one| one.table == table.oid && one.kind == ConstraintKind::Exclusion)
        .map(|one| one.name.clone());
    let names = lacking.map(|index| index.name.name.clone()).chain(exclusion);
    names
        .map(|name| {
            let what = format!("does not include {}, by which the table will be partitioned", hypertable.column);
            let object = format!("INDEX {name} of {}", hypertable.name.plain());
            let remedy = "drop it, or make one that includes the column";
            Loss { consequence: Consequence::Blocks, ..Loss::new("hypertable-key", object, what, remedy) }
        })
        .collect()
}

pub fn no_way_back(hypertables: usize) -> Loss {
    let tables = if hypertables == 1 { "a hypertable".to_owned() } else { format!("{hypertables} hypertables") };
    let what = format!(
        "there is no way back with {tables}: native replication cannot write into chunks. Once the clients have written \
         to the new database, a rollback is refused"
    );
    Loss::new(
        "hypertable-no-way-back",
        "ROLLBACK",
        what,
        "try the move with a copy first; the old database stays as it is",
    )
}

pub fn aggregate(aggregate: &Aggregate) -> Loss {
    let what = "becomes a materialized view, computed from the rows that are there: what it kept of rows that were dropped \
                goes, and rows newer than its last refresh are not in it";
    let name = aggregate.name.plain();
    let remedy = format!("to keep its history, CREATE TABLE … AS SELECT * FROM {name} before: that table is carried");
    Loss::new("continuous-aggregate", format!("MATERIALIZED VIEW {name}"), what, remedy)
}

pub fn view(name: &str, rewritten: &Rewritten) -> Loss {
    let what = format!("calls time_bucket in {} places, which become date_bin or date_trunc", rewritten.buckets);
    Loss::note("time-bucket", format!("VIEW {name}"), what, "nothing: the results are the same")
}

pub fn functions(object: String, functions: &[String], takes: Vec<String>, vital: bool) -> Loss {
    let what = format!("uses {}, which has no counterpart at the target: it is not carried", functions.join(", "));
    let remedy = "rewrite it without, or drop it, at the source";
    let consequence = if vital { Consequence::Blocks } else { Consequence::Consent };
    Loss { consequence, takes, ..Loss::new("timescaledb-function", object, what, remedy) }
}
