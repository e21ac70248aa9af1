//! Questions. Without a terminal there is nobody to ask: the command stops with the open question.

use std::io::{IsTerminal, Write};

use super::args::Global;
use crate::error::CommandError;
use crate::steps::Loss;

/// `answer` names the flag that says yes in advance.
pub fn confirm(global: &Global, question: &str, answer: &str) -> Result<bool, CommandError> {
    if global.yes {
        return Ok(true);
    }
    Ok(matches!(reply(&format!("{question} [y/N] "), answer)?.to_lowercase().as_str(), "y" | "yes"))
}

/// Something that `--yes` does not answer.
pub fn confirm_in_person(question: &str, answer: &str) -> Result<bool, CommandError> {
    Ok(reply(&format!("{question} Type yes to go on: "), answer)?.to_lowercase() == "yes")
}

/// Data is destroyed: the plan's name is typed, or was said in advance with `--confirm`.
pub fn destroy(question: &str, name: &str, confirmed: Option<&str>) -> Result<bool, CommandError> {
    match confirmed {
        Some(confirmed) if confirmed == name => Ok(true),
        Some(other) => Err(CommandError::usage(format!("--confirm {other}: the plan's name is {name}"))),
        None => {
            let answer = format!("--confirm {name} goes on without asking; --yes does not answer this");
            Ok(reply(&format!("{question} Type the plan's name to go on: "), &answer)? == name)
        }
    }
}

/// Something that only this instance holds is lost: its name is typed, or was said in advance with `--lose`.
pub fn lose(question: &str, loss: &Loss, said: &[String]) -> Result<bool, CommandError> {
    let instance = loss.instance.as_str();
    if said.iter().any(|name| name == instance) {
        return Ok(true);
    }
    Ok(reply(&format!("{question}. Type {instance} to go on: "), &loss.answer())? == instance)
}

/// Whether a question can be answered by a person.
pub fn is_somebody_there() -> bool {
    std::io::stdin().is_terminal()
}

fn reply(prompt: &str, answer: &str) -> Result<String, CommandError> {
    if !is_somebody_there() {
        return Err(CommandError::question(format!("stopped at a question: {}", prompt.trim())).hint(answer.to_owned()));
    }
    eprint!("{prompt}");
    std::io::stderr().flush().map_err(CommandError::failed)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(CommandError::failed)?;
    Ok(line.trim().to_owned())
}
