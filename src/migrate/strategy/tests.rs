//! Conversions of small examples, as real servers describe them.

use std::collections::BTreeSet;

use super::bucket::{NamedRelation, Rewriter};
use super::items::in_order;
use super::policy::interval;
use crate::migrate::catalog::{Oid, QualifiedName};
use crate::migrate::schema::{DumpId, Item};
use crate::migrate::timescale::{Hypertable, Range, Time, converted};

const DAY: i64 = 86_400_000_000;
/// 2026-01-01 in UTC.
const NEW_YEAR: i64 = 1_767_225_600_000_000;

fn range(from: i64, to: i64) -> Range {
    Range { from, to, chunks: 1, compressed: 0, stored_bytes: 10, bytes: 10 }
}

fn hypertable(column_type: &str, interval: i64, ranges: Vec<Range>) -> Hypertable {
    Hypertable {
        name: QualifiedName::new("s", "Readings"),
        column: "at".into(),
        column_type: column_type.into(),
        interval,
        further: vec![],
        ranges,
    }
}

/// Name, bound and condition of each partition.
fn partitions(hypertable: &Hypertable) -> Vec<(String, String, String)> {
    let time = Time::of(&hypertable.column_type).unwrap();
    let made = converted(hypertable, time, &mut BTreeSet::new()).partitions;
    made.into_iter().map(|one| (one.name.name, one.bound, one.condition)).collect()
}

fn triple(name: &str, bound: &str, condition: &str) -> (String, String, String) {
    (name.into(), bound.into(), condition.into())
}

#[test]
fn a_partition_for_each_chunk_and_one_for_what_lies_between() {
    let ranges = vec![range(NEW_YEAR + 2 * DAY, NEW_YEAR + 3 * DAY), range(NEW_YEAR, NEW_YEAR + DAY)];
    let expected = [
        triple(
            "Readings_p20260101",
            "FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-01-02 00:00:00+00')",
            "\"at\" >= '2026-01-01 00:00:00+00' AND \"at\" < '2026-01-02 00:00:00+00'",
        ),
        triple(
            "Readings_p20260103",
            "FOR VALUES FROM ('2026-01-03 00:00:00+00') TO ('2026-01-04 00:00:00+00')",
            "\"at\" >= '2026-01-03 00:00:00+00' AND \"at\" < '2026-01-04 00:00:00+00'",
        ),
        triple(
            "Readings_default",
            "DEFAULT",
            "(\"at\" < '2026-01-01 00:00:00+00') OR (\"at\" >= '2026-01-02 00:00:00+00' AND \"at\" < '2026-01-03 00:00:00+00') \
             OR (\"at\" >= '2026-01-04 00:00:00+00')",
        ),
    ];
    assert_eq!(partitions(&hypertable("timestamp with time zone", DAY, ranges)), expected);
}

#[test]
fn neighbours_leave_no_gap_and_what_overlaps_becomes_one() {
    let ranges = vec![range(-100, 0), range(0, 100), range(50, 120)];
    let expected = [
        triple("Readings_p-100", "FOR VALUES FROM ('-100') TO ('0')", "\"at\" >= '-100' AND \"at\" < '0'"),
        triple("Readings_p0", "FOR VALUES FROM ('0') TO ('120')", "\"at\" >= '0' AND \"at\" < '120'"),
        triple("Readings_default", "DEFAULT", "(\"at\" < '-100') OR (\"at\" >= '120')"),
    ];
    assert_eq!(partitions(&hypertable("bigint", 100, ranges)), expected);
    let endless = vec![range(i64::MIN, i64::MAX)];
    let found = partitions(&hypertable("bigint", 100, endless));
    assert_eq!(found[0].1, "FOR VALUES FROM (MINVALUE) TO (MAXVALUE)");
    assert_eq!((found[0].2.as_str(), found[1].2.as_str()), ("true", "false"));
    assert_eq!(partitions(&hypertable("date", DAY, vec![])), [triple("Readings_default", "DEFAULT", "(true)")]);
}

#[test]
fn a_range_that_no_bound_can_say_is_the_default_partitions() {
    // The year 12000, after which PostgreSQL goes on and the calendar of this program does not.
    let far = 316_517_328_000_000_000;
    let found = partitions(&hypertable("timestamp with time zone", DAY, vec![range(far, far + DAY)]));
    assert_eq!(found, [triple("Readings_default", "DEFAULT", "(true)")]);
}

#[test]
fn bounds_are_written_in_the_columns_own_type() {
    let half = vec![range(NEW_YEAR + DAY / 2, NEW_YEAR + DAY)];
    let bound = |of: &str| partitions(&hypertable(of, DAY / 2, half.clone()))[0].1.clone();
    assert_eq!(
        partitions(&hypertable("date", DAY, vec![range(NEW_YEAR, NEW_YEAR + DAY / 2)]))[0].1,
        "FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')"
    );
    assert_eq!(
        bound("timestamp without time zone"),
        "FOR VALUES FROM ('2026-01-01 12:00:00') TO ('2026-01-02 00:00:00')"
    );
    assert_eq!(partitions(&hypertable("timestamp with time zone", DAY / 2, half))[0].0, "Readings_p20260101_120000");
    assert_eq!(Time::of("uuid"), None);
}

#[test]
fn names_fit_and_are_nobody_elses() {
    let long = "ä".repeat(30);
    let table = Hypertable {
        name: QualifiedName::new("s", long.clone()),
        ..hypertable("timestamp with time zone", DAY, vec![range(NEW_YEAR, NEW_YEAR + DAY)])
    };
    let mut taken = BTreeSet::from([("s".to_owned(), format!("{}_default", "ä".repeat(27)))]);
    let names: Vec<String> =
        converted(&table, Time::Zoned, &mut taken).partitions.into_iter().map(|one| one.name.name).collect();
    assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
    assert_eq!(names, [format!("{}_p20260101", "ä".repeat(26)), format!("{}_default_2", "ä".repeat(26))]);
}

fn rewrite(sql: &str) -> Result<String, Vec<String>> {
    let times = [
        ("at", Time::Zoned),
        ("local", Time::Local),
        ("with \"quotes\" and space", Time::Local),
        ("Day", Time::Date),
        ("n", Time::Number),
    ];
    let functions = ["first", "time_bucket", "time_bucket_gapfill"].map(str::to_owned);
    let relation = |name: &str, columns: Vec<(String, Option<Time>)>| NamedRelation {
        name: QualifiedName::new("s", name),
        columns,
    };
    let known = times.map(|(name, time)| (name.to_owned(), Some(time))).to_vec();
    let relations = vec![relation("t", known), relation("other", vec![("at".into(), Some(Time::Date))])];
    let rewriter = Rewriter { schema: "public", functions: &functions, relations };
    let rewritten = rewriter.rewrite(&format!("{sql} FROM s.t"));
    rewritten.map(|rewritten| rewritten.sql.trim_end_matches(" FROM s.t").to_owned())
}

#[test]
fn buckets_become_what_every_server_has() {
    let cases = [
        (
            r#"SELECT public.time_bucket('1 day'::interval, "Readings".at) AS day, 'public.time_bucket(' GROUP BY (public.time_bucket('1 day'::interval, at))"#,
            r#"SELECT date_bin('1 day'::interval, "Readings".at, '2000-01-03 00:00:00+00'::timestamp with time zone) AS day, 'public.time_bucket(' GROUP BY (date_bin('1 day'::interval, at, '2000-01-03 00:00:00+00'::timestamp with time zone))"#,
        ),
        (
            "public.time_bucket('01:00:00'::interval, local)",
            "date_bin('01:00:00'::interval, local, '2000-01-03 00:00:00'::timestamp without time zone)",
        ),
        (
            r#"public.time_bucket('7 days'::interval, t."Day")"#,
            r#"(date_bin('7 days'::interval, (t."Day")::timestamp without time zone, '2000-01-03 00:00:00'::timestamp without time zone))::date"#,
        ),
        ("public.time_bucket('1 mon'::interval, at)", "date_trunc('month'::text, at, 'UTC'::text)"),
        ("public.time_bucket('3 mons'::interval, local)", "date_trunc('quarter'::text, local)"),
        (
            "public.time_bucket('1 day'::interval, at, '2026-01-01 06:00:00+00'::timestamp with time zone)",
            "date_bin('1 day'::interval, at, '2026-01-01 06:00:00+00'::timestamp with time zone)",
        ),
        ("public.time_bucket('100'::bigint, n)", "(n - (((n % '100'::bigint) + '100'::bigint) % '100'::bigint))"),
        ("public.time_bucket((100)::bigint, n)", "(n - (((n % (100)::bigint) + (100)::bigint) % (100)::bigint))"),
        ("public.time_bucket(100, t.n)", "(t.n - (((t.n % 100) + 100) % 100))"),
        (
            r#"public.time_bucket('1 day'::interval, t."with ""quotes"" and space")"#,
            r#"date_bin('1 day'::interval, t."with ""quotes"" and space", '2000-01-03 00:00:00'::timestamp without time zone)"#,
        ),
        ("my_public.time_bucket(1), other.public.first(1)", "my_public.time_bucket(1), other.public.first(1)"),
    ];
    for (from, to) in cases {
        assert_eq!(rewrite(from).as_deref(), Ok(to));
    }
}

#[test]
fn what_has_no_counterpart_is_named() {
    let cases = [
        ("public.time_bucket('2 mons'::interval, at)", "time_bucket"),
        ("public.time_bucket('1 day'::interval, at, 'Europe/Berlin'::text)", "time_bucket"),
        ("public.time_bucket('1 day'::interval, (at + '01:00:00'::interval))", "time_bucket"),
        ("public.time_bucket('1 day'::interval, unknown)", "time_bucket"),
        ("public.time_bucket('100'::bigint, n, '5'::bigint)", "time_bucket"),
        ("public.time_bucket(n, n)", "time_bucket"),
        ("public.first(value, at)", "first"),
        ("public.time_bucket('1 day'::interval, at) FROM s.other", "time_bucket"),
        ("public.time_bucket_gapfill('1 day'::interval, at)", "time_bucket_gapfill"),
    ];
    for (sql, name) in cases {
        assert_eq!(rewrite(sql), Err(vec![name.to_owned()]), "{sql}");
    }
}

#[test]
fn intervals_are_said_in_the_largest_unit() {
    assert_eq!(interval(7 * DAY, Some(Time::Zoned)), "7 days");
    assert_eq!(interval(DAY / 24, None), "1 hour");
    assert_eq!(interval(100, Some(Time::Number)), "100");
}

#[test]
fn what_is_needed_comes_first_and_the_rest_stays() {
    let item = |id: i64, needs: &[i64]| Item {
        id: DumpId(id),
        oid: Oid(0),
        tag: String::new(),
        kind: String::new(),
        definition: String::new(),
        drop: String::new(),
        schema: None,
        owner: None,
        needs: needs.iter().map(|id| DumpId(*id)).collect(),
    };
    let items = vec![item(1, &[3]), item(2, &[]), item(3, &[9, 4]), item(4, &[]), item(5, &[1])];
    let order: Vec<i64> = in_order(items).into_iter().map(|item| item.id.0).collect();
    assert_eq!(order, [4, 3, 1, 2, 5]);
    // Needs in a circle, which an archive does not have, end it too.
    assert_eq!(in_order(vec![item(1, &[2]), item(2, &[1])]).len(), 2);
}
