//! The scheduler: a step starts when all that it needs is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter};
use super::step_runner::{StepError, StepRunner};
use crate::journal::{Entry, Journal, JournalError};
use crate::steps::{Step, StepId, describe};

/// Steps at work at one time: enough for any plan's width, and kind to the provider's rate limits.
const WIDTH: usize = 16;

#[derive(Debug)]
pub struct Outcome {
    pub done: BTreeSet<StepId>,
    pub failed: Vec<(StepId, StepError)>,
    /// Not begun.
    pub left: Vec<StepId>,
    pub stopped: bool,
}

impl Outcome {
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.left.is_empty()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Runs until all is done, a step fails, or `stop` is set; steps that run are always seen to their end.
pub async fn run(
    steps: &[Step],
    runner: Arc<dyn StepRunner>,
    journal: &Journal,
    events: &UnboundedSender<Event>,
    stop: &CancellationToken,
) -> Result<Outcome, RunError> {
    let mut run = Run {
        waiting: steps.iter().map(|s| (s.id.clone(), s)).collect(),
        running: BTreeMap::new(),
        tasks: JoinSet::new(),
        outcome: Outcome { done: BTreeSet::new(), failed: vec![], left: vec![], stopped: false },
        unwritten: vec![],
        runner,
        journal,
        events,
    };
    let began = Instant::now();
    run.tell(Event::RunStarted { steps: steps.len() });
    let result = run.see_through(stop).await;
    let ms = millis(began);
    let mut outcome = run.outcome;
    outcome.left = run.waiting.into_keys().collect();
    drop(events.send(Event::RunEnded {
        done: outcome.done.len(),
        failed: outcome.failed.len(),
        left: outcome.left.len(),
        ms,
    }));
    result.map(|()| outcome)
}

type Ended = (StepId, Result<(), StepError>);

struct Run<'a> {
    waiting: BTreeMap<StepId, &'a Step>,
    running: BTreeMap<StepId, Instant>,
    tasks: JoinSet<Ended>,
    outcome: Outcome,
    /// How steps ended; goes into the journal before anything else begins.
    unwritten: Vec<Entry>,
    runner: Arc<dyn StepRunner>,
    journal: &'a Journal,
    events: &'a UnboundedSender<Event>,
}

impl<'a> Run<'a> {
    async fn see_through(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        loop {
            let begun = self.begin_ready(stop);
            if let Err(error) = begun {
                self.drain().await;
                return Err(error);
            }
            if self.tasks.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next() => self.end(ended.expect("a step does not panic")),
                () = stop.cancelled(), if !self.outcome.stopped => self.stop(),
            }
        }
    }

    fn begin_ready(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        if stop.is_cancelled() && !self.outcome.stopped {
            self.stop();
        }
        while let Some(ended) = self.tasks.try_join_next() {
            self.end(ended.expect("a step does not panic"));
        }
        let ready = self.ready();
        let started = ready.iter().map(|step| Entry::StepStarted { step: step.id.to_string() });
        self.journal.append_all(std::mem::take(&mut self.unwritten).into_iter().chain(started))?;
        for step in ready {
            self.begin(step);
        }
        Ok(())
    }

    /// What may begin now.
    fn ready(&self) -> Vec<&'a Step> {
        if self.outcome.stopped || !self.outcome.failed.is_empty() {
            return vec![];
        }
        let done = &self.outcome.done;
        let ready = self.waiting.values().filter(|s| s.needs.iter().all(|n| done.contains(n)));
        ready.take(WIDTH.saturating_sub(self.running.len())).copied().collect()
    }

    fn begin(&mut self, step: &Step) {
        self.waiting.remove(&step.id);
        self.running.insert(step.id.clone(), Instant::now());
        self.tell(Event::StepStarted { step: step.id.clone(), what: describe(&step.action) });
        let reporter = Reporter { step: step.id.clone(), to: self.events.clone() };
        let (runner, step) = (self.runner.clone(), step.clone());
        self.tasks.spawn(async move {
            let result = runner.perform(&step, &reporter).await;
            (step.id, result)
        });
    }

    fn end(&mut self, (id, result): Ended) {
        let began = self.running.remove(&id).unwrap_or_else(Instant::now);
        match result {
            Ok(()) => {
                self.unwritten.push(Entry::StepDone { step: id.to_string() });
                self.tell(Event::StepDone { step: id.clone(), ms: millis(began) });
                self.outcome.done.insert(id);
            }
            Err(error) => {
                let text = crate::error::chain(&error);
                self.unwritten.push(Entry::StepFailed { step: id.to_string(), error: text.clone() });
                self.tell(Event::StepFailed { step: id.clone(), error: text, hint: error.hint() });
                self.outcome.failed.push((id, error));
            }
        }
    }

    fn stop(&mut self) {
        self.outcome.stopped = true;
        self.tell(Event::Stopping { running: self.running.keys().cloned().collect() });
    }

    /// The journal cannot be written: nothing begins any more, what runs is seen to its end.
    async fn drain(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    fn tell(&self, event: Event) {
        drop(self.events.send(event));
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
