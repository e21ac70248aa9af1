//! Events as spinners and bars on a terminal: running steps below, what ended above.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Display;
use super::lines::{line, seconds};
use crate::executor::Event;
use crate::steps::StepId;

pub struct Bars {
    verbose: bool,
    all: MultiProgress,
    running: BTreeMap<StepId, Running>,
}

struct Running {
    bar: ProgressBar,
    what: String,
}

impl Bars {
    pub fn new(verbose: bool) -> Self {
        Self { verbose, all: MultiProgress::new(), running: BTreeMap::new() }
    }

    fn start(&mut self, step: &StepId, what: &str) {
        let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}").expect("the template is valid");
        let bar = self.all.add(ProgressBar::new_spinner().with_style(style).with_message(what.to_owned()));
        bar.enable_steady_tick(Duration::from_millis(120));
        self.running.insert(step.clone(), Running { bar, what: what.to_owned() });
    }

    fn note(&self, step: &StepId, note: &str) {
        if let Some(running) = self.running.get(step) {
            running.bar.set_message(format!("{} — {note}", running.what));
        }
    }

    fn end(&mut self, step: &StepId, text: &str) {
        if let Some(running) = self.running.remove(step) {
            running.bar.finish_and_clear();
            self.all.remove(&running.bar);
            drop(self.all.println(format!("{text} {}", running.what)));
        }
    }

    fn bytes(&self, step: &StepId, done: u64, total: Option<u64>) {
        let done = indicatif::HumanBytes(done);
        let text = match total {
            Some(total) => format!("{done} of {}", indicatif::HumanBytes(total)),
            None => done.to_string(),
        };
        self.note(step, &text);
    }
}

impl Display for Bars {
    fn event(&mut self, event: &Event) {
        match event {
            Event::StepStarted { step, what } => self.start(step, what),
            Event::StepWaiting { step, on } => self.note(step, on),
            Event::StepRetry { step, reason, attempt, .. } => {
                self.note(step, &format!("again ({attempt}): {reason}"));
            }
            Event::StepOutput { step, line } if self.verbose => drop(self.all.println(format!("  {step}: {line}"))),
            Event::StepOutput { step, line } => self.note(step, line),
            Event::StepBytes { step, done, total } => self.bytes(step, *done, *total),
            Event::StepDone { step, ms } => self.end(step, &format!("✓ {:>7}", seconds(*ms))),
            Event::StepFailed { step, error, .. } => {
                self.end(step, "✗ failed ");
                drop(self.all.println(format!("  {error}")));
            }
            Event::RunStarted { .. } => {}
            other => drop(self.all.println(line(other, self.verbose).unwrap_or_default())),
        }
    }
}
