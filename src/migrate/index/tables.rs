//! What belongs to each table, and what of it comes next. Pure: tables that are complete in, work out.

use std::collections::{HashMap, HashSet};

use crate::migrate::catalog::QualifiedName;
use crate::migrate::schema::{Entry, Phase};

/// Small tables that are built in one transaction. Each takes about six of the server's locks until its end.
const TOGETHER: usize = 50;

/// For one session, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub entries: Vec<Entry>,
    /// The table whose indexes are built one by one, side by side.
    one_of: Option<QualifiedName>,
}

impl Work {
    pub fn single(entry: Entry) -> Self {
        Self { entries: vec![entry], one_of: None }
    }

    fn together(entries: Vec<Entry>) -> Option<Self> {
        (!entries.is_empty()).then_some(Self { entries, one_of: None })
    }
}

#[derive(Default)]
struct Own {
    indexes: Vec<Entry>,
    /// What takes the indexes, then the statistics.
    after: Vec<Entry>,
    building: usize,
}

#[derive(Default)]
pub struct Tables {
    own: HashMap<QualifiedName, Own>,
    unannounced: Vec<Work>,
}

impl Tables {
    /// Of what is still to be done.
    pub fn new(open: &[Entry], announced: &HashSet<QualifiedName>) -> Self {
        let mut tables = Self::default();
        for entry in open {
            let table = entry.table.clone().filter(|table| announced.contains(table));
            match (entry.phase, table) {
                (Phase::Index, Some(table)) => tables.own.entry(table).or_default().indexes.push(entry.clone()),
                (Phase::Index, None) => tables.unannounced.push(Work::single(entry.clone())),
                // Attaching to a parent's index waits for the end.
                (Phase::Constraint, Some(table)) if entry.kind == "CONSTRAINT" => {
                    tables.own.entry(table).or_default().after.push(entry.clone());
                }
                (Phase::Statistics, Some(table)) => tables.own.entry(table).or_default().after.push(entry.clone()),
                _ => {}
            }
        }
        tables
    }

    /// What waits for no table.
    pub fn unannounced(&mut self) -> Vec<Work> {
        std::mem::take(&mut self.unannounced)
    }

    /// Their rows are there. One alone may be large: its indexes are built side by side.
    pub fn complete(&mut self, tables: &[QualifiedName]) -> Vec<Work> {
        match tables {
            [table] => self.complete_one(table),
            _ => tables.chunks(TOGETHER).filter_map(|some| self.complete_some(some)).collect(),
        }
    }

    fn complete_one(&mut self, table: &QualifiedName) -> Vec<Work> {
        let Some(own) = self.own.get_mut(table) else { return vec![] };
        let indexes = std::mem::take(&mut own.indexes);
        if indexes.is_empty() {
            return Work::together(std::mem::take(&mut own.after)).into_iter().collect();
        }
        own.building = indexes.len();
        indexes.into_iter().map(|entry| Work { entries: vec![entry], one_of: Some(table.clone()) }).collect()
    }

    fn complete_some(&mut self, tables: &[QualifiedName]) -> Option<Work> {
        let own: Vec<Own> = tables.iter().filter_map(|table| self.own.remove(table)).collect();
        Work::together(own.into_iter().flat_map(|own| own.indexes.into_iter().chain(own.after)).collect())
    }

    /// What a finished build was the last one before.
    pub fn built(&mut self, work: &Work) -> Option<Work> {
        let own = self.own.get_mut(work.one_of.as_ref()?)?;
        own.building -= 1;
        if own.building > 0 { None } else { Work::together(std::mem::take(&mut own.after)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(table: &str) -> QualifiedName {
        QualifiedName::new("s", table)
    }

    fn entry(phase: Phase, kind: &str, table: &str, what: &str) -> Entry {
        let entry = Entry::statistics(&name(table));
        Entry { phase, kind: kind.into(), name: what.into(), ..entry }
    }

    /// Two indexes, one of which becomes a constraint, and statistics.
    fn of(table: &str) -> [Entry; 4] {
        let index = |what: &str| entry(Phase::Index, "INDEX", table, &format!("{table} {what}"));
        let take = entry(Phase::Constraint, "CONSTRAINT", table, &format!("{table} take"));
        [index("one"), index("two"), take, Entry::statistics(&name(table))]
    }

    fn names(work: &[Work]) -> Vec<Vec<&str>> {
        work.iter().map(|work| work.entries.iter().map(|entry| entry.name.as_str()).collect()).collect()
    }

    #[test]
    fn a_tables_indexes_are_built_side_by_side_and_then_taken() {
        let mut tables = Tables::new(&of("t"), &HashSet::from([name("t")]));
        let builds = tables.complete(&[name("t")]);
        assert_eq!(names(&builds), [["t one"], ["t two"]]);
        assert_eq!(tables.built(&builds[1]), None);
        let last = tables.built(&builds[0]).unwrap();
        assert_eq!(names(std::slice::from_ref(&last)), [["t take", "s.t"]]);
        assert_eq!(tables.built(&last), None);
    }

    #[test]
    fn small_tables_share_a_transaction() {
        let all: Vec<String> = (0..TOGETHER + 1).map(|number| format!("t{number}")).collect();
        let entries: Vec<Entry> = all.iter().flat_map(|table| of(table)).collect();
        let announced: Vec<QualifiedName> = all.iter().map(|table| name(table)).collect();
        let mut tables = Tables::new(&entries, &announced.iter().cloned().collect());
        let work = tables.complete(&announced);
        assert_eq!(work.iter().map(|work| work.entries.len()).collect::<Vec<_>>(), [4 * TOGETHER, 4]);
        assert_eq!(names(&work[1..]), [["t50 one", "t50 two", "t50 take", "s.t50"]]);
        assert_eq!(tables.built(&work[0]), None);
    }

    #[test]
    fn what_is_done_or_unknown_is_no_work() {
        let [one, _, take, _] = of("t");
        let mut tables = Tables::new(&[take, entry(Phase::Index, "INDEX", "view", "v")], &HashSet::from([name("t")]));
        assert_eq!(names(&tables.unannounced()), [["v"]]);
        assert_eq!(names(&tables.complete(&[name("t")])), [["t take"]]);
        assert_eq!(tables.complete(&[name("unknown")]), []);
        let mut tables = Tables::new(&[one], &HashSet::from([name("t")]));
        let builds = tables.complete(&[name("t")]);
        assert_eq!(tables.built(&builds[0]), None);
    }
}
