//! `infra migrate`, as far as it comes without a host: what is wrong with the words is told before anything is contacted.

use anyhow::ensure;

use crate::program::Program;

const TO: &str = "postgres://me@db.example.com/telemetry";

#[test]
fn wrong_words_are_refused_with_a_remedy() -> anyhow::Result<()> {
    let program = Program::new()?;
    for (arguments, said) in [
        (&["--cutover", "soon"][..], "`soon` is not a time for the cutover"),
        (&["--cutover", "at", "25:00"], "`at 25:00` is not a time for the cutover"),
        (&["--accept", "No Key"], "`No Key` is not the code of a finding"),
        (&["--offline", "--online"], "cannot be used with"),
        (&["--to", "mysql://db"], "a database's URL looks like"),
        (&["finish", "--keep", "soon"], "`soon` is not a duration"),
        (&["finish", "--keep", "1d", "--confirm"], "a value is required"),
        (&["--to", TO], "the new database's password is not known"),
    ] {
        let refused = program.run(&[&["migrate"][..], arguments].concat())?.must(2)?;
        ensure!(refused.err.contains(said), "{arguments:?}: {}", refused.err);
    }
    let nowhere = program.run(&["migrate"])?.must(2)?;
    ensure!(nowhere.err.contains("where to?") && nowhere.err.contains("hint: "), "{}", nowhere.err);
    Ok(())
}

#[test]
fn verbosity_is_a_count() -> anyhow::Result<()> {
    let program = Program::new()?;
    for flags in [&["-v"][..], &["-vv"], &["-v", "-v"], &["--verbose", "--verbose"]] {
        program.run(&[flags, &["schema"]].concat())?.must(0)?;
    }
    Ok(())
}
