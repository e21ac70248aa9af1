//! Databases that nobody here made: a folder of SQL files, each a database's own statements, goes on a journey there and
//! back. The files are no part of the repository: SCHEMAS names the folder, ONLY some of them, REPORT a file for what was seen.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::ends::Ends;
use super::{Outcome, fill, journey};
use crate::servers::SUPERUSER;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a folder of schemas: SCHEMAS"]
async fn every_schema_of_a_folder_goes_there_and_back() {
    let folder = std::env::var("SCHEMAS").expect("SCHEMAS names a folder of SQL files");
    let ends = Ends::new();
    let (mut report, mut faults) = (String::new(), vec![]);
    for path in files(Path::new(&folder)) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (line, outcome) = one(&ends, &path).await;
        println!("{name}: {line}");
        writeln!(report, "{name}: {line}").unwrap();
        if let Ok(file) = std::env::var("REPORT") {
            std::fs::write(file, &report).unwrap();
        }
        if outcome.is_fault() {
            faults.push(name);
        }
    }
    assert_eq!(faults, Vec::<String>::new(), "\n{report}");
}

async fn one(ends: &Ends, path: &Path) -> (String, Outcome) {
    let refused = ends.make("schema", &std::fs::read_to_string(path).unwrap());
    let client = ends.old.connect("schema").await;
    let (rows, empty) = fill::fill(&client, 10, 6).await;
    fill::refresh(&client).await;
    drop(client);
    let objects = ends.old.psql(
        "schema",
        "SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace",
    );
    let began = std::time::Instant::now();
    let outcome = journey(ends, "schema", 11).await;
    let took = began.elapsed().as_secs_f64();
    ends.forget("schema");
    let first = refused.first().map_or("", String::as_str);
    let loaded = format!(
        "{} statements refused at loading {first}, {objects} relations, {rows} rows, {} tables empty {}",
        refused.len(),
        empty.len(),
        empty.iter().take(3).cloned().collect::<Vec<_>>().join("; ")
    );
    assert_eq!(ends.old.psql(SUPERUSER, "SELECT count(*) FROM pg_database WHERE datname = 'schema'"), "0");
    (format!("{loaded}; {took:.1} s; {outcome}"), outcome)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let wanted: Option<Vec<String>> =
        std::env::var("ONLY").ok().map(|names| names.split(',').map(str::to_owned).collect());
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        path.extension().is_some_and(|end| end == "sql") && wanted.as_ref().is_none_or(|names| names.contains(&name))
    };
    let mut found: Vec<_> = all.filter(is_wanted).collect();
    found.sort();
    found
}
