//! What acts by itself at the target, in place of the extension's policies: pg_partman makes partitions ahead and drops
//! those that expired, pg_cron refreshes what was a continuous aggregate. Where they are not, that is a loss.

use crate::migrate::catalog::{Catalog, QualifiedName, quote_literal};
use crate::migrate::schema::{Entry, ExtensionState, Keeper, Loss, Phase, Target};
use crate::migrate::timescale::{
    Aggregate, Conversion, Hypertable, MANAGER, MANAGER_SCHEMA, SCHEDULER, Time, Timescale, instead_of,
};

/// `create_parent` has the arguments below since this version.
const MANAGER_SINCE: u32 = 5;
/// What both expect an interval to be at least.
const SECOND: i64 = 1_000_000;

/// What the target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Helpers {
    pub manager: bool,
    pub scheduler: bool,
    /// Who could bring what is missing.
    pub keeper: Keeper,
}

impl Helpers {
    pub fn of(target: &Target, source: &Catalog) -> Self {
        let ours: Vec<_> = instead_of(source).iter().map(|helper| helper.name).collect();
        let version = |name: &str| match target.extensions.get(name).filter(|_| ours.contains(&name)) {
            Some(ExtensionState::Available { version } | ExtensionState::Installed { version }) => {
                Some(version.clone())
            }
            _ => None,
        };
        let major = version(MANAGER).and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        Self {
            manager: major.is_some_and(|major| major >= MANAGER_SINCE),
            scheduler: version(SCHEDULER).is_some(),
            keeper: target.keeper(),
        }
    }
}

/// After the databases were compared: what makes and drops partitions must not act before.
pub fn policies(timescale: &Timescale, conversion: &Conversion, helpers: Helpers) -> (Vec<Entry>, Vec<Loss>) {
    let (mut entries, mut losses) = (vec![], vec![]);
    for hypertable in &timescale.hypertables {
        let Some(converted) = conversion.hypertables.iter().find(|one| one.name == hypertable.name) else { continue };
        let Some(time) = Time::of(&hypertable.column_type) else { continue };
        let drop_after = timescale.retention(hypertable).map(|job| job.drop_after.clone().unwrap_or_default());
        let next = hypertable.ranges.iter().map(|range| range.to).max();
        match (is_managed(hypertable, time, helpers), next) {
            (true, Some(next)) => {
                entries.push(managed(hypertable, next, drop_after.as_deref()));
                losses.extend(drop_after.filter(String::is_empty).map(|_| by_age_of_chunks(hypertable)));
            }
            _ => losses.extend(unmanaged(hypertable, drop_after.as_deref(), converted.partitions.len())),
        }
    }
    if !entries.is_empty() {
        entries.insert(0, extension(MANAGER, Some(MANAGER_SCHEMA)));
        if helpers.scheduler {
            let run = format!("CALL {MANAGER_SCHEMA}.run_maintenance_proc()");
            entries.push(scheduled("partitions", "@hourly", &run));
        } else {
            losses.push(Loss::new(
                "hypertable-maintenance",
                "EXTENSION pg_partman",
                "nobody runs pg_partman's maintenance at the target: new partitions are not made, and expired ones stay",
                format!(
                    "let something run CALL {MANAGER_SCHEMA}.run_maintenance_proc() every hour, or {} and let it do that",
                    helpers.keeper.scheduler()
                ),
            ));
        }
    }
    for aggregate in timescale.aggregates.iter().filter(|one| conversion.aggregates.contains(&one.name)) {
        let every = timescale.refresh(aggregate).map_or(0, |job| job.every_seconds);
        match (every, helpers.scheduler) {
            (0, _) => {}
            (every, true) => entries.push(refreshed(aggregate, every)),
            (every, false) => losses.push(not_refreshed(aggregate, every, helpers.keeper)),
        }
    }
    if entries.iter().any(|entry| entry.kind == "JOB") {
        entries.insert(0, extension(SCHEDULER, None));
    }
    (entries, losses)
}

/// Its names of tables are split at dots; it counts numbers by itself, but not by the clock that their policies have.
fn is_managed(hypertable: &Hypertable, time: Time, helpers: Helpers) -> bool {
    let dots = hypertable.name.schema.contains('.') || hypertable.name.name.contains('.');
    helpers.manager && time != Time::Number && !dots && hypertable.interval >= SECOND
}

fn extension(name: &str, schema: Option<&str>) -> Entry {
    let mut statements = vec![];
    if let Some(schema) = schema {
        statements.push(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
    }
    let place = schema.map(|schema| format!(" WITH SCHEMA {schema}")).unwrap_or_default();
    statements.push(format!("CREATE EXTENSION IF NOT EXISTS {name}{place}"));
    let undo = schema.map(|schema| format!("; DROP SCHEMA IF EXISTS {schema}")).unwrap_or_default();
    Entry::new(Phase::Last, "EXTENSION", name, statements).undone_by(format!("DROP EXTENSION IF EXISTS {name}{undo}"))
}

/// It goes on where the last partition ends, in steps of its own size, whatever that is of a day or month.
fn managed(hypertable: &Hypertable, next: i64, drop_after: Option<&str>) -> Entry {
    let name = quote_literal(&format!("{}.{}", hypertable.name.schema, hypertable.name.name));
    let start = jiff::Timestamp::from_microsecond(next).map(|at| at.strftime("%Y-%m-%d %H:%M:%S%.f+00").to_string());
    let create = format!(
        "SELECT {MANAGER_SCHEMA}.create_parent(p_parent_table => {name}, p_control => {}, p_interval => {}, \
         p_start_partition => {}, p_default_table => false, p_template_table => 'false', p_jobmon => false, \
         p_date_trunc_interval => 'microseconds')",
        quote_literal(&hypertable.column),
        quote_literal(&interval(hypertable.interval, None)),
        quote_literal(&start.unwrap_or_default()),
    );
    let mut set = "infinite_time_partitions = true".to_owned();
    if let Some(after) = drop_after.filter(|after| !after.is_empty()) {
        set = format!("{set}, retention = {}, retention_keep_table = false", quote_literal(after));
    }
    let configure = format!("UPDATE {MANAGER_SCHEMA}.part_config SET {set} WHERE parent_table = {name}");
    let statements = vec!["SET LOCAL TimeZone = 'UTC'".to_owned(), create, configure];
    Entry::new(Phase::Last, "PARTITION MANAGER", hypertable.name.plain(), statements)
        .undone_by(format!("DELETE FROM {MANAGER_SCHEMA}.part_config WHERE parent_table = {name}"))
}

fn unmanaged(hypertable: &Hypertable, drop_after: Option<&str>, partitions: usize) -> Vec<Loss> {
    let object = format!("HYPERTABLE {}", hypertable.name.plain());
    let mut losses = vec![Loss::new(
        "hypertable-partitions",
        object.clone(),
        format!("nobody makes partitions for it: rows outside of its {} go to the default one", partitions - 1),
        "make partitions ahead, or choose a target that has pg_partman 5",
    )];
    losses.extend(drop_after.map(|after| {
        let what = match after {
            "" => "drops chunks some time after they were made; nobody does that at the target".to_owned(),
            after => format!("drops what is older than {after}; nobody does that at the target"),
        };
        Loss::new(
            "hypertable-retention",
            object,
            what,
            "drop old partitions there, or choose a target that has pg_partman 5",
        )
    }));
    losses
}

fn by_age_of_chunks(hypertable: &Hypertable) -> Loss {
    let what = "drops chunks by when they were made; pg_partman drops partitions by the time of their rows only";
    let remedy = "set retention in partman.part_config after the cutover";
    Loss::new("hypertable-retention", format!("HYPERTABLE {}", hypertable.name.plain()), what, remedy)
}

fn refreshed(aggregate: &Aggregate, every_seconds: i64) -> Entry {
    scheduled(&format!("refresh {}", aggregate.name.plain()), &cron(every_seconds), &refresh(&aggregate.name))
}

fn refresh(name: &QualifiedName) -> String {
    format!("REFRESH MATERIALIZED VIEW {name}")
}

fn not_refreshed(aggregate: &Aggregate, every_seconds: i64, keeper: Keeper) -> Loss {
    let what = format!("is refreshed every {every_seconds} s at the source; nobody refreshes it at the target");
    let remedy =
        format!("let something run {} there, or {} and let it do that", refresh(&aggregate.name), keeper.scheduler());
    Loss::new("continuous-aggregate-refresh", format!("MATERIALIZED VIEW {}", aggregate.name.plain()), what, remedy)
}

fn scheduled(name: &str, when: &str, command: &str) -> Entry {
    let job = quote_literal(name);
    let statement = format!("SELECT cron.schedule({job}, {}, {})", quote_literal(when), quote_literal(command));
    // It writes its list of jobs under a policy, which a session that makes a schema has switched off.
    let statements = vec!["SET LOCAL row_security = on".to_owned(), statement];
    Entry::new(Phase::Last, "JOB", name, statements).undone_by(format!("SELECT cron.unschedule({job})"))
}

/// As often at least, as far as whole minutes, hours and days go.
fn cron(seconds: i64) -> String {
    match (seconds / 60, seconds / 3600) {
        (0 | 1, _) => "* * * * *".to_owned(),
        (minutes, 0) => format!("*/{minutes} * * * *"),
        (_, 1) => "0 * * * *".to_owned(),
        (_, hours) if hours < 24 => format!("0 */{hours} * * *"),
        _ => "0 0 * * *".to_owned(),
    }
}

/// `7 days`, `90 minutes`; of a number: `100`.
pub fn interval(length: i64, time: Option<Time>) -> String {
    if time == Some(Time::Number) {
        return length.to_string();
    }
    let units = [("day", 86_400 * SECOND), ("hour", 3600 * SECOND), ("minute", 60 * SECOND), ("second", SECOND)];
    let fits = units.into_iter().find(|(_, unit)| length % unit == 0);
    fits.map_or_else(
        || format!("{length} microseconds"),
        |(name, unit)| format!("{} {name}{}", length / unit, if length / unit == 1 { "" } else { "s" }),
    )
}
