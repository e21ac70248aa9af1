//! Rows for tables that nobody here made: values by type, those of CHECKs and enums among them, foreign keys to rows that
//! are there. What the server refuses is tried with other values, and then left out.

mod kinds;

use std::collections::HashMap;

use rand::prelude::*;
use tokio_postgres::Client;

use kinds::Kinds;

const TRIES: usize = 12;

/// In the order in which rows can come: those that are referenced first, as far as there is one.
const TABLES: &str = "
    SELECT c.oid::bigint, format('%I.%I', n.nspname, c.relname),
           ARRAY(SELECT k.confrelid::bigint FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid),
           EXISTS (SELECT FROM pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f'),
           EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('u', 'p', 'x') AND k.condeferrable)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence IN ('p', 'u')
       AND n.nspname !~ '^(pg_|information_schema$|infra_)'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY 2";
const COLUMNS: &str = "
    SELECT a.attrelid::bigint, a.attname::text, a.atttypid::bigint, a.attnotnull OR not_null.domain, d.oid IS NOT NULL OR a.attidentity <> '',
           a.attidentity = 'a' OR a.attgenerated <> '', format_type(a.atttypid, a.atttypmod),
           coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k
                      WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)), '')
             || coalesce((SELECT string_agg(pg_get_expr(p.relpartbound, p.oid), ' ') FROM pg_partition_tree(a.attrelid) AS t JOIN pg_class p ON p.oid = t.relid), '')
      FROM pg_attribute a LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum),
           LATERAL (WITH RECURSIVE base AS (SELECT a.atttypid AS oid
                      UNION SELECT t.typbasetype FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype = 'd')
                    SELECT bool_or(t.typnotnull) AS domain FROM base JOIN pg_type t ON t.oid = base.oid) AS not_null
     WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";
const KEYS: &str = "
    SELECT k.conrelid::bigint, k.confrelid::regclass::text, k.confrelid = k.conrelid,
           ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(n, o) JOIN pg_attribute a ON (a.attrelid, a.attnum) = (k.conrelid, u.n) ORDER BY o),
           ARRAY(SELECT format('%I', a.attname) FROM unnest(k.confkey) WITH ORDINALITY AS u(n, o) JOIN pg_attribute a ON (a.attrelid, a.attnum) = (k.confrelid, u.n) ORDER BY o)
      FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0";

struct Table {
    oid: i64,
    name: String,
    needs: Vec<i64>,
    is_referenced: bool,
    /// Uniqueness that triggers look after.
    is_deferrable: bool,
    columns: Vec<Column>,
    keys: Vec<Key>,
}

struct Column {
    name: String,
    type_oid: i64,
    type_name: String,
    not_null: bool,
    has_default: bool,
    is_computed: bool,
    /// What the checks that name it and the bounds of partitions say.
    literals: Vec<String>,
}

struct Key {
    to: String,
    to_itself: bool,
    columns: Vec<String>,
    referenced: Vec<String>,
}

/// So many rows a table, as far as it takes them. Returns how many there are, and the tables that took none, with what the
/// server said at last.
pub async fn fill(client: &Client, seed: u64, rows: usize) -> (usize, Vec<String>) {
    let mut random = StdRng::seed_from_u64(seed);
    // Triggers and foreign keys are the application's own; here rows are what is wanted.
    client.batch_execute("SET session_replication_role = replica; SET statement_timeout = '20s'").await.unwrap();
    let kinds = Kinds::read(client).await;
    let (mut filled, mut empty) = (0, vec![]);
    for table in ordered(tables(client).await) {
        let (mut there, mut said) = (0, String::new());
        for _ in 0..rows {
            for _ in 0..TRIES {
                match run(client, &table, &insert(&table, &kinds, &mut random)).await {
                    Ok(()) => {
                        there += 1;
                        break;
                    }
                    Err(error) => said = error.as_db_error().map_or(error.to_string(), ToString::to_string),
                }
            }
        }
        filled += there;
        let has_rows = client.query_one(&format!("SELECT EXISTS (SELECT FROM {})", table.name), &[]).await;
        if there == 0 && !has_rows.is_ok_and(|row| row.get(0)) {
            empty.push(format!("{} ({said})", table.name));
        }
    }
    for _ in 0..3 {
        mend_keys(client).await;
    }
    (filled, empty)
}

async fn run(client: &Client, table: &Table, statement: &str) -> Result<(), tokio_postgres::Error> {
    if !table.is_deferrable {
        return client.batch_execute(statement).await;
    }
    let result =
        client.batch_execute(&format!("BEGIN; SET LOCAL session_replication_role = origin; {statement}; COMMIT")).await;
    if result.is_err() {
        client.batch_execute("ROLLBACK").await?;
    }
    result
}

/// Keys in circles and keys that share a column may have been given rows that do not fit together: each is pointed to a row
/// that is there, and what cannot be goes.
async fn mend_keys(client: &Client) {
    let each = "DO $$ DECLARE k record; h record; BEGIN
        FOR k IN SELECT conrelid::regclass AS here, confrelid::regclass AS there,
            (SELECT string_agg(format('h.%I IS NOT NULL', a.attname), ' AND ') FROM unnest(conkey) AS n
               JOIN pg_attribute a ON (a.attrelid, a.attnum) = (conrelid, n)) AS set,
            (SELECT string_agg(format('h.%I = t.%I', a.attname, b.attname), ' AND ') FROM unnest(conkey, confkey) AS u(n, m)
               JOIN pg_attribute a ON (a.attrelid, a.attnum) = (conrelid, u.n) JOIN pg_attribute b ON (b.attrelid, b.attnum) = (confrelid, u.m)) AS same,
            (SELECT string_agg(format('%I = t.%I', a.attname, b.attname), ', ') FROM unnest(conkey, confkey) AS u(n, m)
               JOIN pg_attribute a ON (a.attrelid, a.attnum) = (conrelid, u.n) JOIN pg_attribute b ON (b.attrelid, b.attnum) = (confrelid, u.m)) AS assigned
          FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 LOOP
          BEGIN
            FOR h IN EXECUTE format('SELECT h.tableoid AS part, h.ctid AS place FROM %s AS h WHERE %s AND NOT EXISTS (SELECT FROM %s AS t WHERE %s)', k.here, k.set, k.there, k.same) LOOP
              BEGIN
                EXECUTE format('UPDATE %s AS h SET %s FROM (SELECT * FROM %s ORDER BY random() LIMIT 1) AS t
                  WHERE (h.tableoid, h.ctid) = ($1, $2)', k.here, k.assigned, k.there) USING h.part, h.place;
              EXCEPTION WHEN others THEN NULL; END;
            END LOOP;
            EXECUTE format('DELETE FROM %s AS h WHERE %s AND NOT EXISTS (SELECT FROM %s AS t WHERE %s)', k.here, k.set, k.there, k.same);
          EXCEPTION WHEN others THEN NULL; END;
        END LOOP; END $$";
    client.batch_execute(each).await.unwrap();
}

/// As the application would. What cannot be made of generated rows is left as a view that nobody has filled.
pub async fn refresh(client: &Client) {
    let each = "DO $$ DECLARE v regclass; BEGIN
        FOR v IN SELECT oid FROM pg_class WHERE relkind = 'm' AND relnamespace::regnamespace::text !~ '^(pg_|infra_)' ORDER BY oid LOOP
          BEGIN EXECUTE format('REFRESH MATERIALIZED VIEW %s', v);
          EXCEPTION WHEN others THEN EXECUTE format('REFRESH MATERIALIZED VIEW %s WITH NO DATA', v); END;
        END LOOP; END $$";
    client.batch_execute(each).await.unwrap();
}

/// Other values in some rows, and some rows less. Returns how often replication had no way to name the row.
pub async fn change(client: &Client, seed: u64) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    client.batch_execute("SET session_replication_role = replica; SET statement_timeout = '20s'").await.unwrap();
    let kinds = Kinds::read(client).await;
    let mut refused = 0;
    for table in tables(client).await {
        let in_keys: Vec<&String> = table.keys.iter().flat_map(|key| &key.columns).collect();
        let free = table.columns.iter().filter(|column| !column.is_computed && !in_keys.contains(&&column.name));
        let Some(column) = free.choose(&mut random) else { continue };
        let value = kinds.value(column.type_oid, &column.literals, &mut random).unwrap_or_else(|| "NULL".to_owned());
        let some = format!("(tableoid, ctid) = (SELECT tableoid, ctid FROM {} ORDER BY random() LIMIT 1)", table.name);
        let mut statements = vec![format!(
            "UPDATE {} SET {} = {value}::{} WHERE {some}",
            table.name,
            quoted(&column.name),
            column.type_name
        )];
        if !table.is_referenced {
            statements.push(format!("DELETE FROM {} WHERE {some}", table.name));
        }
        for statement in statements {
            let result = run(client, &table, &statement).await;
            let code = result.as_ref().err().and_then(|error| error.code()).map(|code| code.code().to_owned());
            refused += usize::from(code.as_deref() == Some("55000"));
        }
    }
    // What others point to may have been changed too, and no trigger followed it.
    for _ in 0..3 {
        mend_keys(client).await;
    }
    refused
}

fn insert(table: &Table, kinds: &Kinds, random: &mut StdRng) -> String {
    let mut values: Vec<(&str, String)> = vec![];
    // Checks of which of some columns are set are met by rows with few of them, or with nearly all.
    let nulls = *[0.05, 0.2, 0.6, 0.95].choose(random).unwrap();
    for column in table.columns.iter().filter(|column| !column.is_computed) {
        let omitted = column.has_default && random.random_bool(0.6);
        if omitted || table.keys.iter().any(|key| key.columns.contains(&column.name)) {
            continue;
        }
        let null = !column.not_null && random.random_bool(nulls);
        let value = (!null).then(|| kinds.value(column.type_oid, &column.literals, random)).flatten();
        values.push((
            column.name.as_str(),
            value.map_or("NULL".to_owned(), |value| format!("{value}::{}", column.type_name)),
        ));
    }
    let mut from = String::new();
    for (number, key) in table.keys.iter().enumerate() {
        let needed = |own: &str| table.columns.iter().find(|column| column.name == own && column.not_null);
        let is_needed = key.columns.iter().any(|own| needed(own).is_some());
        if key.to_itself && !is_needed && random.random_bool(0.7) {
            continue;
        }
        let fresh: Vec<_> = key
            .columns
            .iter()
            .zip(&key.referenced)
            .filter(|(own, _)| !values.iter().any(|(name, _)| name == own))
            .collect();
        if fresh.is_empty() {
            continue;
        }
        let columns: Vec<_> =
            fresh.iter().map(|(_, there)| format!("{there} AS \"{number}_{}\"", there.trim_matches('"'))).collect();
        from.push_str(&format!(
            " LEFT JOIN (SELECT {} FROM {} ORDER BY random() LIMIT 1) AS k{number} ON true",
            columns.join(", "),
            key.to
        ));
        for (own, there) in fresh {
            let there = format!("k{number}.\"{number}_{}\"", there.trim_matches('"'));
            // In a circle nothing is there yet: any value will do until all tables have rows. And a join's null gets past a domain
            // that takes none.
            let any = needed(own).and_then(|column| {
                let value = kinds.value(column.type_oid, &column.literals, random)?;
                Some(format!("coalesce({there}, {value}::{})", column.type_name))
            });
            values.push((own.as_str(), any.unwrap_or(there)));
        }
    }
    if values.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", table.name);
    }
    let names: Vec<_> = values.iter().map(|(name, _)| quoted(name)).collect();
    let values: Vec<_> = values.iter().map(|(_, value)| value.as_str()).collect();
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM (SELECT 1) AS one{from}",
        table.name,
        names.join(", "),
        values.join(", ")
    )
}

async fn tables(client: &Client) -> Vec<Table> {
    let mut columns: HashMap<i64, Vec<Column>> = HashMap::new();
    for row in client.query(COLUMNS, &[]).await.unwrap() {
        columns.entry(row.get(0)).or_default().push(Column {
            name: row.get(1),
            type_oid: row.get(2),
            not_null: row.get(3),
            has_default: row.get(4),
            is_computed: row.get(5),
            type_name: row.get(6),
            literals: kinds::literals(row.get(7)),
        });
    }
    let mut keys: HashMap<i64, Vec<Key>> = HashMap::new();
    for row in client.query(KEYS, &[]).await.unwrap() {
        let key = Key { to: row.get(1), to_itself: row.get(2), columns: row.get(3), referenced: row.get(4) };
        keys.entry(row.get(0)).or_default().push(key);
    }
    let rows = client.query(TABLES, &[]).await.unwrap();
    rows.iter()
        .map(|row| {
            let oid = row.get(0);
            Table {
                oid,
                name: row.get(1),
                needs: row.get(2),
                is_referenced: row.get(3),
                is_deferrable: row.get(4),
                columns: columns.remove(&oid).unwrap_or_default(),
                keys: keys.remove(&oid).unwrap_or_default(),
            }
        })
        .collect()
}

/// Circles stay as they are: their keys are null, or the table stays empty.
fn ordered(mut tables: Vec<Table>) -> Vec<Table> {
    let mut found: Vec<Table> = vec![];
    loop {
        let waits = |table: &Table| table.needs.iter().any(|need| tables.iter().any(|other| other.oid == *need));
        let ready: Vec<bool> = tables.iter().map(|table| !waits(table)).collect();
        if !ready.contains(&true) {
            found.extend(tables);
            return found;
        }
        let mut ready = ready.into_iter();
        let (now, later) = tables.into_iter().partition(|_| ready.next().unwrap());
        found.extend::<Vec<Table>>(now);
        tables = later;
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
