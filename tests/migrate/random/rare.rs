//! What few databases have: operators, casts, text search, conversions, foreign servers, large objects, names that became
//! words of the language, tables of a type, partitions by text.

use super::maker::{Column, Maker, TEXTS, Table, Type};

/// Of extensions: `IS DISTINCT FROM` and the like find their operators by the path alone.
pub const OF_EXTENSIONS: [&str; 3] = ["citext", "ltree", "hstore"];

/// None of these was a word of the language at the old server.
const NEW_WORDS: [&str; 7] =
    ["json", "system_user", "json_object", "json_scalar", "json_table", "json_value", "merge_action"];

/// Before there are tables: what these are made of.
pub fn before_tables(maker: &mut Maker) {
    if maker.often(3) {
        casts(maker);
    }
    if maker.often(3) {
        operators(maker);
    }
    if maker.often(3) {
        text_search(maker);
    }
    if maker.often(1) {
        let (schema, name) = (maker.schema(), maker.name("conv_"));
        maker.say(format!("CREATE CONVERSION {schema}.{name} FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"));
    }
}

/// Once there are some.
pub fn beside_tables(maker: &mut Maker) {
    if maker.often(3) {
        words(maker);
    }
    if maker.often(3) {
        of_type(maker);
    }
    if maker.often(3) {
        log(maker);
    }
    if maker.often(3) {
        by_text(maker);
    }
    if maker.often(2) {
        large_objects(maker);
    }
    if maker.often(2) {
        foreign(maker);
    }
    if maker.often(3) {
        letters(maker);
    }
}

/// Once all is there: what is looked up by a path.
pub fn by_path(maker: &mut Maker) {
    for table in maker.tables.clone() {
        if let Some(column) = maker.column(&table, &OF_EXTENSIONS) {
            by_operator(maker, &table, &column);
        }
        if maker.often(1)
            && let Some(text) = maker.column(&table, &TEXTS)
        {
            let (schema, name, inner) = (maker.schema(), maker.name("words_"), table.name.replace('\'', "''"));
            maker.say(format!(
                "CREATE MATERIALIZED VIEW {schema}.{name} AS SELECT word, ndoc FROM ts_stat('SELECT to_tsvector(''simple'', {text}) FROM {inner}')"
            ));
        }
    }
}

fn by_operator(maker: &mut Maker, table: &Table, column: &str) {
    let (of, schema, name) = (&table.name, maker.schema(), maker.name("d_"));
    let statement = match maker.below(6) {
        0 => format!("CREATE VIEW {schema}.{name} AS SELECT {column} FROM {of} WHERE {column} IS DISTINCT FROM NULL"),
        1 => format!("CREATE VIEW {schema}.{name} AS SELECT a.{column} FROM {of} a JOIN {of} b USING ({column})"),
        2 => format!("CREATE INDEX {name} ON {of} ({column}) WHERE {column} IS DISTINCT FROM NULL"),
        3 => format!("ALTER TABLE {of} ADD CONSTRAINT {name} CHECK (NULLIF({column}, {column}) IS NULL)"),
        4 => format!("CREATE VIEW {schema}.{name} AS SELECT CASE {column} WHEN {column} THEN 1 END AS same FROM {of}"),
        _ => format!(
            "CREATE TRIGGER {name} AFTER UPDATE ON {of} FOR EACH ROW WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION public.touch()"
        ),
    };
    maker.say(statement);
}

fn casts(maker: &mut Maker) {
    let (schema, name, function) = (maker.schema(), maker.name("level_"), maker.name("to_level_"));
    let full = format!("{schema}.{name}");
    maker.say(format!("CREATE TYPE {full} AS ENUM ('low', 'high')"));
    maker.say(format!("CREATE FUNCTION {schema}.{function}(int) RETURNS {full} LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN $1 > 9 THEN 'high' ELSE 'low' END::{full} $$"));
    let how = maker.pick(&["", " AS ASSIGNMENT", " AS IMPLICIT"]);
    maker.say(format!("CREATE CAST (int AS {full}) WITH FUNCTION {schema}.{function}(int){how}"));
    if maker.often(5) {
        maker.say(format!("CREATE CAST ({full} AS text) WITH INOUT"));
    }
    maker.types.push(Type { name: full, values: vec!["low".into(), "high".into()], is_comparable: true });
}

fn operators(maker: &mut Maker) {
    let (schema, function) = (maker.schema(), maker.name("alike_"));
    let sign = maker.pick(&["===", "~~~~", "@#@", "<->>"]);
    maker.say(format!("CREATE FUNCTION {schema}.{function}(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT lower($1) = lower($2)'"));
    let how = maker.pick(&["", ", RESTRICT = eqsel, JOIN = eqjoinsel", ", NEGATOR = OPERATOR(public.<!!>)"]);
    maker.say(format!("CREATE OPERATOR {schema}.{sign} (LEFTARG = text, RIGHTARG = text, FUNCTION = {schema}.{function}, COMMUTATOR = OPERATOR({schema}.{sign}){how})"));
    let name = maker.name("alike_");
    maker.say(format!("CREATE VIEW {schema}.{name} AS SELECT 'a' OPERATOR({schema}.{sign}) 'A' AS alike"));
    if maker.often(4) {
        maker.say(format!("COMMENT ON OPERATOR {schema}.{sign} (text, text) IS 'whatever the case'"));
    }
    if maker.often(4) {
        let class = maker.name("down_");
        maker.say(format!("CREATE OPERATOR CLASS {schema}.{class} FOR TYPE int USING btree AS OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int)"));
    }
}

fn text_search(maker: &mut Maker) {
    let (schema, dictionary, configuration) = (maker.schema(), maker.name("dict_"), maker.name("search_"));
    let template =
        maker.pick(&["simple, ACCEPT = false", "snowball, LANGUAGE = german", "simple, STOPWORDS = 'english'"]);
    maker.say(format!("CREATE TEXT SEARCH DICTIONARY {schema}.{dictionary} (TEMPLATE = {template})"));
    maker.say(format!("CREATE TEXT SEARCH CONFIGURATION {schema}.{configuration} (COPY = simple)"));
    maker.say(format!(
        "ALTER TEXT SEARCH CONFIGURATION {schema}.{configuration} ALTER MAPPING FOR word, asciiword WITH {schema}.{dictionary}, simple"
    ));
    let table = maker.name("found_");
    let with = format!("'{schema}.{configuration}'");
    maker.say(format!("CREATE TABLE {schema}.{table} (id bigserial PRIMARY KEY, body text, found tsvector GENERATED ALWAYS AS (to_tsvector({with}::regconfig, coalesce(body, ''))) STORED)"));
    maker.say(format!("CREATE INDEX ON {schema}.{table} USING gin (found)"));
    if maker.often(3) {
        maker.say(format!("CREATE INDEX ON {schema}.{table} USING gin (to_tsvector({with}::regconfig, body))"));
    }
    maker.tables.push(plain(&schema, &table, &[("id", "bigint"), ("body", "text")], &["id"]));
}

fn plain(schema: &str, name: &str, columns: &[(&str, &str)], key: &[&str]) -> Table {
    let column = |(name, kind): &(&str, &str)| Column {
        name: (*name).to_owned(),
        kind: (*kind).to_owned(),
        is_generated: false,
    };
    Table {
        name: format!("{schema}.{name}"),
        columns: columns.iter().map(column).collect(),
        key: key.iter().map(|name| (*name).to_owned()).collect(),
        is_partitioned: false,
        is_unlogged: false,
    }
}

/// Names that nobody had to quote.
fn words(maker: &mut Maker) {
    let (schema, table) = (maker.schema(), maker.name("said_"));
    let (one, other) = (maker.pick(&NEW_WORDS), maker.pick(&["period", "plan", "nested", "keep"]));
    let (function, kind) = (maker.name("read_"), maker.pick(&["json", "jsonb", "text"]));
    maker.say(format!(
        "CREATE TABLE {schema}.{table} (id int PRIMARY KEY, {one} text CHECK ({one} <> 'zz'), {other} int DEFAULT 1)"
    ));
    maker.say(format!("CREATE INDEX ON {schema}.{table} ({one}, ({other} + 1))"));
    maker.say(format!(
        "CREATE FUNCTION {schema}.{function}({one} {kind}) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'"
    ));
    if maker.often(5) {
        let view = maker.name("said_");
        maker.say(format!(
            "CREATE VIEW {schema}.{view} AS SELECT {one}, count(*) AS {other} FROM {schema}.{table} GROUP BY {one}"
        ));
    }
    maker.tables.push(plain(&schema, &table, &[("id", "int"), (one, "text"), (other, "int")], &["id"]));
}

fn of_type(maker: &mut Maker) {
    let (schema, kind, table) = (maker.schema(), maker.name("row_"), maker.name("typed_"));
    maker.say(format!("CREATE TYPE {schema}.{kind} AS (id int, note varchar(20), at timestamptz)"));
    maker.say(format!("CREATE TABLE {schema}.{table} OF {schema}.{kind} (PRIMARY KEY (id), note WITH OPTIONS DEFAULT 'n' CHECK (note <> 'zz'))"));
    maker.tables.push(plain(
        &schema,
        &table,
        &[("id", "int"), ("note", "varchar(20)"), ("at", "timestamptz")],
        &["id"],
    ));
}

/// Without a key, and with values that have no equality.
fn log(maker: &mut Maker) {
    let (schema, table) = (maker.schema(), maker.name("log_"));
    let unlogged = if maker.often(3) { "UNLOGGED " } else { "" };
    let kind = maker.pick(&["json", "xml", "point", "json[]"]);
    maker.say(format!(
        "CREATE {unlogged}TABLE {schema}.{table} (at timestamptz DEFAULT now(), body {kind}, level text)"
    ));
    let mut made = plain(&schema, &table, &[("at", "timestamptz"), ("level", "text")], &[]);
    made.is_unlogged = !unlogged.is_empty();
    maker.tables.push(made);
}

fn by_text(maker: &mut Maker) {
    let (schema, root) = (maker.schema(), maker.name("text_"));
    let kind = maker.pick(&["text", "varchar(30)", "text COLLATE \"C\""]);
    maker.say(format!("CREATE TABLE {schema}.{root} (name {kind} NOT NULL, n int) PARTITION BY RANGE (name)"));
    for (low, high) in [("MINVALUE", "'G'"), ("'G'", "'Q'"), ("'q'", "MAXVALUE")] {
        let part = maker.name("part_");
        maker.say(format!(
            "CREATE TABLE {schema}.{part} PARTITION OF {schema}.{root} FOR VALUES FROM ({low}) TO ({high})"
        ));
    }
    let rest = maker.name("rest_");
    maker.say(format!("CREATE TABLE {schema}.{rest} PARTITION OF {schema}.{root} DEFAULT"));
    let mut made = plain(&schema, &root, &[("name", "text"), ("n", "int")], &[]);
    made.is_partitioned = true;
    maker.tables.push(made);
}

fn large_objects(maker: &mut Maker) {
    let (schema, table) = (maker.schema(), maker.name("file_"));
    maker.say(format!("CREATE TABLE {schema}.{table} (id bigserial PRIMARY KEY, content oid, note text)"));
    for number in 0..1 + maker.below(3) {
        maker.say(format!(
            "INSERT INTO {schema}.{table} (content, note) VALUES (lo_from_bytea({}, decode(repeat('00ff{number}a', 900), 'hex')), 'x')",
            50_000 + number
        ));
    }
    if let Some(role) = maker.role() {
        maker.say(format!("GRANT SELECT ON LARGE OBJECT 50000 TO {role}"));
    }
    maker.tables.push(plain(&schema, &table, &[("id", "bigint"), ("note", "text")], &["id"]));
}

fn foreign(maker: &mut Maker) {
    let (server, table, schema) = (maker.name("far_"), maker.name("away_"), maker.schema());
    maker.say("CREATE EXTENSION postgres_fdw SCHEMA public");
    maker.say(format!(
        "CREATE SERVER {server} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1', dbname 'it''s far')"
    ));
    if maker.often(5) {
        maker
            .say(format!("CREATE USER MAPPING FOR CURRENT_USER SERVER {server} OPTIONS (user 'u', password 'secret')"));
    }
    maker.say(format!("CREATE FOREIGN TABLE {schema}.{table} (id int OPTIONS (column_name 'nr'), note text DEFAULT 'x') SERVER {server} OPTIONS (table_name 'far')"));
    if let Some(role) = maker.role() {
        maker.say(format!("GRANT USAGE ON FOREIGN SERVER {server} TO {role}"));
    }
}

/// XML by itself, in arrays, in types of several parts.
fn letters(maker: &mut Maker) {
    let (schema, kind, table) = (maker.schema(), maker.name("enclosed_"), maker.name("letter_"));
    maker.say(format!("CREATE TYPE {schema}.{kind} AS (doc xml, price money, gone int, size int)"));
    maker.say(format!("CREATE TABLE {schema}.{table} (id int PRIMARY KEY, doc xml, kept {schema}.{kind}, list {schema}.{kind}[], many xml[])"));
    for (id, doc) in
        ["<?xml version=\"1.0\"?>\n\n<a/>", "\n\n<a/>", "<?xml version=\"1.0\" standalone=\"yes\"?><a/>", "<a/>"]
            .into_iter()
            .enumerate()
    {
        maker.say(format!("INSERT INTO {schema}.{table} SELECT {id}, d, ROW(d, {id}.5::money, 1, 2)::{schema}.{kind}, ARRAY[ROW(d, NULL, 1, 2)]::{schema}.{kind}[], ARRAY[d, NULL] FROM (SELECT '{doc}'::xml AS d) AS q"));
    }
    maker.say(format!("ALTER TYPE {schema}.{kind} DROP ATTRIBUTE gone"));
    maker.tables.push(plain(&schema, &table, &[("id", "int")], &["id"]));
}
