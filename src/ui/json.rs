//! Events as JSON lines on stdout.

use std::io::Write;

use super::Display;
use crate::executor::Event;

pub struct JsonLines;

impl Display for JsonLines {
    fn event(&mut self, event: &Event) {
        let line = serde_json::to_string(event).expect("an event is plain data");
        let mut out = std::io::stdout().lock();
        // A reader that went away is no reason to stop the work.
        drop(writeln!(out, "{line}").and_then(|()| out.flush()));
    }
}
