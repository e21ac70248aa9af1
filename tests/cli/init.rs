//! `infra init`: without a terminal it asks nobody, and says what it would have asked.

use anyhow::ensure;

use crate::program::Program;

#[test]
fn without_a_terminal_it_stops_at_the_first_open_question() -> anyhow::Result<()> {
    let program = Program::new()?;
    let mut given = vec!["init"];
    let answers =
        [("--name", "acme"), ("--region", "eu-central-1"), ("--agents", "20"), ("--disk-gb", "40"), ("--email", "")];
    for (flag, answer) in answers.into_iter().chain([("--ssh-from", "198.51.100.7")]) {
        let stopped = program.run(&given)?.must(5)?;
        ensure!(stopped.err.contains("stopped at a question: "), "{}", stopped.err);
        ensure!(stopped.err.ends_with(&format!("hint: answer it with {flag}\n")), "{}", stopped.err);
        let json = program.run(&[&given[..], &["--json"]].concat())?.must(5)?.json()?;
        ensure!(json["exit"] == 5 && json["hints"][0] == format!("answer it with {flag}"), "{json}");
        given.extend([flag, answer]);
    }
    ensure!(std::fs::read_dir(program.folder.path())?.next().is_none(), "something was written");
    let written = program.run(&given)?.must(0)?;
    ensure!(written.err.contains("wrote plans/acme.toml"), "{}", written.err);
    ensure!(program.read("plans/acme.toml")?.contains("eu-central-1"));
    Ok(())
}

#[test]
fn a_shipped_plan_is_written_and_read_again_without_a_finding() -> anyhow::Result<()> {
    let program = Program::new()?;
    let listed = program.run(&["init", "--list", "--json"])?.must(0)?.json()?;
    let names: Vec<_> = listed.as_array().into_iter().flatten().filter_map(|plan| plan["name"].as_str()).collect();
    ensure!(names.contains(&"phase1"), "{names:?}");
    for name in names {
        program.run(&["init", "--from", name])?.must(0)?;
        let text = program.read(&format!("plans/{name}.toml"))?;
        ensure!(infra::plan::parse(name, text.as_bytes()).is_ok(), "{name}");
        let refused = program.run(&["init", "--from", name])?.must(2)?;
        ensure!(refused.err.contains("exists") && refused.err.contains("--force"), "{}", refused.err);
    }
    program.run(&["init", "--from", "nothing"])?.must(2)?;
    Ok(())
}
