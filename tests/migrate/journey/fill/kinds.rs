//! Values of any type, as SQL.

use std::collections::HashMap;

use rand::prelude::*;
use tokio_postgres::Client;

const TYPES: &str = "
    SELECT t.oid::bigint, t.typname::text, t.typtype::text, t.typbasetype::bigint, CASE WHEN t.typcategory = 'A' THEN t.typelem::bigint ELSE 0 END,
           format_type(t.oid, NULL), coalesce(r.rngsubtype, m.rngtypid, 0)::bigint,
           ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
           ARRAY(SELECT a.atttypid::bigint FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped AND t.typtype = 'c' ORDER BY a.attnum),
           coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k WHERE k.contypid = t.oid), '')
      FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid LEFT JOIN pg_range m ON m.rngmultitypid = t.oid";

struct Kind {
    name: String,
    /// `b`, `d`, `e`, `c`, `r`, `m` as `pg_type` has it.
    letter: String,
    base: i64,
    element: i64,
    full_name: String,
    range_over: i64,
    labels: Vec<String>,
    attributes: Vec<i64>,
    literals: Vec<String>,
    /// Values that a domain with checks takes, as the server says.
    taken: Vec<String>,
}

pub struct Kinds(HashMap<i64, Kind>);

impl Kinds {
    pub async fn read(client: &Client) -> Self {
        let rows = client.query(TYPES, &[]).await.unwrap();
        let kinds = rows.iter().map(|row| {
            let kind = Kind {
                name: row.get(1),
                letter: row.get(2),
                base: row.get(3),
                element: row.get(4),
                full_name: row.get(5),
                range_over: row.get(6),
                labels: row.get(7),
                attributes: row.get(8),
                literals: literals(row.get(9)),
                taken: vec![],
            };
            (row.get(0), kind)
        });
        let mut kinds = Self(kinds.collect());
        kinds.try_domains(client).await;
        kinds
    }

    async fn try_domains(&mut self, client: &Client) {
        let mut random = StdRng::seed_from_u64(1);
        let with_checks = |kind: &Kind| kind.letter == "d" && !kind.literals.is_empty();
        let mut domains: Vec<i64> = self.0.iter().filter(|(_, kind)| with_checks(kind)).map(|(oid, _)| *oid).collect();
        // A domain may be over another one, which is older.
        domains.sort_unstable();
        for oid in domains {
            let mut taken = vec![];
            for _ in 0..60 {
                let Some(value) = self.value(oid, &[], &mut random) else { break };
                if client.batch_execute(&format!("SELECT {value}::{}", self.0[&oid].full_name)).await.is_ok() {
                    taken.push(value);
                }
            }
            self.0.get_mut(&oid).unwrap().taken = taken;
        }
    }

    /// An expression that can be cast to the type; None where nothing is known of it.
    pub fn value(&self, oid: i64, literals: &[String], random: &mut StdRng) -> Option<String> {
        let kind = self.0.get(&oid)?;
        let literals: Vec<_> = literals.iter().filter(|literal| may_be(&self.base(kind).name, literal)).collect();
        if !literals.is_empty()
            && kind.element == 0
            && matches!(kind.letter.as_str(), "b" | "d")
            && random.random_bool(0.5)
        {
            let literal = *literals.choose(random)?;
            // A number that bytes or a text are compared with is how many they are.
            let length: Option<usize> = literal.parse().ok().filter(|length| (1..=64).contains(length));
            return Some(match (self.base(kind).name.as_str(), length) {
                ("bytea", Some(length)) => quoted(&format!("\\x{}", digits(length, random))),
                ("text" | "varchar" | "bpchar" | "citext", Some(length)) if random.random_bool(0.7) => {
                    quoted(&digits(length, random)[..length])
                }
                _ => quoted(literal),
            });
        }
        match kind.letter.as_str() {
            "d" if kind.taken.len() > 7 => kind.taken.choose(random).cloned(),
            "d" => self.value(kind.base, &kind.literals, random),
            "e" => kind.labels.choose(random).map(|label| quoted(label)),
            "c" => {
                let parts: Option<Vec<_>> = kind.attributes.iter().map(|part| self.cast(*part, random)).collect();
                parts.map(|parts| format!("ROW({})", parts.join(", ")))
            }
            "r" => {
                let (low, name) = (self.cast(kind.range_over, random)?, &kind.full_name);
                Some(format!("{name}({low}, {low}, '[]')"))
            }
            "m" => Some(format!("{}({})", kind.full_name, self.cast(kind.range_over, random)?)),
            _ if kind.element != 0 => {
                let element = self.0.get(&kind.element)?;
                let some: Option<Vec<_>> =
                    (0..random.random_range(0..3)).map(|_| self.value(kind.element, &[], random)).collect();
                let some: Vec<_> = some?.iter().map(|value| format!("{value}::{}", element.full_name)).collect();
                Some(format!("ARRAY[{}]", some.join(", ")))
            }
            _ => plain(&kind.name, random),
        }
    }

    /// What a domain is of.
    fn base<'a>(&'a self, kind: &'a Kind) -> &'a Kind {
        let base = self.0.get(&kind.base).filter(|_| kind.letter == "d");
        base.map_or(kind, |base| self.base(base))
    }

    fn cast(&self, oid: i64, random: &mut StdRng) -> Option<String> {
        let value = self.value(oid, &[], random)?;
        Some(format!("{value}::{}", self.0.get(&oid)?.full_name))
    }
}

/// Whether a value of the type can be written so, as far as that is seen without asking the server.
fn may_be(type_name: &str, literal: &str) -> bool {
    let is_number = literal.parse::<f64>().is_ok();
    match type_name {
        "text" | "varchar" | "bpchar" | "citext" | "name" | "char" | "bytea" | "bit" | "varbit" => true,
        "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" | "oid" | "money" => is_number,
        "bool" => matches!(literal, "t" | "f" | "true" | "false"),
        "json" | "jsonb" => literal.starts_with(['{', '[', '"']),
        _ => !is_number,
    }
}

fn plain(name: &str, random: &mut StdRng) -> Option<String> {
    let n: u32 = random.random_range(0..1_000_000);
    let few = n % 100;
    let text = match name {
        "bool" => (n.is_multiple_of(2)).to_string(),
        "int2" => (n % 30_000).to_string(),
        "int4" | "int8" | "oid" | "xid" | "xid8" => n.to_string(),
        "numeric" | "money" => {
            if n.is_multiple_of(3) {
                few.to_string()
            } else {
                format!("{}.{few:02}", n % 9)
            }
        }
        "float4" | "float8" => format!("{}.5", n % 1000),
        "text" | "varchar" | "bpchar" | "citext" | "name" => words(n),
        "char" => "x".to_owned(),
        "timestamptz" | "timestamp" => {
            format!("20{:02}-{:02}-{:02} {:02}:30:00.{n:06}", 10 + n % 20, 1 + n % 12, 1 + n % 28, n % 24)
        }
        "date" => format!("20{:02}-{:02}-{:02}", 10 + n % 20, 1 + n % 12, 1 + n % 28),
        "time" | "timetz" => format!("{:02}:{:02}:07", n % 24, n % 60),
        "interval" => format!("{} days {few} seconds", n % 400),
        "uuid" => {
            format!("{:08x}-{:04x}-4000-8000-{:012x}", n.wrapping_mul(2_654_435_761), n % 65_536, u64::from(n) * 7919)
        }
        "bytea" => format!("\\x{n:08x}00ff"),
        "json" | "jsonb" => format!("{{\"n\": {n}, \"t\": [\"a\", null, 1.50]}}"),
        "xml" => format!("<a n=\"{n}\">text</a>"),
        "inet" => format!("10.{}.{}.{}", few, n % 250, n % 200),
        "cidr" => format!("10.{}.{}.0/24", few, n % 250),
        "macaddr" => format!("08:00:2b:01:{few:02}:03"),
        "macaddr8" => format!("08:00:2b:01:{few:02}:03:04:05"),
        "bit" | "varbit" => {
            if n.is_multiple_of(2) {
                "1".to_owned()
            } else {
                "0".to_owned()
            }
        }
        "tsvector" => format!("'word{few}':1 'other':2"),
        "tsquery" => format!("word{few} & other"),
        "point" => format!("({few},{})", n % 7),
        "line" => "{1,2,3}".to_owned(),
        "lseg" | "box" => format!("({few},1),(2,3)"),
        "path" | "polygon" => format!("((0,0),(1,{few}),(2,0))"),
        "circle" => format!("<({few},1),2>"),
        "hstore" => format!("a=>{n}, b=>NULL"),
        "ltree" => format!("top.l{few}.x{n}"),
        "lquery" => "top.*".to_owned(),
        "cube" => format!("({few},1)"),
        "pg_lsn" => format!("0/{n:X}"),
        "regclass" => "pg_catalog.pg_class".to_owned(),
        "regtype" => "int4".to_owned(),
        "regproc" => "pg_catalog.now".to_owned(),
        "regconfig" => "pg_catalog.english".to_owned(),
        _ => return None,
    };
    Some(quoted(&text))
}

/// Of so many bytes.
fn digits(length: usize, random: &mut StdRng) -> String {
    (0..length).map(|_| format!("{:02x}", random.random::<u8>())).collect()
}

fn words(n: u32) -> String {
    match n % 9 {
        0 => String::new(),
        1 => format!("Zeile {n} – mit é, \\ und '"),
        2 => format!("name{n}@example.com"),
        3 => n.to_string(),
        4 => format!("a\tb\n{n}"),
        5 => format!("{n:040x}"),
        6 => format!("w{n}"),
        _ => format!("word-{n}"),
    }
}

/// Texts and numbers that a definition compares with.
pub fn literals(definition: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = definition;
    while let Some(at) = rest.find('\'') {
        numbers(&rest[..at], &mut found);
        let Some(end) = rest[at + 1..].find('\'') else { return found };
        found.push(rest[at + 1..at + 1 + end].to_owned());
        rest = &rest[at + end + 2..];
    }
    numbers(rest, &mut found);
    found
}

fn numbers(text: &str, found: &mut Vec<String>) {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
    for number in words.filter_map(|word| word.parse::<u32>().ok()) {
        found.extend([number.to_string(), (number + 1).to_string(), number.saturating_sub(1).to_string()]);
    }
}

fn quoted(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
