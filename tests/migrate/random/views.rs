//! Views and materialized views, with what the server prints otherwise than it was written.

use super::maker::{Maker, NUMBERS, TEXTS, TIMES, Table};

pub fn views(maker: &mut Maker) {
    for _ in 0..2 + maker.below(6) {
        view(maker);
    }
}

fn view(maker: &mut Maker) {
    let Some(table) = maker.table() else { return };
    let Some(query) = query(maker, &table) else { return };
    let (schema, name) = (maker.schema(), maker.name("v_"));
    let full = format!("{schema}.{name}");
    if maker.often(3) {
        let data = if maker.often(1) { " WITH NO DATA" } else { "" };
        maker.say(format!("CREATE MATERIALIZED VIEW {full} AS {query}{data}"));
        return;
    }
    let with = maker.pick(&["", "", " WITH (security_barrier)", " WITH (security_invoker = true)"]);
    maker.say(format!("CREATE VIEW {full}{with} AS {query}"));
    maker.views.push(full.clone());
    if maker.often(2) {
        let outer = maker.name("v_");
        maker.say(format!("CREATE VIEW {schema}.{outer} AS SELECT count(*), max(w::text) AS most FROM {full} AS w"));
    }
    if maker.often(2) {
        maker.say(format!("COMMENT ON VIEW {full} IS 'a view'"));
    }
}

fn query(maker: &mut Maker, table: &Table) -> Option<String> {
    let of = table.name.clone();
    let other = maker.table()?.name;
    let any = maker.one(&table.columns)?.name;
    let (text, number, time) =
        (maker.column(table, &TEXTS), maker.column(table, &NUMBERS), maker.column(table, &TIMES));
    let query = match (maker.below(18), text, number, time) {
        (0, Some(t), ..) => format!("SELECT {t} FROM {of} WHERE {t} IN ('open', 'done') OR {t} IS DISTINCT FROM 'x'"),
        (1, Some(t), ..) => format!("SELECT *, CASE {t} WHEN 'a' THEN 1 WHEN 'b' THEN 2 END AS coded FROM {of}"),
        (2, ..) => format!("SELECT a.{any} AS left_one, count(*) FROM {of} a JOIN {of} b USING ({any}) GROUP BY 1"),
        (3, ..) => "SELECT kind, 1 AS n FROM (SELECT 'x' AS kind UNION SELECT 'y' UNION ALL SELECT NULL) AS q".to_owned(),
        (4, _, Some(n), _) => format!("SELECT {n}, row_number() OVER w, sum({n}) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {of} WINDOW w AS (ORDER BY {n} DESC NULLS LAST)"),
        (5, Some(t), Some(n), _) => format!("WITH c AS MATERIALIZED (SELECT {t} AS t, {n} AS n FROM {of}), d AS (SELECT * FROM c WHERE n > 1) SELECT d.t, c.n FROM c LEFT JOIN d ON d.n = c.n"),
        (6, ..) => "WITH RECURSIVE r (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n, 'z' AS z FROM r".to_owned(),
        (7, _, Some(n), _) => format!("SELECT NULLIF({n}, 0) AS n, coalesce({n}, -1), greatest({n}, 2), ARRAY(SELECT {n} FROM {of} ORDER BY 1) AS all_n FROM {of}"),
        (8, ..) => format!("SELECT w AS whole, (w).{any} AS part, w.* FROM {of} AS w"),
        (9, _, _, Some(at)) => format!("SELECT date_trunc('day', {at}) AS day, count(*) FILTER (WHERE {at} > '2020-01-01') FROM {of} GROUP BY 1 HAVING count(*) > 0"),
        (10, ..) => format!("SELECT o.* FROM {of} o WHERE EXISTS (SELECT 1 FROM {other}) AND NOT EXISTS (SELECT FROM {other} i WHERE false)"),
        (11, Some(t), ..) => format!("SELECT string_agg({t}, ',' ORDER BY {t} COLLATE \"C\" DESC) AS list, array_agg(DISTINCT {t}) FROM {of}"),
        (12, Some(t), ..) => format!("SELECT f.word, count(*) FROM {of}, LATERAL regexp_split_to_table({t}, '\\s+') WITH ORDINALITY AS f(word, place) GROUP BY f.word"),
        (13, Some(t), Some(n), _) => format!("SELECT {t}, {n}, grouping({t}) FROM {of} GROUP BY ROLLUP ({t}, {n})"),
        (14, Some(t), ..) => format!("SELECT {t} FROM {of} WHERE {t} LIKE 'a%' OR {t} ~* 'b' OR {t} SIMILAR TO '(x|y)%' OR {t} ILIKE ANY (ARRAY['q%', 'r%'])"),
        (15, Some(t), Some(n), _) => format!("SELECT ({t}, {n}) = ('a', 1) AS same, {n}::text || {t} AS joined, {n} BETWEEN SYMMETRIC 5 AND 1 AS between FROM {of}"),
        (16, ..) => "SELECT a.x, b.y FROM (VALUES (1, 'a'), (2, NULL)) AS a (x, k) FULL JOIN (VALUES ('a', now())) AS b (k, y) USING (k)".to_owned(),
        (17, _, Some(n), _) => format!("SELECT {n} AS a FROM {of} UNION ALL SELECT NULL EXCEPT SELECT 5 ORDER BY 1 LIMIT 10 OFFSET 0"),
        _ => return None,
    };
    Some(query)
}
