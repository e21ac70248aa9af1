//! Events as plain lines on stderr, for logs and pipes.

use super::Display;
use crate::executor::Event;

pub struct PlainLines {
    verbose: bool,
}

impl PlainLines {
    pub fn new(verbose: bool) -> Self {
        Self { verbose }
    }
}

impl Display for PlainLines {
    fn event(&mut self, event: &Event) {
        if let Some(line) = line(event, self.verbose) {
            eprintln!("{line}");
        }
    }
}

/// None: not worth a line.
pub(super) fn line(event: &Event, verbose: bool) -> Option<String> {
    Some(match event {
        Event::RunStarted { .. } | Event::StepBytes { .. } => return None,
        Event::StepStarted { step, what } => format!("start  {step}: {what}"),
        Event::StepWaiting { step, on } => format!("wait   {step}: {on}"),
        Event::StepRetry { step, reason, attempt, after_ms } => {
            format!("retry  {step}: {reason} (attempt {attempt}, in {after_ms} ms)")
        }
        Event::StepOutput { step, line } => {
            if !verbose {
                return None;
            }
            format!("       {step}: {line}")
        }
        Event::StepDone { step, ms } => format!("done   {step} ({})", seconds(*ms)),
        Event::StepFailed { step, error, .. } => format!("FAILED {step}: {error}"),
        Event::Stopping { running } => {
            format!("stopping: {} running {} will end first", running.len(), plural(running.len(), "step"))
        }
        Event::RunEnded { done, failed, left, ms } => {
            format!("{done} done, {failed} failed, {left} not begun, {}", seconds(*ms))
        }
    })
}

pub(super) fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
