//! What the parts of the generator share: chance, names, and what has been made so far.

use rand::prelude::*;

pub struct Maker {
    pub random: StdRng,
    pub seed: u64,
    statements: Vec<String>,
    names: usize,
    pub roles: Vec<String>,
    pub schemas: Vec<String>,
    pub types: Vec<Type>,
    pub tables: Vec<Table>,
    pub views: Vec<String>,
    pub extensions: Vec<&'static str>,
}

/// A type with texts that are values of it.
#[derive(Debug, Clone)]
pub struct Type {
    pub name: String,
    pub values: Vec<String>,
    pub is_comparable: bool,
}

#[derive(Debug, Clone)]
pub struct Table {
    /// Qualified and quoted.
    pub name: String,
    pub columns: Vec<Column>,
    /// Of the primary key; empty without one.
    pub key: Vec<String>,
    pub is_partitioned: bool,
    pub is_unlogged: bool,
}

#[derive(Debug, Clone)]
pub struct Column {
    /// Quoted.
    pub name: String,
    pub kind: String,
    pub is_generated: bool,
}

impl Table {
    pub fn of_kind<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().filter(move |column| {
            kinds.iter().any(|kind| {
                column.kind == *kind || column.kind.starts_with(&format!("{kind}(")) && !column.kind.ends_with(']')
            })
        })
    }
}

pub const TEXTS: [&str; 3] = ["text", "varchar", "character varying"];
pub const NUMBERS: [&str; 4] = ["int", "bigint", "smallint", "numeric"];
pub const TIMES: [&str; 3] = ["timestamptz", "timestamp", "date"];

const NOUNS: [&str; 16] = [
    "item",
    "person",
    "ticket",
    "\"Order\"",
    "\"user\"",
    "event",
    "\"Odd Name\"",
    "straße",
    "price_list",
    "\"group\"",
    "box",
    "state",
    "reading",
    "\"a\"\"b\"",
    "account",
    "visit",
];

impl Maker {
    pub fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            seed,
            statements: vec![],
            names: 0,
            roles: vec![],
            schemas: vec!["public".to_owned()],
            types: vec![],
            tables: vec![],
            views: vec![],
            extensions: vec![],
        }
    }

    pub fn sql(self) -> String {
        self.statements.into_iter().map(|statement| format!("{statement};\n")).collect()
    }

    pub fn say(&mut self, statement: impl Into<String>) {
        self.statements.push(statement.into());
    }

    pub fn often(&mut self, of_ten: u32) -> bool {
        self.random.random_ratio(of_ten, 10)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.random.random_range(0..most)
    }

    pub fn pick<'a>(&mut self, some: &[&'a str]) -> &'a str {
        some.choose(&mut self.random).copied().unwrap()
    }

    pub fn one<T: Clone>(&mut self, some: &[T]) -> Option<T> {
        some.choose(&mut self.random).cloned()
    }

    /// Of one part, as people choose names; never twice.
    pub fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        let noun = self.pick(&NOUNS);
        let number = self.names;
        match noun.strip_suffix('"') {
            Some(open) => format!("\"{prefix}{}_{number}\"", &open[1..]),
            None => format!("{prefix}{noun}_{number}"),
        }
    }

    pub fn schema(&mut self) -> String {
        let schemas = self.schemas.clone();
        self.one(&schemas).unwrap()
    }

    pub fn role(&mut self) -> Option<String> {
        let roles = self.roles.clone();
        self.one(&roles)
    }

    pub fn table(&mut self) -> Option<Table> {
        let tables = self.tables.clone();
        self.one(&tables)
    }

    pub fn column(&mut self, table: &Table, kinds: &[&str]) -> Option<String> {
        let some: Vec<_> = table.of_kind(kinds).cloned().collect();
        self.one(&some).map(|column| column.name)
    }

    pub fn has(&self, extension: &str) -> bool {
        self.extensions.contains(&extension)
    }
}
