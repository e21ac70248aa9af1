//! Functions in sql and plpgsql, and what acts by itself: triggers, rules, policies, event triggers.

use super::maker::{Maker, NUMBERS, TEXTS, Table};

pub fn functions(maker: &mut Maker) {
    maker.say("CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN coalesce(NEW, OLD); END; $$");
    for _ in 0..maker.below(4) {
        function(maker);
    }
}

fn function(maker: &mut Maker) {
    let (schema, name) = (maker.schema(), maker.name("f_"));
    let full = format!("{schema}.{name}");
    let statement = match maker.below(9) {
        0 => format!(
            "CREATE FUNCTION {full}(varchar) RETURNS boolean LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT $1 IN ('open', 'done'); END"
        ),
        1 => format!("CREATE FUNCTION {full}(a int, b text DEFAULT 'x') RETURNS text LANGUAGE sql RETURN a || b"),
        2 => format!(
            "CREATE FUNCTION {full}(n int) RETURNS int LANGUAGE plpgsql SET search_path = public, pg_temp SET work_mem TO '5MB' AS 'BEGIN RETURN n + 1; END'"
        ),
        3 => format!(
            "CREATE FUNCTION {full}(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER AS $f$ SELECT 1, 'x' $f$"
        ),
        4 => format!("CREATE PROCEDURE {full}(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN n := n * 2; COMMIT; END $$"),
        5 => format!(
            "CREATE FUNCTION {full}(VARIADIC list text[]) RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 7 AS 'SELECT cardinality($1)'"
        ),
        6 => format!(
            "CREATE FUNCTION {full}() RETURNS TABLE (k text, v int) LANGUAGE plpgsql ROWS 5 AS $$ BEGIN RETURN QUERY SELECT 'a', 1; END $$"
        ),
        7 => format!("CREATE AGGREGATE {full}(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')"),
        _ => format!(
            "CREATE FUNCTION {full}(anyelement, anyarray) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = ANY ($2)'"
        ),
    };
    maker.say(statement);
}

pub fn actions(maker: &mut Maker) {
    for table in maker.tables.clone() {
        if maker.often(3) {
            trigger(maker, &table);
        }
        if maker.often(2) {
            policies(maker, &table);
        }
        if maker.often(1) {
            rule(maker, &table);
        }
    }
    if maker.often(1) {
        maker.say("CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$");
        let (name, tag) = (maker.name("ev_"), maker.pick(&["", " WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')"]));
        maker.say(format!("CREATE EVENT TRIGGER {name} ON ddl_command_end{tag} EXECUTE FUNCTION public.watch()"));
    }
    if maker.often(2)
        && let Some(table) = maker.table()
    {
        let name = maker.name("pub_");
        maker.say(format!("CREATE PUBLICATION {name} FOR TABLE {} WITH (publish = 'insert, update')", table.name));
    }
}

fn trigger(maker: &mut Maker, table: &Table) {
    let (of, name) = (&table.name, maker.name("t_"));
    let (text, number) = (maker.column(table, &TEXTS), maker.column(table, &NUMBERS));
    let statement = match (maker.below(5), text, number) {
        (0, Some(t), _) => format!(
            "CREATE TRIGGER {name} BEFORE UPDATE ON {of} FOR EACH ROW WHEN (NEW.{t} IN ('open', 'done')) EXECUTE FUNCTION public.touch()"
        ),
        (1, Some(t), _) => format!(
            "CREATE TRIGGER {name} AFTER UPDATE OF {t} ON {of} FOR EACH ROW WHEN (OLD.{t} IS DISTINCT FROM NEW.{t}) EXECUTE FUNCTION public.touch()"
        ),
        (2, ..) => format!(
            "CREATE TRIGGER {name} AFTER INSERT OR DELETE ON {of} FOR EACH STATEMENT EXECUTE PROCEDURE public.touch('a', 'it''s')"
        ),
        (3, _, Some(n)) => format!(
            "CREATE TRIGGER {name} BEFORE INSERT ON {of} FOR EACH ROW WHEN (NEW.{n} BETWEEN 1 AND 5 AND pg_trigger_depth() = 0) EXECUTE FUNCTION public.touch()"
        ),
        (4, ..) => format!(
            "CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON {of} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.touch()"
        ),
        _ => return,
    };
    maker.say(statement);
    if maker.often(2) {
        let how = maker.pick(&["DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA"]);
        maker.say(format!("ALTER TABLE {of} {how} TRIGGER {name}"));
    }
}

fn policies(maker: &mut Maker, table: &Table) {
    let of = &table.name;
    maker.say(format!("ALTER TABLE {of} ENABLE ROW LEVEL SECURITY"));
    if maker.often(3) {
        maker.say(format!("ALTER TABLE {of} FORCE ROW LEVEL SECURITY"));
    }
    let to = maker.role().map_or(String::new(), |role| format!(" TO {role}, CURRENT_USER"));
    let name = maker.name("p_");
    if let Some(text) = maker.column(table, &TEXTS) {
        maker.say(format!("CREATE POLICY {name} ON {of} AS RESTRICTIVE FOR SELECT{to} USING ({text} IN ('open', 'done') OR {text} = current_user)"));
    }
    let name = maker.name("p_");
    let inner = maker.table().unwrap().name;
    maker.say(format!(
        "CREATE POLICY {name} ON {of} USING (true) WITH CHECK (EXISTS (SELECT FROM {inner} i WHERE i IS NOT NULL))"
    ));
}

fn rule(maker: &mut Maker, table: &Table) {
    if table.is_partitioned {
        return;
    }
    let (of, name) = (&table.name, maker.name("r_"));
    let statement = match maker.column(table, &TEXTS) {
        Some(text) => format!(
            "CREATE RULE {name} AS ON UPDATE TO {of} WHERE NEW.{text} IN ('never', 'ever') DO ALSO DELETE FROM {of} WHERE false AND 'x' IN ('y', 'z')"
        ),
        None => format!("CREATE RULE {name} AS ON DELETE TO {of} WHERE false DO INSTEAD NOTHING"),
    };
    maker.say(statement);
    if let Some(view) = maker.one(&maker.views.clone()) {
        let name = maker.name("r_");
        maker.say(format!("CREATE RULE {name} AS ON INSERT TO {view} DO INSTEAD SELECT 1 IN (1, 2) AS yes"));
    }
}
