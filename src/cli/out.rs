//! What a verb says on stdout. A reader that went away (`| head`) is no failure of the verb.

use std::fmt::Display;
use std::io::Write;

pub fn text(text: impl Display) {
    let mut out = std::io::stdout().lock();
    drop(write!(out, "{text}").and_then(|()| out.flush()));
}

pub fn line(line: impl Display) {
    text(format_args!("{line}\n"));
}
