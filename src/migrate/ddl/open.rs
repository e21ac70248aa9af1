//! What a look has left open, and what the new database counts as being carried after it. Pure, but for who has rows.

use std::collections::BTreeSet;

use super::DdlError;
use super::changes::{Changes, Turn};
use super::follow::{Round, has_rows};
use super::seen::{NamedTable, Seen, Statement, Tables};
use super::turns::column_key;
use crate::migrate::verify::{ObjectKey, Objects, unquoted};
use crate::postgres::Client;

/// With what can be done about each.
pub type Sentences = Vec<(String, String)>;

/// Objects that are not at the old database as they are at the new one, with why; without where that is said of what they are part of.
pub fn open(
    changes: &Changes,
    (now, made): (&Seen, &[Statement]),
    there: &Objects,
    round: &Round,
) -> Vec<(ObjectKey, String)> {
    let is_unmade = changes.turns.iter().any(|turn| !round.turned.contains(turn));
    let held = |key: &ObjectKey| is_unmade && changes.is_held(key, None);
    let mut open = vec![];
    for key in changes.added.iter().chain(&changes.altered) {
        let Some(definition) = now.objects.get(key) else { continue };
        let statement = made.iter().find(|one| one.key == *key);
        if comes_by_itself(key, &definition.facts, statement) || held(key) {
            continue;
        }
        // What is said of a table that is not there is said of all of it.
        let lacks = |table: &String| {
            let of = ObjectKey { kind: "TABLE".into(), name: unquoted(table) };
            of != *key && changes.added.contains(&of) && (!there.contains_key(&of) || round.refused.contains_key(&of))
        };
        if statement.and_then(|one| one.table.as_ref()).is_some_and(lacks) {
            open.push((key.clone(), String::new()));
            continue;
        }
        let known = there.get(key);
        if let Some(words) = round.refused.get(key) {
            open.push((key.clone(), words.clone()));
        } else if known.is_none() {
            open.push((
                key.clone(),
                "the old database does not have it yet, or infra does not make such objects".to_owned(),
            ));
        } else if changes.altered.contains(key)
            && known != Some(definition)
            && (key.kind == "TYPE" || !round.done.contains(key))
        {
            let words = format!("is `{definition}` in the new database, and something else in the old one");
            open.push((key.clone(), words));
        }
    }
    let gone = changes.gone.iter().filter_map(|key| Some((key.clone(), round.refused.get(key)?.clone())));
    open.extend(
        gone.map(|(key, words)| (key, format!("is gone from the new database, and stays in the old one: {words}"))),
    );
    open
}

/// With what it is part of; or it is the server's choice, or the other server's user's.
fn comes_by_itself(key: &ObjectKey, facts: &str, statement: Option<&Statement>) -> bool {
    match key.kind.as_str() {
        // A partition's, or a constraint's.
        "INDEX" => statement.is_none() || facts.contains("attached to"),
        "CONSTRAINT" => !facts.contains("local"),
        "OWNER" | "ROLE" | "MEMBERSHIP" => true,
        "GRANT" | "REVOKE" => key.name.ends_with(": MAINTAIN"),
        _ => false,
    }
}

/// Of a table itself, or of one of its columns.
fn table_of<'a>(key: &ObjectKey, now: &'a Seen) -> Option<&'a NamedTable> {
    let name = |table: &&NamedTable| {
        let plain = unquoted(&table.identity);
        key.name == plain || key.name.strip_prefix(plain.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    now.tables.values().find(name)
}

/// As it is now, but for what is still to be carried.
pub fn settled(
    before: &Seen,
    mut now: Seen,
    made: &[Statement],
    changes: &Changes,
    open: &[(ObjectKey, String)],
    round: &Round,
) -> Seen {
    let is_unmade = changes.turns.iter().any(|turn| !round.turned.contains(turn));
    let is_held = |key: &ObjectKey| !round.turned.is_empty() || is_unmade && changes.is_held(key, None);
    let all = changes.added.iter().chain(&changes.altered).chain(&changes.gone);
    // After a turn everything is looked at again.
    let unsettled: BTreeSet<&ObjectKey> =
        all.filter(|key| is_held(key)).chain(open.iter().map(|(key, _)| key)).collect();
    for key in unsettled {
        match before.objects.get(key) {
            Some(definition) => drop(now.objects.insert(key.clone(), definition.clone())),
            None => drop(now.objects.remove(key)),
        }
    }
    for turn in &round.turned {
        // Made anew: so is everything of it.
        if let Turn::RemadeTable { table } = turn {
            let of = |one: &&Statement| {
                one.table.as_deref().is_some_and(|name| unquoted(name) == unquoted(&table.to_string()))
            };
            for statement in made.iter().filter(of) {
                let kind = statement.key.kind.trim_end_matches(" OWNED BY");
                now.objects.remove(&ObjectKey { kind: kind.into(), name: statement.key.name.clone() });
            }
        }
    }
    keep_gone(&before.tables, &mut now.tables, &round.turned);
    // A column that is not there yet is a new one the next time too.
    for (key, _) in open.iter().filter(|(key, _)| key.kind == "COLUMN" && changes.added.contains(key)) {
        for table in now.tables.values_mut() {
            let identity = table.clone();
            table.columns.retain(|_, column| column_key(&identity, &column.name) != key.name);
        }
    }
    for turn in changes.turns.iter().filter(|turn| !round.turned.contains(turn)) {
        as_before(&before.tables, &mut now.tables, turn);
    }
    if !open.is_empty() || !changes.turns.is_empty() {
        now.fingerprint = String::new();
    }
    now
}

/// What is gone stays at the old database, and is in the way of another that is called so: until that was made in its place.
fn keep_gone(before: &Tables, now: &mut Tables, turned: &[Turn]) {
    for (number, table) in before {
        let is_remade = |turn: &Turn| matches!(turn, Turn::RemadeTable { table: remade } if remade.schema == table.schema && remade.name == table.name);
        let Some(found) = now.get_mut(number) else {
            if !turned.iter().any(is_remade) {
                now.insert(*number, table.clone());
            }
            continue;
        };
        for (place, column) in
            table.columns.iter().filter(|(place, _)| !found.columns.contains_key(*place)).collect::<Vec<_>>()
        {
            let is_remade = |turn: &Turn| {
                let of = turn.table();
                let is_it = matches!(turn, Turn::RemadeColumn { column: remade, .. } if *remade == column.name);
                is_it && of.schema == found.schema && of.name == found.name
            };
            if !turned.iter().any(is_remade) {
                found.columns.insert(*place, column.clone());
            }
        }
    }
}

/// It is found again by the next look.
fn as_before(before: &Tables, now: &mut Tables, turn: &Turn) {
    let is_it = |table: &NamedTable| table.schema == turn.table().schema && table.name == turn.table().name;
    let Some(number) = now.iter().find(|(_, table)| is_it(table)).map(|(number, _)| *number) else { return };
    if let Some(known) = before.get(&number) {
        now.insert(number, known.clone());
        return;
    }
    now.remove(&number);
    now.extend(before.iter().filter(|(_, table)| is_it(table)).map(|(number, table)| (*number, table.clone())));
}

/// Definitions that were made, in words.
pub fn told_of_made(round: &Round, changes: &Changes) -> Vec<String> {
    let made = round
        .done
        .iter()
        .filter(|key| matches!(key.kind.as_str(), "TABLE" | "COLUMN" | "TYPE" | "INDEX" | "CONSTRAINT"));
    let made = made.map(|key| {
        let gone = if changes.gone.contains(key) { ", taken away" } else { "" };
        format!("{} {}{gone}", key.kind, key.name)
    });
    made.chain(round.turned.iter().map(Turn::told)).collect()
}

/// What is said of everything that is not carried: rows are lost, or only something that they could do without.
pub async fn told(
    new: &Client,
    open: &[(ObjectKey, String)],
    changes: &Changes,
    round: &Round,
    now: &Seen,
) -> Result<(Sentences, Sentences), DdlError> {
    const MEND: &str =
        "make it in the old database as well (as superuser, in a transaction that begins with BEGIN READ WRITE)";
    const TURN: &str =
        "make the same change in the old database (as superuser, in a transaction that begins with BEGIN READ WRITE)";
    let (mut lost, mut without) = (vec![], vec![]);
    let needs_no_row = |key: &ObjectKey| now.objects.get(key).is_none_or(|column| column.facts.contains("generated "));
    for (key, words) in open.iter().filter(|(_, words)| !words.is_empty()) {
        let table = table_of(key, now);
        let holds = match (key.kind.as_str(), table) {
            ("TABLE", Some(table)) => has_rows(new, &table.identity).await?,
            // One that is gone is missed by no row.
            ("COLUMN", Some(table)) if !needs_no_row(key) => has_rows(new, &table.identity).await?,
            ("TYPE", _) => changes.altered.contains(key),
            _ => false,
        };
        let said = (format!("{} {}: {words}", key.kind, key.name), MEND.to_owned());
        if holds { lost.push(said) } else { without.push(said) }
    }
    for (turn, words) in &round.held {
        lost.push((format!("{}: {words}", turn.told()), TURN.to_owned()));
    }
    Ok((lost, without))
}
