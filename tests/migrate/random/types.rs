//! Extensions that both ends have, enums, domains, composite types, ranges, collations.

use super::maker::{Maker, Type};

const EXTENSIONS: [&str; 8] =
    ["citext", "hstore", "ltree", "btree_gist", "pg_trgm", "pgcrypto", "intarray", "unaccent"];

pub fn types(maker: &mut Maker) {
    for extension in EXTENSIONS {
        if maker.often(4) {
            let place = if maker.often(2) && maker.schemas.len() > 1 {
                format!(" SCHEMA {}", maker.schemas[1])
            } else {
                String::new()
            };
            maker.say(format!("CREATE EXTENSION {extension}{place}"));
            if place.is_empty() {
                maker.extensions.push(extension);
            }
        }
    }
    for _ in 0..maker.below(3) {
        enumeration(maker);
    }
    for _ in 0..maker.below(4) {
        domain(maker);
    }
    for _ in 0..maker.below(2) {
        composite(maker);
    }
    if maker.often(2) {
        let (schema, name) = (maker.schema(), maker.name("span_"));
        let over = maker.pick(&["time", "float8", "text"]);
        maker.say(format!("CREATE TYPE {schema}.{name} AS RANGE (SUBTYPE = {over})"));
    }
    if maker.often(2) {
        let name = maker.name("order_");
        maker.say(format!(
            "CREATE COLLATION public.{name} (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        ));
    }
}

fn enumeration(maker: &mut Maker) {
    let (schema, name) = (maker.schema(), maker.name("kind_"));
    let labels = ["open", "done", "it''s", "Ünlaut", "in progress", "a,b"];
    let some = &labels[..2 + maker.below(5)];
    let list = some.iter().map(|label| format!("'{label}'")).collect::<Vec<_>>().join(", ");
    maker.say(format!("CREATE TYPE {schema}.{name} AS ENUM ({list})"));
    if maker.often(3) {
        maker.say(format!("ALTER TYPE {schema}.{name} ADD VALUE 'between' BEFORE 'done'"));
    }
    if maker.often(2) {
        maker.say(format!("COMMENT ON TYPE {schema}.{name} IS 'what it''s like'"));
    }
    let values = some.iter().map(|label| (*label).to_owned()).collect();
    maker.types.push(Type { name: format!("{schema}.{name}"), values, is_comparable: true });
}

fn domain(maker: &mut Maker) {
    let (schema, name) = (maker.schema(), maker.name("as_"));
    let full = format!("{schema}.{name}");
    let (definition, values): (&str, &[&str]) = match maker.below(9) {
        0 => ("varchar(10) CHECK (VALUE IN ('s', 'm', 'l'))", &["s", "m", "l"]),
        1 => ("int CHECK (VALUE BETWEEN 1 AND 500)", &["1", "5", "499"]),
        2 => ("text NOT NULL DEFAULT 'x' CHECK (VALUE LIKE '%x%' OR VALUE ~* '^a.*z$')", &["x", "axz", "AbZ"]),
        3 => ("numeric(8,2) DEFAULT 1.50 CHECK (VALUE > 0 AND VALUE < 1e5)", &["1.5", "99.99"]),
        4 => (
            "varchar CHECK (length(VALUE) <= 20) CONSTRAINT shape CHECK (VALUE NOT IN ('bad', 'worse'))",
            &["fine", "ok"],
        ),
        5 => (
            "timestamptz CHECK (VALUE > '2000-01-01'::date AND VALUE < timestamptz '2100-01-01 00:00+02')",
            &["2020-02-29 12:00"],
        ),
        6 => ("text[] CHECK (cardinality(VALUE) < 5 AND array_position(VALUE, NULL) IS NULL)", &["{a,b}", "{}"]),
        7 => ("text COLLATE \"C\" CHECK (VALUE ~ '^[a-z]{1,3}\\d*$')", &["abc1", "x"]),
        _ => ("char(3) CHECK (VALUE = upper(VALUE) AND VALUE <> ALL (ARRAY['QQQ', 'YYY']))", &["EUR", "USD"]),
    };
    maker.say(format!("CREATE DOMAIN {full} AS {definition}"));
    if maker.often(2) {
        maker
            .say(format!("ALTER DOMAIN {full} ADD CONSTRAINT more CHECK (VALUE IS NOT NULL OR 1 IN (1, 2)) NOT VALID"));
    }
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    maker.types.push(Type { name: full, values, is_comparable: !definition.starts_with("text[]") });
}

fn composite(maker: &mut Maker) {
    let (schema, name) = (maker.schema(), maker.name("pair_"));
    let inner = maker.one(&maker.types.clone()).map_or("int".to_owned(), |one| one.name);
    maker.say(format!("CREATE TYPE {schema}.{name} AS (a int, \"B b\" varchar(5), gone date, c {inner})"));
    if maker.often(5) {
        maker.say(format!("ALTER TYPE {schema}.{name} DROP ATTRIBUTE gone"));
    }
    if maker.often(3) {
        maker.say(format!("ALTER TYPE {schema}.{name} ADD ATTRIBUTE later text COLLATE \"POSIX\""));
    }
    maker.types.push(Type { name: format!("{schema}.{name}"), values: vec![], is_comparable: false });
}
