//! A database's way to a managed server and back, without a host: the library's own steps in the order of the stages, with
//! consent to everything that may be consented to. What a journey may end in is told apart: refused before anything was
//! copied, or at the end with everything equal; all else is a fault of infra.

mod dumps;
mod ends;
pub mod fill;
mod found;
mod schemas;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use infra::error::chain;
use infra::migrate::carried::{
    self, CarriedError, carry_objects, carry_rows, guide, hold_triggers, loosen, release, release_triggers, tighten,
};
use infra::migrate::catalog::{self, Catalog, QualifiedName};
use infra::migrate::copy::{HeldSnapshot, Setup, Sizing, SnapshotSource, copy, hold, tables};
use infra::migrate::drift::Drift;
use infra::migrate::folder::Folder;
use infra::migrate::identity::give;
use infra::migrate::index::{self, Builds};
use infra::migrate::preflight::{self, Capacity, RowFaults, Severity, Situation};
use infra::migrate::rehearse::{Rehearsal, Source, SourceDefinitions, arrives_otherwise, rehearsed};
use infra::migrate::replicate::{Channel, ReplicateError, make_heartbeat};
use infra::migrate::saga::Mode;
use infra::migrate::schema::{self, LargeObject, Names, Phase, Schema, Target};
use infra::migrate::verify::{End, Options, Prints, read_objects, read_uses, told_of_object, verify};
use infra::migrate::{sequences, strategy};
use infra::postgres::Client;
use tempfile::TempDir;

pub use ends::Ends;
use ends::{MASTER, READER};

const PATIENCE: Duration = Duration::from_secs(20);
const FORWARD: &str = "infra_forward";
const BACK: &str = "infra_back";

/// How a journey ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Told before anything was copied: codes with what they are about.
    Refused(Vec<String>),
    /// In the middle.
    Stopped {
        stage: &'static str,
        error: String,
    },
    /// At the end, and not the same.
    Different {
        stage: &'static str,
        what: Vec<String>,
    },
    Equal(Figures),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    pub tables: usize,
    pub objects: usize,
    pub rows: i64,
    /// Codes of what was consented to.
    pub accepted: BTreeSet<String>,
    /// Writes of clients that were refused because of the migration.
    pub refused_writes: usize,
}

impl Outcome {
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Stopped { .. } | Self::Different { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(codes) => write!(f, "refused before: {}", codes.join("; ")),
            Self::Stopped { stage, error } => write!(f, "STOPPED in {stage}: {error}"),
            Self::Different { stage, what } => write!(f, "DIFFERENT after {stage}: {}", what.join("\n    ")),
            Self::Equal(Figures { tables, objects, rows, accepted, refused_writes }) => {
                let codes = accepted.iter().cloned().collect::<Vec<_>>().join(", ");
                write!(f, "equal: {tables} tables, {objects} objects, {rows} rows, accepted [{codes}]")?;
                if *refused_writes > 0 { write!(f, ", {refused_writes} writes refused") } else { Ok(()) }
            }
        }
    }
}

fn stopped<E: std::error::Error + 'static>(stage: &'static str) -> impl FnOnce(E) -> Outcome {
    move |error| Outcome::Stopped { stage, error: chain(&error) }
}

fn same(stage: &'static str, what: Vec<String>) -> Result<(), Outcome> {
    if what.is_empty() { Ok(()) } else { Err(Outcome::Different { stage, what }) }
}

/// There, written to meanwhile, and back. The database is at the old end already, and empty at the new one.
pub async fn journey(ends: &Ends, database: &str, seed: u64) -> Outcome {
    let journey = Journey { ends, database, seed, folder: tempfile::tempdir().unwrap() };
    match journey.go().await {
        Ok(figures) => Outcome::Equal(figures),
        Err(outcome) => outcome,
    }
}

struct Journey<'a> {
    ends: &'a Ends,
    database: &'a str,
    seed: u64,
    folder: TempDir,
}

impl Journey<'_> {
    async fn go(&self) -> Result<Figures, Outcome> {
        let (catalog, built, prints, accepted) = self.look().await?;
        let (old, new) = (self.ends.at_old(self.database).await, self.ends.at_new(self.database).await);
        self.run("schema", &new, &built, &[Phase::Roles, Phase::BeforeData]).await?;
        make_heartbeat(&new).await.map_err(stopped("prepare"))?;
        make_heartbeat(&old).await.map_err(stopped("prepare"))?;
        give(&old, None).await.map_err(stopped("prepare"))?;
        let forward = Channel { name: FORWARD, publisher: &old, subscriber: &new };
        let way = self.ends.for_subscription(self.database);
        forward.publish(published(&old, FORWARD, &catalog).await?.as_deref()).await.map_err(stopped("prepare"))?;
        self.copy(&catalog).await?;
        let mut refused_writes = self.write(true, 1).await;
        self.index(&catalog, &built).await?;
        self.run("index", &new, &built, &[Phase::AfterData, Phase::Grants, Phase::Refresh, Phase::Settings]).await?;
        give(&new, Some(&old)).await.map_err(stopped("follow"))?;
        loosen(&new, &carried::with_roots(&catalog)).await.map_err(stopped("follow"))?;
        forward.subscribe(&way).await.map_err(stopped("follow"))?;
        self.drain("follow", &forward).await?;
        self.same_schema(&built, &prints).await?;
        self.verify(&built, &prints, false).await?;
        self.run("last", &new, &built, &[Phase::Last]).await?;
        refused_writes += self.write(true, 2).await;
        self.drain("cutover", &forward).await?;
        self.same_schema(&built, &prints).await?;
        sequences::carry(&old, &new).await.map_err(stopped("cutover"))?;
        carry(&old, &new, &catalog).await.map_err(stopped("cutover"))?;
        tighten(&new).await.map_err(stopped("cutover"))?;
        let mut figures = self.verify(&built, &prints, true).await?;
        forward.pause().await.map_err(stopped("cutover"))?;
        same("pg_dump of the rows", dumps::differing_rows(self.ends, self.database, &built.losses))?;
        refused_writes += self.back(&old, &new, &built, &prints).await?;
        figures.accepted = accepted;
        figures.refused_writes = refused_writes;
        Ok(figures)
    }

    /// All that is told before anything is made; what is consented to is left out from here on.
    async fn look(&self) -> Result<(Catalog, Schema, Prints, BTreeSet<String>), Outcome> {
        let (old, new) = (self.ends.at_old(self.database).await, self.ends.at_new(self.database).await);
        let catalog = catalog::read(&old).await.map_err(stopped("look"))?;
        let large = schema::read_large_objects(&old).await.map_err(stopped("look"))?;
        let (mut abilities, mut rehearsal) = self.rehearse(&old, &new, &catalog, &large, Names::Plain).await?;
        if abilities.tried.names_are_words() {
            (abilities, rehearsal) = self.rehearse(&old, &new, &catalog, &large, Names::Quoted).await?;
        }
        let (built, rehearsal) = rehearsal;
        let at_old = self.ends.at_old(self.database).await;
        let objects = read_objects(&at_old).await.map_err(stopped("look"))?;
        let source = SourceDefinitions { objects, uses: read_uses(&at_old).await.map_err(stopped("look"))? };
        let mut built = built;
        let (prints, otherwise) = arrives_otherwise(source, &rehearsal, (&built, &catalog, MASTER));
        built.losses.extend(otherwise);
        let row_faults = RowFaults::find(&old, &catalog).await.map_err(stopped("look"))?;
        let (at_old, at_new) = (self.ends.at_old(self.database).await, self.ends.at_new(self.database).await);
        let situation = Situation {
            mode: Mode::Online,
            source: preflight::gather(&at_old).await.map_err(stopped("look"))?,
            target_catalog: catalog::read(&new).await.map_err(stopped("look"))?,
            target: preflight::gather(&at_new).await.map_err(stopped("look"))?,
            catalog,
            abilities,
            timescale: None,
            losses: built.losses.clone(),
            capacity: Capacity { connections: 4, ..Capacity::default() },
            row_faults: Some(row_faults),
        };
        let findings = preflight::check(&situation);
        let of = |severity: Severity| findings.iter().filter(move |finding| finding.severity == severity);
        let blockers: Vec<_> = of(Severity::Blocker).map(|f| format!("{} [{}] {}", f.object, f.code, f.what)).collect();
        if !blockers.is_empty() {
            return Err(Outcome::Refused(blockers));
        }
        let accepted =
            of(Severity::Warning).map(|finding| finding.code.clone()).filter(|code| code != "no-tls").collect();
        Ok((situation.catalog, built, prints, accepted))
    }

    async fn rehearse(
        &self,
        old: &Client,
        new: &Client,
        catalog: &Catalog,
        large: &[LargeObject],
        names: Names,
    ) -> Result<(Target, (Schema, Rehearsal)), Outcome> {
        let url = self.ends.old.url(self.database);
        let archive = schema::dump(&self.ends.old.tool("pg_dump", &[&url]), names).await.map_err(stopped("look"))?;
        let mut abilities = schema::examine(new, catalog).await.map_err(stopped("look"))?;
        let items = schema::parse(&archive).map_err(stopped("look"))?;
        let build = |facts: &Target| strategy::build(items.clone(), catalog, None, large.to_vec(), facts);
        let source = Source { client: old, catalog };
        let rehearsed = rehearsed(&source, &self.ends.target(self.database), &mut abilities, build).await;
        Ok((abilities, rehearsed.map_err(stopped("rehearsal"))?))
    }

    async fn run(&self, stage: &'static str, new: &Client, built: &Schema, phases: &[Phase]) -> Result<(), Outcome> {
        let entries: Vec<_> = phases.iter().flat_map(|phase| built.phase(*phase)).collect();
        schema::apply(new, entries.iter().copied(), |_| {}).await.map_err(stopped(stage))?;
        schema::settle(new, entries.iter().copied(), |_| {}).await.map_err(stopped(stage)).map(drop)
    }

    async fn copy(&self, catalog: &Catalog) -> Result<(), Outcome> {
        let (source, place) = (self.ends.source(self.database), self.folder());
        let holder = tokio::spawn(async move { hold(&source, &place, SnapshotSource::Slot(FORWARD.to_owned())).await });
        while HeldSnapshot::read(&self.folder()).map_err(stopped("copy"))?.is_none() {
            if holder.is_finished() {
                let Err(error) = holder.await.unwrap();
                return Err(stopped("copy")(error));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let setup = Setup {
            source: self.ends.source(self.database),
            target: self.ends.target(self.database),
            folder: self.folder(),
            jobs: Some(2),
            sizing: Sizing::default(),
            pressure: None,
            restore_mode: false,
        };
        let copied = copy(setup, catalog, Arc::new(|_| ()), Arc::new(|_: &[QualifiedName]| ())).await;
        holder.abort();
        drop(holder.await);
        copied.map(drop).map_err(stopped("copy"))
    }

    /// What stands in the way is told in the words of the new server's log.
    async fn drain(&self, stage: &'static str, channel: &Channel<'_>) -> Result<(), Outcome> {
        match channel.drain(PATIENCE).await {
            Err(error @ (ReplicateError::ApplyFailed { .. } | ReplicateError::NotDrained { .. })) => {
                let error = format!("{}; {}", chain(&error), self.ends.last_errors());
                Err(Outcome::Stopped { stage, error })
            }
            other => other.map(drop).map_err(stopped(stage)),
        }
    }

    async fn index(&self, catalog: &Catalog, built: &Schema) -> Result<(), Outcome> {
        let memory = index::memory(&self.ends.at_new(self.database).await).await.map_err(stopped("index"))?;
        let builds = Builds::of(catalog, built.entries.clone(), self.ends.target(self.database), 2, memory);
        let (announce, complete) = tokio::sync::mpsc::unbounded_channel();
        for some in tables(&self.folder()).map_err(stopped("index"))? {
            announce.send(some).unwrap();
        }
        drop(announce);
        index::build(builds, complete, |_| {}).await.map_err(stopped("index"))
    }

    async fn same_schema(&self, built: &Schema, prints: &Prints) -> Result<(), Outcome> {
        let (old, new) = (self.ends.at_old(self.database).await, self.ends.at_new(self.database).await);
        let drift = Drift::look(&old, &new, &built.losses, prints).await.map_err(stopped("follow"))?;
        let differences = drift.differences.iter().map(told_of_object).filter(|line| !is_ours(line));
        same("follow", differences.collect())
    }

    /// `cut`: writers are stopped, and sequences were carried. Row security is put in force after it.
    async fn verify(&self, built: &Schema, prints: &Prints, cut: bool) -> Result<Figures, Outcome> {
        let (source, target) = (End::new(self.ends.source(self.database)), End::new(self.ends.target(self.database)));
        let options = Options {
            losses: built.losses.clone(),
            sequence_values: cut,
            before_last: true,
            conversion: built.conversion.clone(),
            prints: prints.clone(),
            later: if cut { None } else { Some(self.carried().await?) },
            ..Options::default()
        };
        let mut report = verify(&source, &target, &options, |_| ()).await.map_err(stopped("verify"))?;
        report.objects.retain(|difference| !is_ours(&format!("{} {}", difference.object.kind, difference.object.name)));
        if !report.matches() {
            let objects = report
                .faults()
                .map(|f| format!("{} {}: {:?} and {:?}", f.object.kind, f.object.name, f.source, f.target));
            let tables = report.tables.iter().filter(|table| !table.matches()).map(|table| format!("{table:?}"));
            let (stage, said) = (if cut { "cutover" } else { "verify" }, self.ends.last_errors());
            return Err(Outcome::Different { stage, what: objects.chain(tables).chain([said]).collect() });
        }
        let (tables, objects, rows) = (report.tables.len(), report.objects_compared, report.rows());
        Ok(Figures { tables, objects, rows, ..Figures::default() })
    }

    /// What is carried in the pause, and compared after it.
    async fn carried(&self) -> Result<BTreeSet<QualifiedName>, Outcome> {
        let catalog = catalog::read(&*self.ends.at_old(self.database).await).await.map_err(stopped("verify"))?;
        Ok(carried::names(&catalog))
    }

    /// What was put in force at last too.
    async fn handed_over(&self, built: &Schema, prints: &Prints) -> Result<(), Outcome> {
        let (source, target) = (End::new(self.ends.source(self.database)), End::new(self.ends.target(self.database)));
        let (losses, prints) = (built.losses.clone(), prints.clone());
        let options = Options { losses, prints, tables: Some(BTreeSet::new()), ..Options::default() };
        let report = verify(&source, &target, &options, |_| ()).await.map_err(stopped("hand over"))?;
        let differs = report.faults().map(|fault| (format!("{} {}", fault.object.kind, fault.object.name), fault));
        let differs = differs.filter(|(name, _)| !is_ours(name) && !name.starts_with("SEQUENCE VALUE"));
        same(
            "hand over",
            differs.map(|(name, fault)| format!("{name}: {:?} and {:?}", fault.source, fault.target)).collect(),
        )
    }

    /// What is written at the new database is at the old one when the clients return to it.
    async fn back(&self, old: &Client, new: &Client, built: &Schema, prints: &Prints) -> Result<usize, Outcome> {
        let back = Channel { name: BACK, publisher: new, subscriber: old };
        let catalog = catalog::read(new).await.map_err(stopped("way back"))?;
        let own = catalog::read(old).await.map_err(stopped("way back"))?;
        back.publish(published(new, BACK, &catalog).await?.as_deref()).await.map_err(stopped("way back"))?;
        back.make_slot().await.map_err(stopped("way back"))?;
        schema::hand_over(new, built).await.map_err(stopped("hand over"))?;
        same("pg_dump of the schema", dumps::differing_statements(self.ends, self.database, &built.losses))?;
        // Away for a while, which pg_dump does not know.
        loosen(old, &carried::with_roots(&catalog)).await.map_err(stopped("way back"))?;
        guide(old, &own).await.map_err(stopped("way back"))?;
        hold_triggers(old).await.map_err(stopped("way back"))?;
        self.handed_over(built, prints).await?;
        back.subscribe(&self.ends.target(self.database)).await.map_err(stopped("way back"))?;
        let refused = self.write(false, 3).await;
        self.drain("way back", &back).await?;
        sequences::carry(new, old).await.map_err(stopped("way back"))?;
        carry(new, old, &catalog).await.map_err(stopped("way back"))?;
        release(old).await.map_err(stopped("way back"))?;
        release_triggers(old).await.map_err(stopped("way back"))?;
        tighten(old).await.map_err(stopped("way back"))?;
        same("the way back", dumps::differing_rows(self.ends, self.database, &built.losses))?;
        Ok(refused)
    }

    /// As clients do; how many were refused because a row could not be recognised by replication.
    async fn write(&self, at_old: bool, round: u64) -> usize {
        let server = if at_old { &self.ends.old } else { &self.ends.new };
        let client = server.connect(self.database).await;
        fill::fill(&client, self.seed * 10 + round, 2).await;
        fill::change(&client, self.seed * 10 + round).await
    }

    fn folder(&self) -> Folder {
        Folder::at(self.folder.path())
    }
}

/// What replication does not bring.
async fn carry(from: &Client, to: &Client, catalog: &Catalog) -> Result<(), CarriedError> {
    carry_rows(from, to, catalog).await?;
    carry_objects(from, to).await.map(drop)
}

/// As the stages do it: all tables where all are followed, or those that the user may publish.
async fn published(client: &Client, channel: &str, catalog: &Catalog) -> Result<Option<Vec<QualifiedName>>, Outcome> {
    let left_out = carried::unpublished(catalog);
    if channel == FORWARD && left_out.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
                 AND (n.nspname !~ '^(pg_|information_schema$|infra_)' OR n.nspname = 'infra_migration' AND c.relname = 'beat')";
    let rows = client.rows("listing tables", sql, &[]).await.map_err(stopped("prepare"))?;
    let names = rows.iter().map(|row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1)));
    Ok(Some(names.filter(|name| !left_out.contains(name)).collect()))
}

/// What the migration made itself, and the new server's own roles.
fn is_ours(object: &str) -> bool {
    object.contains(READER) || object.contains(&format!("ROLE {MASTER}")) || object.contains("ROLE rds_")
}
