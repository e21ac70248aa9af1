//! Takes in what both ends' records say, change by change, and notes which rows are to be compared. Pure.
//!
//! What is noted fits into memory and into a file, whatever was written: beyond a bound the largest table is no longer
//! noted by its rows, and is compared whole instead.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use super::changed::{Changed, ChangedTable, Key, Keys, Origin};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::replicate::{Described, Message, MessageError, Tuple, Value, Written};

/// Of keys and hashes in memory, over all tables: about 400,000 rows with a short key. With it the agent as a whole stays
/// below 128 MB.
const MOST_BYTES: usize = 48 << 20;
/// What a key costs beside its texts, and each of these: entries of the set, which is two thirds full, and allocations.
const OF_A_KEY: usize = 64;
const OF_A_TEXT: usize = 56;
/// A hash of a row without a key, and how often it came.
const OF_A_HASH: usize = 144;

/// One reading of both ends' records is added to what was noted before.
pub struct Notes<'a> {
    changed: Changed,
    keys: &'a Keys,
    /// Tables as each end described them, by their numbers there, and their places in `changed`.
    known: [HashMap<u32, (Described, usize)>; 2],
    /// Of each table in `changed`.
    bytes: Vec<usize>,
    all_bytes: usize,
    most_bytes: usize,
}

/// A row whose key, or hash, cannot be told.
struct CutOff;

impl<'a> Notes<'a> {
    pub fn new(changed: Changed, keys: &'a Keys) -> Self {
        Self::with_at_most(MOST_BYTES, changed, keys)
    }

    fn with_at_most(most_bytes: usize, changed: Changed, keys: &'a Keys) -> Self {
        let bytes: Vec<usize> = changed.tables.iter().map(bytes).collect();
        let all_bytes = bytes.iter().sum();
        Self { changed, keys, known: Default::default(), bytes, all_bytes, most_bytes }
    }

    pub fn take(&mut self, written: Written<'_>, side: Origin) -> Result<(), MessageError> {
        // Of millions of rows in a table that is compared whole, none needs to be looked at.
        let place = written.table_of_row().and_then(|number| self.known[side as usize].get(&number));
        if place.is_none_or(|(_, place)| !self.changed.tables[*place].is_whole()) {
            self.note(written.parse()?, side);
        }
        Ok(())
    }

    /// What is to be compared now.
    pub fn into_changed(mut self) -> Changed {
        self.changed.tidy();
        self.changed
    }

    /// Tables of the migration itself are left out.
    fn note(&mut self, message: Message<'_>, side: Origin) {
        match message {
            Message::Table(table) if table.name.schema != HELPER_SCHEMA => {
                let place = self.place(&table);
                self.known[side as usize].insert(table.number, (table, place));
            }
            Message::Insert { table, new } => self.row(table, side, None, Some(&new)),
            Message::Update { table, old, new } => self.row(table, side, old.as_ref(), Some(&new)),
            Message::Delete { table, old } => self.row(table, side, Some(&old), None),
            Message::Truncate { tables } => {
                for place in tables.iter().filter_map(|table| self.known[side as usize].get(table)) {
                    self.changed.tables[place.1].emptied = true;
                }
            }
            Message::Table(_) | Message::Other => {}
        }
    }

    fn place(&mut self, described: &Described) -> usize {
        let known = self.changed.tables.iter().position(|table| table.name == described.name);
        known.unwrap_or_else(|| {
            self.changed.tables.push(ChangedTable {
                name: described.name.clone(),
                key: self.keys.of(described),
                rows: BTreeSet::new(),
                balance: BTreeMap::new(),
                emptied: false,
                crowded: false,
            });
            self.bytes.push(0);
            self.changed.tables.len() - 1
        })
    }

    fn row(&mut self, number: u32, side: Origin, old: Option<&Tuple<'_>>, new: Option<&Tuple<'_>>) {
        let Some((described, place)) = self.known[side as usize].get(&number) else { return };
        let (table, bytes) = (&mut self.changed.tables[*place], &mut self.bytes[*place]);
        if table.is_whole() {
            return;
        }
        let before = *bytes;
        let noted = if table.key.is_empty() {
            weigh(table, bytes, described, side, (old, new))
        } else {
            add_keys(table, bytes, described, (old, new))
        };
        self.all_bytes = self.all_bytes + *bytes - before;
        if noted.is_err() {
            let place = *place;
            self.crowd(place);
        } else if self.all_bytes > self.most_bytes {
            let largest = (0..self.bytes.len()).max_by_key(|place| self.bytes[*place]);
            largest.into_iter().for_each(|place| self.crowd(place));
        }
    }

    fn crowd(&mut self, place: usize) {
        let table = &mut self.changed.tables[place];
        table.crowded = true;
        table.rows.clear();
        table.balance.clear();
        self.all_bytes -= std::mem::take(&mut self.bytes[place]);
    }
}

fn bytes(table: &ChangedTable) -> usize {
    table.rows.iter().map(bytes_of_key).sum::<usize>() + table.balance.len() * OF_A_HASH
}

fn bytes_of_key(key: &Key) -> usize {
    OF_A_KEY + key.iter().map(|text| OF_A_TEXT + text.len()).sum::<usize>()
}

type OldAndNew<'a, 'b> = (Option<&'a Tuple<'b>>, Option<&'a Tuple<'b>>);

fn add_keys(
    table: &mut ChangedTable,
    bytes: &mut usize,
    described: &Described,
    (old, new): OldAndNew<'_, '_>,
) -> Result<(), CutOff> {
    for row in [old, new].into_iter().flatten() {
        let Some(key) = key(described, &table.key, row, old)? else { continue };
        let cost = bytes_of_key(&key);
        if table.rows.insert(key) {
            *bytes += cost;
        }
    }
    Ok(())
}

fn weigh(
    table: &mut ChangedTable,
    bytes: &mut usize,
    described: &Described,
    side: Origin,
    (old, new): OldAndNew<'_, '_>,
) -> Result<(), CutOff> {
    let weight = if side == Origin::Source { 1 } else { -1 };
    for (row, weight) in [(old, -weight), (new, weight)] {
        let Some(row) = row else { continue };
        let hash = hashed(described, row, old)?;
        let count = table.balance.entry(hash.clone()).or_insert_with(|| {
            *bytes += OF_A_HASH;
            0
        });
        *count += weight;
        if *count == 0 {
            table.balance.remove(&hash);
            *bytes -= OF_A_HASH;
        }
    }
    Ok(())
}

/// None: a part of it is null, which no key is.
fn key(
    described: &Described,
    columns: &[String],
    row: &Tuple<'_>,
    old: Option<&Tuple<'_>>,
) -> Result<Option<Key>, CutOff> {
    let mut key = Key::with_capacity(columns.len());
    for name in columns {
        let place = described.columns.iter().position(|column| column.name == *name);
        let Some(place) = place else { return Ok(None) };
        let Some(text) = value(row, place, old)? else { return Ok(None) };
        key.push(text.to_owned());
    }
    Ok(Some(key))
}

/// What an update left alone is in the old row, where that is told whole.
fn value<'a>(row: &Tuple<'a>, place: usize, old: Option<&Tuple<'a>>) -> Result<Option<&'a str>, CutOff> {
    match row.get(place).ok_or(CutOff)? {
        Value::Text(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        Value::CutOff => Err(CutOff),
        Value::Unchanged => match old.and_then(|old| old.get(place)) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::CutOff) => Err(CutOff),
            _ => Ok(None),
        },
    }
}

/// By names: the two ends may have their columns in another order.
fn hashed(described: &Described, row: &Tuple<'_>, old: Option<&Tuple<'_>>) -> Result<String, CutOff> {
    let mut columns: Vec<(&str, usize)> =
        described.columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect();
    columns.sort_unstable();
    let mut hash = Sha256::new();
    for (name, place) in columns {
        let text = value(row, place, old)?;
        for part in [name, text.unwrap_or_default()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update([u8::from(text.is_none())]);
    }
    Ok(hex::encode(&hash.finalize()[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::catalog::{QualifiedName, ReplicaIdentity};
    use crate::migrate::replicate::DescribedColumn;

    fn table(identity: ReplicaIdentity, identifying: &[&str]) -> Message<'static> {
        let column = |name: &str| DescribedColumn { name: name.into(), identifies: identifying.contains(&name) };
        let name = QualifiedName::new("public", "t");
        Message::Table(Described { number: 1, name, identity, columns: vec![column("id"), column("body")] })
    }

    fn row(values: [&str; 2]) -> Tuple<'_> {
        values.map(Value::Text).to_vec()
    }

    fn add(changed: &mut Changed, messages: &[Message<'_>], side: Origin) {
        add_at_most(MOST_BYTES, changed, messages, side);
    }

    fn add_at_most(most_bytes: usize, changed: &mut Changed, messages: &[Message<'_>], side: Origin) {
        let keys = Keys::default();
        let mut notes = Notes::with_at_most(most_bytes, std::mem::take(changed), &keys);
        messages.iter().for_each(|message| notes.note(message.clone(), side));
        *changed = notes.into_changed();
    }

    #[test]
    fn rows_with_a_key_are_noted_once_under_the_old_and_the_new_one() {
        let mut changed = Changed::default();
        let messages = [
            table(ReplicaIdentity::Default, &["id"]),
            Message::Insert { table: 1, new: row(["1", "a"]) },
            Message::Update { table: 1, old: None, new: row(["1", "b"]) },
            Message::Update {
                table: 1,
                old: Some(vec![Value::Text("1"), Value::Null]),
                new: vec![Value::Text("2"), Value::Unchanged],
            },
        ];
        add(&mut changed, &messages, Origin::Source);
        add(&mut changed, &messages, Origin::Target);
        assert_eq!(changed.tables[0].rows, BTreeSet::from([vec!["1".to_owned()], vec!["2".to_owned()]]));
    }

    #[test]
    fn without_a_key_the_changes_of_both_ends_must_cancel_out() {
        let full = table(ReplicaIdentity::Full, &["id", "body"]);
        let update = Message::Update { table: 1, old: Some(row(["1", "a"])), new: row(["1", "b"]) };
        let mut changed = Changed::default();
        add(&mut changed, &[full.clone(), update.clone()], Origin::Source);
        assert_eq!(changed.rows(), 2);
        add(&mut changed, &[full.clone(), update], Origin::Target);
        assert!(changed.is_settled() && changed.tables.is_empty());
        let twice = Message::Insert { table: 1, new: row(["1", "b"]) };
        add(&mut changed, &[full, twice], Origin::Target);
        assert!(!changed.is_settled());
    }

    #[test]
    fn what_an_update_left_out_of_line_is_taken_from_the_old_row() {
        let full = table(ReplicaIdentity::Full, &["id", "body"]);
        let long =
            Message::Update { table: 1, old: Some(row(["1", "long"])), new: vec![Value::Text("2"), Value::Unchanged] };
        let told = Message::Update { table: 1, old: Some(row(["1", "long"])), new: row(["2", "long"]) };
        let mut changed = Changed::default();
        add(&mut changed, &[full.clone(), long], Origin::Source);
        add(&mut changed, &[full, told], Origin::Target);
        assert!(changed.is_settled());
    }

    #[test]
    fn an_emptied_table_is_not_settled_and_survives_its_file() {
        let mut changed = Changed::default();
        add(
            &mut changed,
            &[table(ReplicaIdentity::Default, &["id"]), Message::Truncate { tables: vec![1] }],
            Origin::Source,
        );
        assert!(!changed.is_settled());
        let file = serde_json::to_string(&changed).unwrap();
        assert_eq!(serde_json::from_str::<Changed>(&file).unwrap(), changed);
    }

    #[test]
    fn beyond_the_bound_the_largest_table_is_compared_whole_and_others_stay_as_they_are() {
        let Message::Table(other) = table(ReplicaIdentity::Default, &["id"]) else { unreachable!() };
        let other = Message::Table(Described { number: 2, name: QualifiedName::new("public", "u"), ..other });
        let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let insert = |table, number| Message::Insert { table, new: row([number, "a"]) };
        let mut messages = vec![other, insert(2, "7"), table(ReplicaIdentity::Default, &["id"])];
        messages.extend(numbers.iter().map(|number| insert(1, number.as_str())));
        let mut changed = Changed::default();
        add_at_most(50 * (OF_A_KEY + OF_A_TEXT + 2), &mut changed, &messages, Origin::Source);
        let noted: Vec<_> =
            changed.tables.iter().map(|table| (table.name.name.as_str(), table.rows.len(), table.crowded)).collect();
        assert_eq!(noted, [("u", 1, false), ("t", 0, true)]);
        // It stays so, and what was noted before counts.
        add_at_most(20 * (OF_A_KEY + OF_A_TEXT + 2), &mut changed, &messages, Origin::Target);
        assert_eq!((changed.tables[1].rows.len(), changed.is_settled()), (0, false));
    }

    #[test]
    fn rows_without_a_key_count_until_the_other_end_has_them_too() {
        let full = table(ReplicaIdentity::Full, &["id", "body"]);
        let insert = |number| Message::Insert { table: 1, new: row([number, "a"]) };
        let one = [full.clone(), insert("1"), insert("2")];
        let mut changed = Changed::default();
        for side in [Origin::Source, Origin::Target, Origin::Source] {
            add_at_most(2 * OF_A_HASH, &mut changed, &one, side);
        }
        assert_eq!((changed.rows(), changed.tables[0].crowded), (2, false));
        add_at_most(2 * OF_A_HASH, &mut changed, &[full, insert("3")], Origin::Source);
        assert_eq!((changed.rows(), changed.tables[0].crowded), (0, true));
    }

    #[test]
    fn a_key_that_was_cut_off_is_not_taken_for_none() {
        for (new, crowded) in [(vec![Value::Text("1"), Value::CutOff], false), (vec![Value::CutOff; 2], true)] {
            let mut changed = Changed::default();
            add(
                &mut changed,
                &[table(ReplicaIdentity::Default, &["id"]), Message::Insert { table: 1, new }],
                Origin::Source,
            );
            assert_eq!((changed.tables[0].crowded, changed.tables[0].rows.len()), (crowded, usize::from(!crowded)));
        }
    }
}
