//! `infra up`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;

use super::args::{Global, UpArgs};
use super::ask;
use super::common::{cloud, load_whole, plan_path, refuse_during_migration, seen};
use super::host_key;
use super::out;
use super::plan::view;
use super::stop::on_signal;
use crate::cloud::Clouds;
use crate::error::{CommandError, Exit};
use crate::executor::{self, LiveRunner, Outcome, Policy, RunError};
use crate::host;
use crate::inventory::{CloudKind, Inventory, ResourceName};
use crate::journal::{Entry, Holder, Journal, Lock};
use crate::stack::{self, Saved, Situation, SituationError, Stack};
use crate::steps::{self, Consent, Question, Step, interrupts};
use crate::ui::{self, plan_text};

pub async fn run(global: &Global, args: UpArgs) -> Result<Exit, CommandError> {
    let named = plan_path(global, args.plan.clone())?;
    let saved = saved(&named)?;
    let path = saved.as_ref().map_or(named, |s| s.plan_path.clone());
    let mut stack = load_whole(global, &path)?;
    let _lock = Lock::take(stack.local.dir(), &holder("up"))?;
    let cloud = cloud(&mut stack).await?;
    for told in &args.host_key {
        host_key::pin(&stack, cloud.as_ref(), told).await?;
    }
    let situation = stack::assess(&stack, cloud.as_ref()).await?;
    if let Some(saved) = &saved {
        saved.still_holds(&stack, &situation)?;
    }
    stack.local.remember_plan(&std::path::absolute(&path).unwrap_or(path))?;
    for cloud in [CloudKind::Lightsail, CloudKind::Ec2].into_iter().filter(|cloud| stack::uses(&stack, *cloud)) {
        stack.local.remember_cloud(cloud)?;
    }
    show(global, &stack, &situation);
    if situation.diff.is_empty() {
        return Ok(Exit::Done);
    }
    if situation.steps.iter().any(|step| interrupts(&step.action).is_some()) {
        refuse_during_migration(seen(&situation.inventory))?;
    }
    if !agreed(global, &args, &situation, saved.is_some())? {
        eprintln!("nothing was changed");
        return Ok(Exit::Failed);
    }
    let consent = Consent { lost: agreed_losses(&situation), ..Consent::default() };
    let violations = steps::check(&situation.steps, &situation.inventory, &consent);
    if !violations.is_empty() {
        return Err(SituationError::Unsafe(violations).into());
    }
    let policy = Policy { step_timeout: args.step_timeout, ..Policy::default() };
    let run = Run { global, stack: &stack, cloud, inventory: &situation.inventory, policy, verb: "up" };
    run.steps(&situation.steps).await
}

fn show(global: &Global, stack: &Stack, situation: &Situation) {
    let view = view(stack, situation);
    if global.json {
        let mut document = serde_json::to_value(&view).expect("a view is plain data");
        document["event"] = "plan".into();
        out::line(document);
    } else if view.nothing_to_do {
        out::line(plan_text(&view).lines().next().unwrap_or_default());
        for note in &view.notes {
            eprintln!("note: {note}");
        }
    } else {
        eprint!("{}", plan_text(&view));
        eprintln!();
    }
}

/// Every one of them was asked for before this is called.
fn agreed_losses(situation: &Situation) -> BTreeSet<ResourceName> {
    let loss = |question: &Question| match question {
        Question::Loss(loss) => Some(loss.instance.clone()),
        Question::Interruption { .. } | Question::Lockout { .. } => None,
    };
    situation.questions.iter().filter_map(loss).collect()
}

fn saved(path: &Path) -> Result<Option<Saved>, CommandError> {
    let Ok(bytes) = std::fs::read(path) else { return Ok(None) };
    Ok(Saved::recognise(path, &bytes).transpose()?)
}

fn agreed(global: &Global, args: &UpArgs, situation: &Situation, shown: bool) -> Result<bool, CommandError> {
    for question in &situation.questions {
        if matches!(question, Question::Lockout { .. })
            && !args.allow_lockout
            && !ask::confirm_in_person(&question.sentence(), &question.answer())?
        {
            return Ok(false);
        }
    }
    for question in &situation.questions {
        if let Question::Loss(loss) = question
            && !ask::lose(&question.sentence(), loss, &args.lose)?
        {
            return Ok(false);
        }
    }
    // A saved plan was shown and agreed to when it was made.
    if shown {
        return Ok(true);
    }
    ask::confirm(global, &format!("Do this in {} steps?", situation.steps.len()), "--yes goes on without asking")
}

pub fn holder(verb: &str) -> Holder {
    Holder { who: host::operator(), pid: std::process::id(), verb: verb.into(), since: jiff::Timestamp::now() }
}

/// One execution of steps, with its journal and display.
pub struct Run<'a> {
    pub global: &'a Global,
    pub stack: &'a Stack,
    pub cloud: Option<Clouds>,
    pub inventory: &'a Inventory,
    pub policy: Policy,
    pub verb: &'a str,
}

impl<'a> Run<'a> {
    /// Of a part of the plan, within a migration.
    pub fn of_migration(global: &'a Global, stack: &'a Stack, cloud: Option<Clouds>, inventory: &'a Inventory) -> Self {
        Self { global, stack, cloud, inventory, policy: Policy::default(), verb: "migrate" }
    }

    pub async fn steps(&self, steps: &[Step]) -> Result<Exit, CommandError> {
        let run_id = format!("{}-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"), std::process::id());
        let journal = Journal::open(self.stack.local.dir(), run_id)?;
        let ids = steps.iter().map(|s| s.id.to_string()).collect();
        journal.append(Entry::RunStarted { verb: self.verb.into(), steps: ids })?;
        let hosts = stack::hosts(self.stack, self.cloud.clone(), self.inventory, self.verb);
        let databases = stack::databases(self.stack).await;
        let runner = LiveRunner { cloud: self.cloud.clone(), databases, hosts: Arc::new(hosts), policy: self.policy };
        let (events, mut shown) = unbounded_channel();
        let mut display = ui::display(self.global.mode(), self.global.verbose);
        let showing = tokio::spawn(async move {
            while let Some(event) = shown.recv().await {
                display.event(&event);
            }
        });
        let outcome = executor::run(steps, Arc::new(runner), &journal, &events, &on_signal()).await;
        drop(events);
        // What was said must be read before the result stands below it.
        drop(tokio::time::timeout(std::time::Duration::from_secs(2), showing).await);
        let outcome = outcome.map_err(|RunError::Journal(error)| error)?;
        let exit = exit(&outcome);
        journal.append(Entry::RunEnded { outcome: format!("{exit:?}").to_lowercase() })?;
        self.report(outcome, exit).await
    }

    async fn report(&self, outcome: Outcome, exit: Exit) -> Result<Exit, CommandError> {
        let again = format!("infra {} {} goes on from here", self.verb, shown_path(&self.stack.path).display());
        if exit == Exit::Interrupted {
            return Err(CommandError::new(Exit::Interrupted, "stopped as asked").hint(again));
        }
        if let Some((step, error)) = outcome.failed.into_iter().next() {
            let shown = host_key::shown(self.cloud.as_ref(), &error).await;
            let hint = error.hint().into_iter().chain(shown);
            let text = format!("{step}: {}", crate::error::chain(&error));
            return Err(CommandError::failed(text).hints(hint).hint(again));
        }
        Ok(exit)
    }
}

fn exit(outcome: &Outcome) -> Exit {
    match (outcome.is_complete(), outcome.stopped && outcome.failed.is_empty()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Interrupted,
        (false, false) => Exit::Failed,
    }
}

/// As the user would type it from here.
pub fn shown_path(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).to_owned()
}
