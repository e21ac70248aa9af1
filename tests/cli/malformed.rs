//! Malformed plans as a user meets them: exit 2, every finding with its place, on both ways of saying it.

use anyhow::{Context, ensure};
use infra::plan::parse;
use serde_json::Value;

#[path = "../plans/cases.rs"]
mod cases;

use crate::program::Program;
use cases::{CASES, VALID};

/// Every finding has a line and a column that the file has.
fn assert_placed(plan: &str, findings: &Value) -> anyhow::Result<()> {
    let lines: Vec<&str> = plan.split('\n').collect();
    let findings = findings.as_array().filter(|all| !all.is_empty()).context("no finding")?;
    for finding in findings {
        let number = |key: &str| finding[key].as_u64().and_then(|n| usize::try_from(n).ok()).context("no place");
        let line = lines.get(number("line")?.wrapping_sub(1)).context("no such line")?;
        ensure!(number("column")? <= line.chars().count() + 1, "{finding} is right of its line");
    }
    Ok(())
}

#[test]
fn each_is_refused_with_its_place() -> anyhow::Result<()> {
    let program = Program::new()?;
    let mut refused = 0;
    for (from, to, code) in CASES {
        let plan = VALID.replacen(from, to, 1);
        // Doubts do not forbid going on.
        if parse("plan.toml", plan.as_bytes()).is_ok() {
            continue;
        }
        program.write("plan.toml", &plan)?;
        let said = program.run(&["plan", "plan.toml", "--json"])?;
        let said = said.must(2).with_context(|| format!("{from:?} → {to:?}"))?;
        let json = said.json()?;
        assert_placed(&plan, &json["findings"]).with_context(|| format!("{from:?} → {to:?}: {json:#}"))?;
        ensure!(json["findings"].to_string().contains(code), "no {code} in {json:#}");
        // The same for people: the file's name and place stand above the excerpt.
        ensure!(said.err.contains("plan.toml:") && !said.err.contains("panicked"), "{}", said.err);
        refused += 1;
    }
    ensure!(refused >= 120, "only {refused} plans were refused");
    Ok(())
}

#[test]
fn bytes_that_are_no_plan_are_refused() -> anyhow::Result<()> {
    let program = Program::new()?;
    let hostile = [vec![b'['; 10 << 20], b"name = \"\xff\xfe\"".to_vec(), b"\0\0\0\0".to_vec(), Vec::new()];
    for bytes in hostile {
        program.write("plan.toml", &bytes)?;
        let said = program.run(&["up", "plan.toml", "--yes"])?.must(2)?;
        ensure!(!said.err.contains("panicked") && said.err.len() < 200_000, "{}", said.err);
    }
    Ok(())
}

/// Not even the finding that a variable looks like a secret shows it.
#[test]
fn values_of_variables_are_not_shown() -> anyhow::Result<()> {
    let program = Program::new()?;
    let planted =
        "vars = { API_KEY = \"planted-one\", NESTED = [\"planted-two\"], RATIO = 4711.5, A = \"planted\\nthree\" }";
    let (before, after) = VALID.split_once("vars = ").context("the plan has no variables")?;
    let (_, after) = after.split_once('\n').context("nothing follows them")?;
    program.write("plan.toml", format!("{before}{planted}\n{after}"))?;
    let said = program.run(&["plan", "plan.toml", "--json"])?.must(2)?;
    for code in ["secret-in-plan", "wrong-type"] {
        ensure!(said.err.contains(code) && said.out.contains(code), "no {code} in {}", said.err);
    }
    for value in ["planted", "4711"] {
        ensure!(!said.err.contains(value) && !said.out.contains(value), "{value} in {}{}", said.out, said.err);
    }
    Ok(())
}
