//! A whole clone of one database into another, as fast as infra does it: schema, rows, indexes, statistics; then every row
//! and object of both compared. For the benchmark, which compares it with other programs; `infra migrate` does more before
//! and after.
//!
//! `clone SOURCE-URL TARGET-URL FOLDER JOBS PG_DUMP...`: the last words are pg_dump with what it needs to find the source.
//! Prints as JSON when each stage was done, in seconds since the beginning: `seconds` is all of the clone,
//! `verified_seconds` with the comparison. `rehearsal_seconds` is what the rehearsal takes, which a migration begins with
//! and no other program has: it comes before that beginning.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::copy::{HeldSnapshot, Setup, Sizing, SnapshotSource, copy, hold};
use infra::migrate::folder::Folder;
use infra::migrate::index::{Builds, build, memory};
use infra::migrate::rehearse::{Source, SourceDefinitions, arrives_otherwise, rehearsed};
use infra::migrate::schema::{self, Phase};
use infra::migrate::verify::{End, Options, read_objects, read_uses, verify};
use infra::postgres::{Endpoint, connect};

const APPLICATION: &str = "infra benchmark";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, source, target, folder, jobs, pg_dump @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: clone SOURCE TARGET FOLDER JOBS PG_DUMP...")
    };
    let (source, target) = (Endpoint::parse(source)?, Endpoint::parse(target)?);
    let (folder, jobs) = (Folder::at(folder), jobs.parse()?);
    let rehearsal_seconds = rehearsal(&source, &target, pg_dump).await?;
    let began = Instant::now();
    let held = {
        let (source, folder) = (source.clone(), folder.clone());
        tokio::spawn(async move { hold(&source, &folder, SnapshotSource::Transaction).await })
    };
    let old = connect(&source, APPLICATION).await?;
    let new = connect(&target, APPLICATION).await?;
    let (catalog, items) = tokio::try_join!(async { anyhow::Ok(catalog::read(&old).await?) }, async {
        anyhow::Ok(schema::parse(&schema::dump(pg_dump, schema::Names::Plain).await?)?)
    })?;
    let facts = schema::examine(&new, &catalog).await?;
    let built = schema::build(items, &catalog, vec![], &facts);
    let before = built.entries.iter().filter(|entry| entry.phase <= Phase::BeforeData);
    schema::apply(&new, before, |_| {}).await.context("schema")?;
    while HeldSnapshot::read(&folder)?.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let schema_done = began.elapsed().as_secs_f64();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let sizing = match std::env::var("SIZING") {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Sizing::default(),
    };
    let ends = (source.clone(), target.clone());
    let setup =
        Setup { source, target: target.clone(), folder, jobs: Some(jobs), sizing, pressure: None, restore_mode: false };
    let complete = Arc::new(move |tables: &[QualifiedName]| drop(sender.send(tables.to_vec())));
    let builds = Builds::of(&catalog, built.entries.clone(), target, jobs, memory(&new).await?);
    let copied = async {
        let copied = copy(setup, &catalog, Arc::new(|_| {}), complete).await?;
        held.abort();
        anyhow::Ok((copied, began.elapsed().as_secs_f64()))
    };
    let indexed = async { anyhow::Ok(build(builds, receiver, |_| {}).await?) };
    let ((copied, copy_done), ()) = tokio::try_join!(copied, indexed)?;
    let index_done = began.elapsed().as_secs_f64();
    let after = built.entries.iter().filter(|entry| entry.phase > Phase::Validate);
    schema::apply(&new, after, |_| {}).await.context("after data")?;
    let seconds = began.elapsed().as_secs_f64();
    let (source, target) = (End::new(ends.0), End::new(ends.1));
    let options = Options { workers: jobs, losses: built.losses, ..Options::default() };
    let report = verify(&source, &target, &options, |_| {}).await?;
    anyhow::ensure!(report.matches(), "the databases differ:\n{}", report.markdown());
    let verified_seconds = began.elapsed().as_secs_f64();
    println!(
        "{{\"seconds\":{seconds:.1},\"rehearsal_seconds\":{rehearsal_seconds:.1},\"verified_seconds\":{verified_seconds:.1},\"schema_done\":{schema_done:.1},\"copy_done\":{copy_done:.1},\"index_done\":{index_done:.1},\"rows\":{},\"bytes\":{},\"peak_rss_kib\":{}}}",
        copied.rows,
        copied.bytes,
        peak_rss()
    );
    Ok(())
}

/// Everything that a migration does so that the schema is known to be taken: what it is at the source, read before and after
/// the dump; made at the target and taken back; what would arrive as something else. The dump itself is every clone's.
async fn rehearsal(source: &Endpoint, target: &Endpoint, pg_dump: &[String]) -> anyhow::Result<f64> {
    let (old, new) = (connect(source, APPLICATION).await?, connect(target, APPLICATION).await?);
    let catalog = catalog::read(&old).await?;
    let items = schema::parse(&schema::dump(pg_dump, schema::Names::Plain).await?)?;
    let mut facts = schema::examine(&new, &catalog).await?;
    let began = Instant::now();
    let described = async || anyhow::Ok((read_objects(&old).await?, read_uses(&old).await?));
    let (before, (objects, uses)) = (described().await?, described().await?);
    anyhow::ensure!(before == (objects.clone(), uses.clone()), "the schema changes");
    let ends = Source { client: &old, catalog: &catalog };
    let build = |facts: &schema::Target| schema::build(items.clone(), &catalog, vec![], facts);
    let (schema, rehearsal) = rehearsed(&ends, target, &mut facts, build).await?;
    anyhow::ensure!(!rehearsal.printed.is_empty(), "the schema was not rehearsed");
    let described = SourceDefinitions { objects, uses };
    let (_, losses) = arrives_otherwise(described, &rehearsal, (&schema, &catalog, &target.user));
    anyhow::ensure!(losses.is_empty(), "something arrives otherwise: {losses:?}");
    Ok(began.elapsed().as_secs_f64())
}

fn peak_rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}
