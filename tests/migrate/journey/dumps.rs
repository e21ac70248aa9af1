//! Both ends as `pg_dump` sees them, by one version of it: an opinion that owes nothing to infra's own comparison.

use std::collections::{BTreeMap, BTreeSet};

use infra::migrate::schema::Loss;

use super::ends::{Ends, MASTER};
use crate::servers::{SUPERUSER, Server, run};

/// The rows of each table, sorted, under what COPY says of it; and the values of sequences.
fn rows(ends: &Ends, server: &Server, database: &str) -> BTreeMap<String, Vec<String>> {
    let text =
        dump(ends.new.tool("pg_dump", &["--data-only", "--exclude-schema=infra_migration", &url(server, database)]));
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table: Option<String> = None;
    for line in text.lines() {
        match &table {
            Some(_) if line == "\\." => table = None,
            Some(name) => found.get_mut(name).unwrap().push(comparable(line)),
            None if line.starts_with("COPY ") => {
                // Partitions by hash come under the name of their root, one after the other.
                found.entry(line.to_owned()).or_default();
                table = Some(line.to_owned());
            }
            None if line.starts_with("SELECT ") => {
                found.entry("values and objects".to_owned()).or_default().push(line.to_owned())
            }
            None => {}
        }
    }
    found.values_mut().for_each(|lines| lines.sort());
    found
}

/// A server prints a document without the line feed before it: each time that it is printed and read it has one less, and within
/// another value needs no quotes any more.
fn comparable(row: &str) -> String {
    if row.contains("\\n<") || row.contains("\"<") || row.contains("(<") {
        row.replace("\\n<", "<").replace(['"', '\\'], "")
    } else {
        row.to_owned()
    }
}

/// Tables whose rows differ, each with the first line that only one end has.
pub fn differing_rows(ends: &Ends, database: &str, losses: &[Loss]) -> Vec<String> {
    let (old, new) = (rows(ends, &ends.old, database), rows(ends, &ends.new, database));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let none = vec![];
    let differs = names.into_iter().filter_map(|name| {
        let (here, there) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        let first = here.iter().zip(there).find(|(a, b)| a != b);
        (here != there && !is_lost(name, losses))
            .then(|| format!("{name} {} rows and {}: {first:?}", here.len(), there.len()))
    });
    differs.collect()
}

/// Statements that only one end has. The old end's are made once at the new server, and printed by it; under a path to what came with
/// extensions too, since pg_dump writes no operator into `IS DISTINCT FROM` and the like: under one of them all is the same.
pub fn differing_statements(ends: &Ends, database: &str, losses: &[Loss]) -> Vec<String> {
    let made = dump(ends.old.tool(
        "pg_dump",
        &["--schema-only", "--no-subscriptions", "--exclude-schema=infra_migration", &url(&ends.old, database)],
    ));
    let found = differing(ends, database, losses, &made);
    if found.is_empty() {
        return found;
    }
    let path = "SELECT string_agg(DISTINCT quote_ident(nspname), ', ') FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                 WHERE nspname <> 'pg_catalog'";
    let path = ends.old.psql(database, path).replace('\'', "''");
    let guided =
        made.replace("set_config('search_path', '', false)", &format!("set_config('search_path', '{path}', false)"));
    if differing(ends, database, losses, &guided).is_empty() { vec![] } else { found }
}

/// From what these statements make.
fn differing(ends: &Ends, database: &str, losses: &[Loss], made: &str) -> Vec<String> {
    let normal = format!("{database}_normal");
    ends.new.psql(SUPERUSER, &format!("CREATE DATABASE {normal} TEMPLATE template0"));
    let output = run(&ends.new.tool("psql", &["-Xq", "-d", &url(&ends.new, &normal)]), made.as_bytes());
    let refused = String::from_utf8_lossy(&output.stderr).matches("ERROR:").count();
    let (old, new) = (statements(ends, &normal), statements(ends, database));
    ends.new.psql(SUPERUSER, &format!("DROP DATABASE {normal} WITH (FORCE)"));
    if refused > 0 {
        // pg_dump's own output does not make the database: it cannot be a measure.
        return vec![];
    }
    // What the new end has in the old one's very words is right, whatever pg_dump's statements made of it: another order of columns.
    let said: BTreeSet<&str> = made.split("\n\n").map(str::trim).collect();
    let (by_word, gained): (Vec<_>, Vec<_>) = new.difference(&old).partition(|text| said.contains(text.as_str()));
    let lost = old.difference(&new).filter(|text| !by_word.iter().any(|other| head(other) == head(text)));
    let all = lost.map(|text| format!("- {text}")).chain(gained.iter().map(|text| format!("+ {text}")));
    all.filter(|statement| !is_lost(statement, losses)).collect()
}

/// `CREATE TABLE app.name`; of other statements, all of it.
fn head(statement: &str) -> &str {
    statement.split(" (\n").next().unwrap_or(statement)
}

fn statements(ends: &Ends, database: &str) -> BTreeSet<String> {
    let argv = ["--schema-only", "--no-subscriptions", "--exclude-schema=infra_migration", &url(&ends.new, database)];
    let text = dump(ends.new.tool("pg_dump", &argv));
    let text = text.replace(&format!("OWNER TO {MASTER};"), &format!("OWNER TO {SUPERUSER};"));
    // A superuser needs no rights of its own, and neither does who takes its place.
    let of_owner = |line: &&str| line.starts_with("REVOKE ALL ON ") && line.ends_with(&format!(" FROM {SUPERUSER};"));
    let text = text.lines().filter(|line| !of_owner(line)).collect::<Vec<_>>().join("\n");
    let parts = text.split("\n\n").map(str::trim);
    // \restrict and its counterpart hold a random word.
    let ours = |part: &&str| part.contains("restrict ") || part.contains("infra_") || is_repeated(part);
    parts.filter(|part| !part.starts_with("--") && !part.is_empty() && !ours(part)).map(str::to_owned).collect()
}

fn is_lost(text: &str, losses: &[Loss]) -> bool {
    let text = text.replace('"', "").to_lowercase();
    let named = losses.iter().flat_map(|loss| loss.takes.iter().chain([&loss.object]));
    named.map(|object| short(object)).any(|name| name.len() > 2 && text.contains(&name))
}

/// Default privileges name another maker at the target, and a right to a function that everybody has is not carried: infra's
/// own comparison looks at what these mean.
fn is_repeated(part: &str) -> bool {
    part.contains("FOR ROLE") || part.starts_with("GRANT ALL ON FUNCTION ")
}

/// `FUNCTION app.f(money, money)` → `f`
fn short(object: &str) -> String {
    let is_kind = |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let name = object.split(' ').skip_while(is_kind).collect::<Vec<_>>().join(" ");
    let name = name.split(['(', '\n']).next().unwrap_or_default();
    // `OPERATOR CLASS app.c USING btree`
    let name = name.split(" USING ").next().unwrap_or_default();
    name.rsplit('.').next().unwrap_or_default().replace('"', "").to_lowercase()
}

fn url(server: &Server, database: &str) -> String {
    // Bounds of partitions are printed in the time zone of whoever asks, which a database may set for itself.
    server.url(database).replace("?sslmode=disable", "?options=-ctimezone%3DUTC")
}

fn dump(argv: Vec<String>) -> String {
    let output = run(&argv, b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
