//! Partitions and inheritance, made in every order.

use super::maker::{Column, Maker, Table};
use super::tables::{check, index};

pub fn families(maker: &mut Maker) {
    if maker.often(5) {
        by_range(maker);
    }
    if maker.often(3) {
        by_list(maker);
    }
    if maker.often(3) {
        by_hash(maker);
    }
    if maker.often(4) {
        inherited(maker);
    }
}

fn column(name: &str, kind: &str) -> Column {
    Column { name: name.into(), kind: kind.into(), is_generated: false }
}

fn partitioned(maker: &mut Maker, name: String, columns: Vec<Column>) {
    let table = Table { name, columns, key: vec![], is_partitioned: true, is_unlogged: false };
    if maker.often(4) {
        index(maker, &table);
    }
    if maker.often(3)
        && let Some(check) = check(maker, &table)
    {
        maker.say(format!("ALTER TABLE {} ADD {check}", table.name));
    }
    maker.tables.push(table);
}

fn by_range(maker: &mut Maker) {
    let (schema, name) = (maker.schema(), maker.name("range_"));
    let full = format!("{schema}.{name}");
    let kind = maker.pick(&["timestamptz", "date", "timestamp(3)"]);
    let default = if maker.often(5) { " DEFAULT now()" } else { "" };
    let key = if maker.often(6) { ", PRIMARY KEY (id, at)" } else { "" };
    maker.say(format!(
        "CREATE TABLE {full} (id bigint NOT NULL, at {kind} NOT NULL{default}, note varchar(30) CHECK (note <> 'zz'), n int{key}) PARTITION BY RANGE (at)"
    ));
    let before = maker.often(5);
    if before {
        maker.say(format!("CREATE INDEX ON {full} (note, at DESC)"));
    }
    for year in 2010..2010 + maker.below(4) {
        let part = format!("{schema}.{}", maker.name("part_"));
        let bounds = format!("FOR VALUES FROM ('{year}-01-01') TO ('{}-01-01')", year + 1);
        match maker.below(if key.is_empty() { 4 } else { 3 }) {
            0 => maker.say(format!("CREATE TABLE {part} PARTITION OF {full} {bounds}")),
            1 => {
                // Columns in another order, one that was dropped.
                maker.say(format!("CREATE TABLE {part} (gone text, n int, note varchar(30), at {kind} NOT NULL, id bigint NOT NULL, CONSTRAINT own CHECK (n < 1000000000), CHECK (note <> 'zz'))"));
                maker.say(format!("ALTER TABLE {part} DROP COLUMN gone"));
                maker.say(format!("ALTER TABLE {part} RENAME CONSTRAINT own TO \"Own check\""));
                attach(maker, &full, &part, &bounds);
            }
            2 => {
                maker.say(format!("CREATE TABLE {part} (LIKE {full} INCLUDING ALL)"));
                attach(maker, &full, &part, &bounds);
            }
            _ => {
                maker.say(format!("CREATE TABLE {part} PARTITION OF {full} (n DEFAULT 7, CONSTRAINT positive CHECK (n > -5)) {bounds} PARTITION BY LIST (n)"));
                let low = maker.name("sub_");
                maker.say(format!("CREATE TABLE {schema}.{low} PARTITION OF {part} FOR VALUES IN (1, 2, NULL)"));
                let rest = maker.name("sub_");
                maker.say(format!("CREATE TABLE {schema}.{rest} PARTITION OF {part} DEFAULT"));
            }
        }
    }
    if maker.often(7) {
        let rest = maker.name("rest_");
        maker.say(format!("CREATE TABLE {schema}.{rest} PARTITION OF {full} DEFAULT"));
    }
    if !before && maker.often(5) {
        let named = maker.name("ix_");
        maker.say(format!("CREATE INDEX {named} ON {full} (n) WHERE note IN ('a', 'b')"));
    }
    partitioned(
        maker,
        full,
        vec![column("id", "bigint"), column("at", kind), column("note", "varchar(30)"), column("n", "int")],
    );
}

fn attach(maker: &mut Maker, root: &str, part: &str, bounds: &str) {
    if maker.often(3) {
        maker.say(format!("CREATE INDEX ON {part} (note)"));
    }
    maker.say(format!("ALTER TABLE {root} ATTACH PARTITION {part} {bounds}"));
}

fn by_list(maker: &mut Maker) {
    let (schema, name) = (maker.schema(), maker.name("list_"));
    let full = format!("{schema}.{name}");
    let kind = maker.pick(&["text", "varchar(20)"]);
    maker.say(format!("CREATE TABLE {full} (id bigserial, state {kind} DEFAULT 'open', at timestamptz DEFAULT now()) PARTITION BY LIST (state)"));
    for states in ["'open', 'x'", "'done', NULL"] {
        let part = maker.name("part_");
        maker.say(format!("CREATE TABLE {schema}.{part} PARTITION OF {full} FOR VALUES IN ({states})"));
    }
    let rest = maker.name("rest_");
    maker.say(format!("CREATE TABLE {schema}.{rest} PARTITION OF {full} DEFAULT"));
    partitioned(maker, full, vec![column("id", "bigint"), column("state", kind), column("at", "timestamptz")]);
}

fn by_hash(maker: &mut Maker) {
    let (schema, name) = (maker.schema(), maker.name("hash_"));
    let full = format!("{schema}.{name}");
    let kind =
        maker.one(&maker.types.clone()).filter(|one| one.is_comparable).map_or("text".to_owned(), |one| one.name);
    maker.say(format!("CREATE TABLE {full} (id bigint GENERATED ALWAYS AS IDENTITY, k {kind} NOT NULL, v text, PRIMARY KEY (id, k)) PARTITION BY HASH (k)"));
    for remainder in 0..3 {
        let part = maker.name("part_");
        maker.say(format!(
            "CREATE TABLE {schema}.{part} PARTITION OF {full} FOR VALUES WITH (MODULUS 3, REMAINDER {remainder})"
        ));
    }
    partitioned(maker, full, vec![column("id", "bigint"), column("k", &kind), column("v", "text")]);
}

fn inherited(maker: &mut Maker) {
    let (schema, parent, other) = (maker.schema(), maker.name("parent_"), maker.name("parent_"));
    let (parent, other) = (format!("{schema}.{parent}"), format!("{schema}.{other}"));
    maker.say(format!(
        "CREATE TABLE {parent} (name text NOT NULL DEFAULT 'p', n int CHECK (n BETWEEN -1 AND 2000000000))"
    ));
    maker.say(format!("CREATE TABLE {other} (colour varchar(10), n int)"));
    let mut below = parent.clone();
    for depth in 0..1 + maker.below(3) {
        let child = format!("{schema}.{}", maker.name("child_"));
        match maker.below(3) {
            0 => maker.say(format!("CREATE TABLE {child} (radius float8, CHECK (radius > -1)) INHERITS ({below})")),
            1 => {
                maker.say(format!("CREATE TABLE {child} (own int, name text DEFAULT 'c') INHERITS ({below}, {other})"))
            }
            _ => {
                maker.say(format!("CREATE TABLE {child} (extra int, n int, name text NOT NULL, own_{depth} date, CONSTRAINT p_n_check CHECK (n BETWEEN -1 AND 2000000000), colour varchar(10))"));
                maker.say(format!("ALTER TABLE {child} INHERIT {other}"));
            }
        }
        if maker.often(5) {
            maker.say(format!("ALTER TABLE {below} ADD COLUMN late_{depth} int DEFAULT {depth}"));
        }
        if maker.often(3) {
            maker.say(format!("ALTER TABLE {child} ALTER n SET DEFAULT 3"));
        }
        maker.tables.push(Table {
            name: child.clone(),
            columns: vec![column("name", "text"), column("n", "int")],
            key: vec![],
            is_partitioned: false,
            is_unlogged: false,
        });
        if maker.often(5) {
            below = child;
        }
    }
    if maker.often(3) {
        maker.say(format!("ALTER TABLE {parent} ADD CONSTRAINT only_here CHECK (n <> 77) NO INHERIT"));
    }
}
