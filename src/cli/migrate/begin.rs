//! A new migration: what the plan and the user say becomes the job, which the agent on the host takes.

use super::attach::{Attached, attach};
use super::options::{CutoverArg, Options, options};
use super::{StartArgs, command, current, database_host, guide, look, migrations, provider};
use crate::agent::Begin;
use crate::cli::args::Global;
use crate::cli::common::{OnHost, on_host};
use crate::error::{CommandError, Exit};
use crate::host;
use crate::migrate::job::{Destination, JOB_VERSION, Job, Source};
use crate::migrate::saga::Next;
use crate::plan::{Engine, NodeName};
use crate::postgres::{Endpoint, Secret, Tls};

pub async fn begin(global: &Global, mut args: StartArgs) -> Result<Exit, CommandError> {
    let when = CutoverArg::parse(&args.cutover)?;
    args.plan = args.plan.or(when.plan);
    let Some(to) = &args.to else {
        return Err(CommandError::usage("where to? name the new database").hint(
            "--to rds, --to aurora, --to ec2, --to HOST of the plan, or --to postgres://user@host/name; its password comes from INFRA_TARGET_PASSWORD",
        ));
    };
    let given = if to.contains("://") { Some(target(to)?) } else { None };
    let mut at = on_host(global, args.plan.clone(), None, "migrate").await?;
    let options = options(&args, when.time, &at.stack.plan.migrate, &jiff::Zoned::now())?;
    let mut job = job(&at, &args, options)?;
    refuse_clients_that_stay(&at, &job)?;
    if given.is_none() {
        job.to = made(&mut at, to)?;
        // Refused now rather than after the copy has begun.
        job.storage_bytes = provider::check(&at, &job.to).await?;
    }
    if !args.plan_only {
        refuse_a_second(&at).await?;
    }
    let (target, ca) = given.map_or((None, None), |(endpoint, ca)| (Some(endpoint), ca));
    let mut request = Begin { job, target, ca };
    let typed = command::typed(&args, request.target.as_ref());
    let view = guide::guide(&at, &request, typed).await?;
    guide::show(global, &at, &view, args.plan_only);
    if args.plan_only {
        return Ok(Exit::Done);
    }
    if !guide::agreed(global, &view, &mut request.job.accepted)? {
        eprintln!("nothing was changed");
        return Ok(Exit::Failed);
    }
    let connected = at.session().await?;
    let request = serde_json::to_vec(&request).map_err(CommandError::failed)?;
    connected.session.agent(&["begin", &migrations(&at)], &request).await?;
    connected.session.start_migration(&at.site, &current(&at)).await?;
    attach(global, &at, Attached::Serves).await
}

/// Where infra makes it.
fn made(at: &mut OnHost, to: &str) -> Result<Destination, CommandError> {
    if to == database_host::WORD {
        return database_host::ask_for(at).map(Destination::Host);
    }
    if let Some(engine) = Engine::named(to) {
        return Ok(Destination::Managed(engine));
    }
    let hosts = &at.stack.plan.hosts;
    let found = hosts.keys().find(|host| host.as_str() == to).cloned().map(Destination::Host);
    let others: Vec<_> = hosts.keys().filter(|host| **host != at.host).map(NodeName::as_str).collect();
    let others =
        if others.is_empty() { "it has no other host".to_owned() } else { format!("its hosts: {}", others.join(", ")) };
    found.ok_or_else(|| {
        CommandError::usage(format!("{to} is neither rds, aurora, ec2, a host of the plan, nor a URL"))
            .hint(format!("{others}; a URL is postgres://user@host/name"))
    })
}

/// They would go on with the old database, which is read-only then, or with none.
fn refuse_clients_that_stay(at: &OnHost, job: &Job) -> Result<(), CommandError> {
    if job.source.clients.is_empty() || at.stack.points_clients() {
        return Ok(());
    }
    let (clients, service) = (job.source.clients.join(", "), &job.source.service);
    let text =
        format!("{clients} could not be led to the new database: the compose file does not say that they follow it");
    Err(CommandError::failed(text)
        .hint(format!("write ${{INFRA_DB_HOST:-{service}}} where they have the database's host, its port, name, user and password alike, or read url.env where they take a URL"))
        .hint("docs/plan.md, [database], shows it; then infra deploy"))
}

/// Told before anything is looked at; the agent sees to it that it holds.
async fn refuse_a_second(at: &OnHost) -> Result<(), CommandError> {
    match look(at).await? {
        Some(report) if report.next != Next::Nothing => {
            let text = format!("migration {} is under way on host {}", report.id, at.host);
            Err(CommandError::failed(text).hint("infra migrate status shows it; finish or abort it first"))
        }
        _ => Ok(()),
    }
}

/// The endpoint, and the roots of its file's content: the host does not have the file.
fn target(url: &str) -> Result<(Endpoint, Option<String>), CommandError> {
    let mut target = Endpoint::parse(url).map_err(CommandError::usage)?;
    if target.password.is_empty() {
        let password = std::env::var("INFRA_TARGET_PASSWORD").map_err(|_| {
            CommandError::usage("the new database's password is not known")
                .hint("set INFRA_TARGET_PASSWORD; a password in the URL would show in the process list")
        })?;
        target.password = Secret::new(password);
    }
    let ca = match &target.tls {
        Tls::Off | Tls::ChannelBinding => None,
        Tls::VerifyFull { ca } => Some(
            std::fs::read_to_string(ca)
                .map_err(|error| CommandError::usage(format!("cannot read {}: {error}", ca.display())))?,
        ),
    };
    Ok((target, ca))
}

fn job(at: &OnHost, args: &StartArgs, options: Options) -> Result<Job, CommandError> {
    let plan = &at.stack.plan;
    let database = plan.database.as_ref().ok_or_else(|| {
        CommandError::usage("the plan has no [database]").hint("name the service that holds it and its clients")
    })?;
    let timeout = plan.bundle.as_ref().map(|b| b.health_timeout.duration()).unwrap_or_default();
    Ok(Job {
        v: JOB_VERSION,
        id: jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string(),
        mode: options.mode,
        cutover: options.cutover,
        site: at.site.clone(),
        host: at.host.clone(),
        source: Source {
            service: database.service.to_string(),
            database: database.name.to_string(),
            clients: database.clients.iter().map(ToString::to_string).collect(),
            password_variable: "POSTGRES_PASSWORD".to_owned(),
        },
        to: Destination::Url,
        storage_bytes: None,
        jobs: args.jobs,
        max_rate: options.max_rate,
        accepted: options.accepted,
        health_timeout_seconds: timeout.as_secs(),
        by: host::operator(),
    })
}
