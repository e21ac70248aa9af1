//! What the new database has become since all of it had been carried. Pure.

use std::collections::BTreeSet;

use super::seen::{NamedTable, Seen};
use crate::migrate::catalog::{QualifiedName, quote_identifier};
use crate::migrate::schema::mentions;
use crate::migrate::verify::{ObjectKey, unquoted};

/// Something that keeps its rows, or loses them, under a name that both ends know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    RenamedTable {
        from: QualifiedName,
        to: QualifiedName,
    },
    /// Dropped, and another made that is called so.
    RemadeTable {
        table: QualifiedName,
    },
    RenamedColumn {
        table: QualifiedName,
        from: String,
        to: String,
    },
    RemadeColumn {
        table: QualifiedName,
        column: String,
    },
    Retyped {
        table: QualifiedName,
        column: String,
        to: String,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: BTreeSet<ObjectKey>,
    pub altered: BTreeSet<ObjectKey>,
    pub gone: BTreeSet<ObjectKey>,
    /// In the order in which they are made.
    pub turns: Vec<Turn>,
}

impl Changes {
    pub fn between(before: &Seen, now: &Seen) -> Self {
        let mut changes = Self { turns: turns(before, now), ..Self::default() };
        for (key, definition) in &now.objects {
            match before.objects.get(key) {
                None => drop(changes.added.insert(key.clone())),
                Some(known) if known != definition => drop(changes.altered.insert(key.clone())),
                Some(_) => {}
            }
        }
        changes.gone = before.objects.keys().filter(|key| !now.objects.contains_key(*key)).cloned().collect();
        changes
    }

    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.altered.is_empty() && self.gone.is_empty() && self.turns.is_empty()
    }

    /// Until the turns are made, nothing is made or taken of what they are about.
    pub fn is_held(&self, key: &ObjectKey, table: Option<&str>) -> bool {
        self.turns.iter().any(|turn| turn.holds(key, table))
    }
}

impl Turn {
    fn holds(&self, key: &ObjectKey, of: Option<&str>) -> bool {
        let is_of = |table: &QualifiedName| {
            let plain = unquoted(&table.to_string());
            of.is_some_and(|of| unquoted(of) == plain) || mentions(&key.name, &plain)
        };
        let is_column =
            |column: &String| key.name == unquoted(&format!("{}.{}", self.table(), quote_identifier(column)));
        match self {
            Self::RenamedTable { from, to } => is_of(from) || is_of(to),
            Self::RemadeTable { table } => is_of(table),
            // Other columns may come; whatever is made of columns may name this one.
            Self::RenamedColumn { from, to, .. } if key.kind == "COLUMN" => is_column(from) || is_column(to),
            Self::RemadeColumn { column, .. } | Self::Retyped { column, .. } if key.kind == "COLUMN" => {
                is_column(column)
            }
            Self::RenamedColumn { table, .. } | Self::RemadeColumn { table, .. } | Self::Retyped { table, .. } => {
                is_of(table)
            }
        }
    }

    /// The table that it is about, as the new database calls it.
    pub fn table(&self) -> &QualifiedName {
        match self {
            Self::RenamedTable { to, .. } => to,
            Self::RemadeTable { table }
            | Self::RenamedColumn { table, .. }
            | Self::RemadeColumn { table, .. }
            | Self::Retyped { table, .. } => table,
        }
    }

    pub fn told(&self) -> String {
        match self {
            Self::RenamedTable { from, to } => format!("TABLE {}, renamed {}", from.plain(), to.plain()),
            Self::RemadeTable { table } => format!("TABLE {}, dropped and made anew", table.plain()),
            Self::RenamedColumn { table, from, to } => format!("COLUMN {}.{from}, renamed {to}", table.plain()),
            Self::RemadeColumn { table, column } => format!("COLUMN {}.{column}, dropped and made anew", table.plain()),
            Self::Retyped { table, column, to } => format!("COLUMN {}.{column}, now of type {to}", table.plain()),
        }
    }
}

fn turns(before: &Seen, now: &Seen) -> Vec<Turn> {
    let name = |table: &NamedTable| QualifiedName::new(table.schema.clone(), table.name.clone());
    let mut turns = vec![];
    for (number, table) in &now.tables {
        let Some(known) = before.tables.get(number) else {
            let same = before.tables.iter().find(|(_, other)| other.identity == table.identity);
            // One that only gave its name away is renamed, which makes room.
            // A partition's rows are its root's.
            if !table.is_partition && same.is_some_and(|(other, _)| !now.tables.contains_key(other)) {
                turns.push(Turn::RemadeTable { table: name(table) });
            }
            continue;
        };
        if known.identity != table.identity {
            turns.push(Turn::RenamedTable { from: name(known), to: name(table) });
        }
        for (place, column) in &table.columns {
            let Some(was) = known.columns.get(place) else {
                let same = known.columns.iter().find(|(_, other)| other.name == column.name);
                if same.is_some_and(|(other, _)| !table.columns.contains_key(other)) {
                    turns.push(Turn::RemadeColumn { table: name(table), column: column.name.clone() });
                }
                continue;
            };
            if was.name != column.name {
                let (from, to) = (was.name.clone(), column.name.clone());
                turns.push(Turn::RenamedColumn { table: name(table), from, to });
            }
            if was.data_type != column.data_type {
                let (column, to) = (column.name.clone(), column.data_type.clone());
                turns.push(Turn::Retyped { table: name(table), column, to });
            }
        }
    }
    turns.sort();
    turns
}

#[cfg(test)]
mod tests {
    use super::super::seen::NamedColumn;
    use super::*;
    use crate::migrate::verify::Definition;

    /// By number: a name, and columns with their names and types.
    type Tables<'a> = [(i64, &'a str, &'a [(i16, &'a str, &'a str)])];

    fn seen(tables: &Tables<'_>, objects: &[(&str, &str, &str)]) -> Seen {
        let columns = |columns: &[(i16, &str, &str)]| {
            let column = |(place, name, data_type): &(i16, &str, &str)| {
                (*place, NamedColumn { name: (*name).into(), data_type: (*data_type).into() })
            };
            columns.iter().map(column).collect()
        };
        let table = |(number, name, of): &(i64, &str, &[(i16, &str, &str)])| {
            let identity = QualifiedName::new("public", *name).to_string();
            let is_partition = false;
            (
                *number,
                NamedTable {
                    identity,
                    schema: "public".into(),
                    name: (*name).into(),
                    is_partition,
                    columns: columns(of),
                },
            )
        };
        let object = |(kind, name, facts): &(&str, &str, &str)| {
            (ObjectKey { kind: (*kind).into(), name: (*name).into() }, Definition::of(*facts))
        };
        let (tables, objects) = (tables.iter().map(table).collect(), objects.iter().map(object).collect());
        Seen { fingerprint: String::new(), tables, objects }
    }

    #[test]
    fn tables_and_columns_are_known_by_their_numbers() {
        let before =
            seen(&[(1, "a", &[(1, "id", "int"), (2, "x", "int"), (3, "y", "int")]), (2, "b", &[]), (3, "c", &[])], &[]);
        let now = seen(
            &[
                (1, "a", &[(1, "id", "bigint"), (3, "z", "int"), (4, "x", "int"), (5, "new", "int")]),
                (3, "b", &[]),
                (4, "d", &[]),
                (5, "c", &[]),
            ],
            &[],
        );
        let told: Vec<_> = Changes::between(&before, &now).turns.iter().map(Turn::told).collect();
        assert_eq!(
            told,
            [
                "TABLE public.c, renamed public.b",
                "COLUMN public.a.y, renamed z",
                "COLUMN public.a.x, dropped and made anew",
                "COLUMN public.a.id, now of type bigint",
            ]
        );
        let swapped = seen(&[(9, "a", &[])], &[]);
        let told: Vec<_> = Changes::between(&before, &swapped).turns.iter().map(Turn::told).collect();
        assert_eq!(told, ["TABLE public.a, dropped and made anew"]);
    }

    #[test]
    fn what_a_turn_is_about_waits_for_it() {
        let before = seen(&[(1, "a", &[(1, "x", "int")])], &[("INDEX", "public.i", "")]);
        let now = seen(&[(1, "b", &[(1, "x", "int")])], &[("INDEX", "public.i", "2"), ("VIEW", "public.v", "")]);
        let changes = Changes::between(&before, &now);
        assert_eq!((changes.added.len(), changes.altered.len(), changes.gone.len()), (1, 1, 0));
        let key = |kind: &str, name: &str| ObjectKey { kind: kind.into(), name: name.into() };
        assert!(changes.is_held(&key("COLUMN", "public.a.x"), None));
        assert!(changes.is_held(&key("INDEX", "public.i"), Some("\"public\".\"b\"")));
        assert!(!changes.is_held(&key("VIEW", "public.v"), None) && !changes.is_held(&key("TABLE", "public.ab"), None));
    }
}
