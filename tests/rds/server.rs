//! The server behind a database that the provider has made, seen from the address that may connect.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use infra::cloud::Databases;
use infra::inventory::{Database, DatabaseState};
use infra::plan::Engine;
use infra::postgres::{Endpoint, Secret, Tls, connect};
use infra::steps::{DatabaseAction, DatabaseWish, provision, revert};
use tokio::process::Command;

use crate::stage::{Stage, aurora, plan, wish};

/// A connection as the master user, by name, password and authorities.
struct Master<'a> {
    database: &'a Database,
    password: String,
    authorities: &'a Path,
}

impl Master<'_> {
    async fn query(&self, sql: &str) -> anyhow::Result<String> {
        self.query_with("verify-full", sql).await
    }

    async fn query_with(&self, mode: &str, sql: &str) -> anyhow::Result<String> {
        let address = self.database.endpoint.as_ref().context("no endpoint")?;
        let output = Command::new("psql")
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .env("PGHOST", &address.host)
            .env("PGPORT", address.port.to_string())
            .env("PGUSER", &self.database.master)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", "postgres")
            .env("PGSSLMODE", mode)
            .env("PGSSLROOTCERT", self.authorities)
            .env("PGCONNECT_TIMEOUT", "3")
            .stdin(Stdio::null())
            .output()
            .await
            .context("cannot run psql")?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
            false => bail!("{}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    async fn refused(&self, sql: &str) -> anyhow::Result<String> {
        match self.query(sql).await {
            Ok(answer) => bail!("{sql} is allowed: {answer}"),
            Err(error) => Ok(error.to_string()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_like_one_of_rds_from_its_making_to_its_end() -> anyhow::Result<()> {
    let stage = Stage::new(true).await?;
    let outcome = life(&stage, &wish()).await;
    stage.end().await?;
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_like_one_of_aurora_from_its_making_to_its_end() -> anyhow::Result<()> {
    let stage = Stage::new(true).await?;
    let outcome = life(&stage, &aurora()).await;
    stage.end().await?;
    outcome
}

async fn life(stage: &Stage, wish: &DatabaseWish) -> anyhow::Result<()> {
    let engine = wish.size.engine();
    let database = stage.provision(wish).await?.database.context("no database")?;
    ensure!(database.state == DatabaseState::Available && database.encrypted && !database.public, "{database:?}");
    ensure!(database.deletion_protection && database.parameters_in_effect, "{database:?}");
    ensure!(database.backup_days == u32::from(engine == Engine::Aurora), "{database:?}");
    let secret = database.secret.as_ref().context("no secret")?;
    let password = stage.rds.password(secret).await?.to_string();
    let authorities = stage.authorities();
    let master = Master { database: &database, password, authorities: &authorities };

    reached_by_infra(&master).await?;
    is_like_rds(&master).await?;
    parameters_follow(stage, &master, wish).await?;
    only_the_host_may_connect(stage, &master, wish).await?;

    let left = stage.remove().await?;
    ensure!(left.database.is_none() && left.security_group.is_none() && left.parameter_groups.is_empty(), "{left:?}");
    ensure!(left.snapshots.iter().any(|snapshot| snapshot.name.as_str() == "demo-db-last"), "{left:?}");
    ensure!(stage.rds.password(secret).await.is_err(), "the secret has gone with its database");
    Ok(())
}

/// As its stages connect: by the name that AWS tells, the password that it keeps, and the authorities that it publishes.
async fn reached_by_infra(master: &Master<'_>) -> anyhow::Result<()> {
    let address = master.database.endpoint.as_ref().context("no endpoint")?;
    let mut endpoint = Endpoint {
        login: None,
        host: address.host.clone(),
        port: address.port.get(),
        database: "postgres".into(),
        user: master.database.master.clone(),
        password: Secret::new(master.password.as_str()),
        tls: Tls::VerifyFull { ca: master.authorities.to_owned() },
    };
    let client = connect(&endpoint, "test").await?;
    let row = client.row("asking for the user", "SELECT rolbypassrls FROM pg_roles WHERE rolname = current_user", &[]);
    ensure!(!row.await?.get::<_, bool>(0), "row security holds for the master user");
    let strangers = tempfile::tempdir()?;
    let other =
        lab::rds::Authority::open(strangers.path()).map(|_| lab::rds::Authority::certificate(strangers.path()))?;
    endpoint.tls = Tls::VerifyFull { ca: other };
    ensure!(connect(&endpoint, "test").await.is_err(), "a server that somebody else vouches for is not taken");
    Ok(())
}

async fn is_like_rds(master: &Master<'_>) -> anyhow::Result<()> {
    ensure!(master.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await? == "t");
    let refused = master.query_with("disable", "SELECT 1").await.err().context("without TLS it connects")?;
    ensure!(refused.to_string().contains("no encryption"), "{refused}");

    let role = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = current_user";
    ensure!(master.query(role).await? == "f|t|t|t", "the master user is no superuser");
    ensure!(master.refused("ALTER SYSTEM SET work_mem = 1").await?.contains("permission denied"));
    ensure!(master.query("SHOW rds.extensions").await?.split(',').any(|name| name == "pg_partman"));
    master.query("CREATE EXTENSION pg_stat_statements; CREATE EXTENSION postgres_fdw").await?;
    ensure!(master.refused("CREATE EXTENSION file_fdw").await?.contains("not available"));

    ensure!(master.query("SHOW wal_level").await? == "logical", "a parameter group holds from the start");
    master.query("SELECT pg_create_logical_replication_slot('test', 'pgoutput')").await?;
    master.query("SELECT pg_drop_replication_slot('test')").await?;
    master.query("CREATE ROLE follower LOGIN; GRANT rds_replication TO follower").await?;
    settles(async || Ok(master.query("SELECT rolreplication FROM pg_roles WHERE rolname = 'follower'").await? == "t"))
        .await
        .context("members of rds_replication may replicate")
}

async fn parameters_follow(stage: &Stage, master: &Master<'_>, wish: &DatabaseWish) -> anyhow::Result<()> {
    let engine = wish.size.engine();
    ensure!(master.query("SHOW autovacuum").await? == "off");
    ensure!(engine == Engine::Aurora || master.query("SHOW maintenance_work_mem").await? == "1GB");
    stage.apply(&revert(&plan(), 7, &stage.observe().await?)).await?;
    settles(async || Ok(master.query("SHOW autovacuum").await? == "on"))
        .await
        .context("the load's settings are gone")?;

    // As if it had been made before logical replication was asked for.
    let group = infra::steps::database_name(&plan());
    let names = vec!["rds.logical_replication".to_owned()];
    stage.apply(&[DatabaseAction::ResetParameters { group: group.clone(), engine, names }]).await?;
    stage.apply(&[DatabaseAction::RebootDatabase { name: group.clone(), engine }]).await?;
    ensure!(master.query("SHOW wal_level").await? == "replica");
    let missing = provision(wish, &stage.observe().await?)?;
    stage.apply(&missing).await?;
    ensure!(master.query("SHOW wal_level").await? == "replica", "not without a reboot");
    stage.provision(wish).await?;
    ensure!(master.query("SHOW wal_level").await? == "logical", "after the reboot");
    Ok(())
}

async fn only_the_host_may_connect(stage: &Stage, master: &Master<'_>, wish: &DatabaseWish) -> anyhow::Result<()> {
    let mut elsewhere = wish.clone();
    elsewhere.from = vec!["203.0.113.140/32".parse()?];
    stage.provision(&elsewhere).await?;
    settles(async || Ok(master.query("SELECT 1").await.is_err_and(|error| error.to_string().contains("timeout"))))
        .await
        .context("who has no rule gets no answer")?;
    stage.provision(wish).await?;
    settles(async || Ok(master.query("SELECT 1").await.is_ok())).await.context("who has one is let in again")
}

/// The lab's servers learn of a change a moment after the call has returned.
async fn settles(look: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    for _ in 0..40 {
        if look().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    bail!("it does not settle")
}
