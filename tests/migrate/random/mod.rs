//! Databases as a person types them the first time, not as pg_dump prints them: from a seed, a bit of everything. Each goes
//! there and back. A fault names its seed: `SEED=17 COUNT=1` makes that database again, and `SQL=file` writes it down.

mod code;
mod families;
mod maker;
mod rare;
mod rights;
mod tables;
mod types;
mod views;

use std::collections::BTreeMap;

use crate::journey::{Ends, Outcome, fill, journey};
use maker::Maker;

/// The statements of one database; `rare`: with what hardly any database has, of which not all is carried yet.
pub fn database(seed: u64, rare: bool) -> String {
    let mut maker = Maker::new(seed);
    rights::roles(&mut maker);
    rights::schemas(&mut maker);
    types::types(&mut maker);
    code::functions(&mut maker);
    if rare {
        rare::before_tables(&mut maker);
    }
    tables::tables(&mut maker);
    families::families(&mut maker);
    if rare {
        rare::beside_tables(&mut maker);
    }
    tables::foreign_keys(&mut maker);
    views::views(&mut maker);
    if rare {
        rare::by_path(&mut maker);
    }
    code::actions(&mut maker);
    rights::rights(&mut maker);
    maker.sql()
}

#[derive(Default)]
struct Tally {
    /// By seed.
    faults: BTreeMap<u64, String>,
    refused: BTreeMap<u64, String>,
    equal: usize,
    rows: i64,
    refused_statements: usize,
    statements: usize,
}

async fn go(seeds: impl Iterator<Item = u64>, rare: bool) -> Tally {
    let ends = Ends::new();
    let mut tally = Tally::default();
    for seed in seeds {
        let sql = database(seed, rare);
        let refused = ends.make("random", &sql);
        fill::fill(&ends.old.connect("random").await, seed * 10, 5).await;
        let outcome = journey(&ends, "random", seed).await;
        ends.forget("random");
        tally.statements += sql.matches(";\n").count();
        tally.refused_statements += refused.len();
        println!(
            "seed {seed}: {} statements refused {:?}; {outcome}",
            refused.len(),
            refused.iter().take(3).collect::<Vec<_>>()
        );
        match &outcome {
            Outcome::Equal(figures) => {
                tally.equal += 1;
                tally.rows += figures.rows;
            }
            Outcome::Refused(_) => drop(tally.refused.insert(seed, outcome.to_string())),
            _ => drop(tally.faults.insert(seed, outcome.to_string())),
        }
    }
    println!(
        "{} equal, {} refused before, {} faults; {} rows; {} of {} statements refused by the old server",
        tally.equal,
        tally.refused.len(),
        tally.faults.len(),
        tally.rows,
        tally.refused_statements,
        tally.statements
    );
    tally
}

#[tokio::test(flavor = "multi_thread")]
async fn random_databases_go_there_and_back() {
    let tally = go(1..=6, false).await;
    assert!(tally.faults.is_empty(), "{:#?}", tally.faults);
    assert!(tally.equal > 3 && tally.rows > 75, "{} equal, {} rows; {:#?}", tally.equal, tally.rows, tally.refused);
    // The generator writes what the server takes, nearly always.
    assert!(tally.refused_statements * 20 < tally.statements, "{} of {}", tally.refused_statements, tally.statements);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "as many as COUNT says, from SEED on; RARE=0 without what is rare"]
async fn many_random_databases_go_there_and_back() {
    let number = |name: &str, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (first, count, rare) = (number("SEED", 1000), number("COUNT", 500), number("RARE", 1) == 1);
    if let Ok(file) = std::env::var("SQL") {
        std::fs::write(file, database(first, rare)).unwrap();
    }
    let tally = go(first..first + count, rare).await;
    assert!(tally.faults.is_empty(), "{:#?}", tally.faults);
}
