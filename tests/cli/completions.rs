//! `infra completions`: scripts that the shells themselves can read.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::program::Program;

#[test]
fn every_shell_gets_a_script() -> anyhow::Result<()> {
    let program = Program::new()?;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = program.run(&["completions", shell])?.must(0)?.out;
        for word in ["rollback", "include-data"] {
            ensure!(script.contains(word), "{shell}: no {word}");
        }
    }
    program.run(&["completions", "tcsh"])?.must(2)?;
    Ok(())
}

/// bash is everywhere: it completes a verb from its first letters.
#[test]
fn bash_completes_a_verb() -> anyhow::Result<()> {
    let script = Program::new()?.run(&["completions", "bash"])?.must(0)?.out;
    let ask = "COMP_WORDS=(infra sta); COMP_CWORD=1; _infra infra sta infra; echo \"${COMPREPLY[*]}\"\n";
    let mut bash = Command::new("bash").args(["--norc", "-s"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    bash.stdin.take().context("no stdin")?.write_all(format!("{script}\n{ask}").as_bytes())?;
    let answer = String::from_utf8(bash.wait_with_output()?.stdout)?;
    ensure!(answer.trim() == "status", "{answer:?}");
    Ok(())
}
