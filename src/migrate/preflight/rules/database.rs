//! The database as a whole: how it writes and orders text.

use super::all;
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let (from, to) = (&s.catalog.database, &s.target_catalog.database);
    let object = format!("DATABASE {}", from.name);
    let locale =
        |d: &crate::migrate::catalog::Database| format!("{}, {}, {}", provider(&d.locale_provider), d.collate, d.ctype);
    let drifted = from.collation_version.is_some() && from.collation_version != from.actual_collation_version;
    all([
        (from.encoding != to.encoding).then(|| {
            Finding::blocker("encoding", &object, format!("is {}; the target's is {}", from.encoding, to.encoding))
                .so("text may have no form there, or another length")
                .remedy(format!("CREATE DATABASE … ENCODING '{}' TEMPLATE template0", from.encoding))
        }),
        (from.encoding == "SQL_ASCII").then(|| {
            Finding::warning("sql-ascii", &object, "does not know the encoding of its text")
                .so("text of mixed encodings is passed on as it is")
                .remedy("nothing, or clean it up first")
        }),
        (locale(from) != locale(to)).then(|| {
            Finding::warning(
                "locale",
                &object,
                format!("orders text by {}; the target by {}", locale(from), locale(to)),
            )
            .so("ORDER BY and ranges of text give another order, and unique indexes on case-folded text another result")
            .remedy("make the target's database with the same locale")
        }),
        drifted.then(|| {
            Finding::warning(
                "collation-version",
                &object,
                "the C library's order of text changed after its indexes were built",
            )
            .so("indexes on text may miss rows: a query by index and one without differ")
            .remedy("REINDEX DATABASE and ALTER DATABASE … REFRESH COLLATION VERSION at the source")
        }),
        (s.catalog.large_objects.count > 0).then(|| {
            let bytes = s.catalog.large_objects.bytes;
            Finding::note(
                "large-objects",
                &object,
                format!("has {} large objects of {bytes} bytes", s.catalog.large_objects.count),
            )
            .so("logical replication does not carry them: what changes after the copy began stays behind")
            .remedy("do not change large objects while an online migration lasts, or migrate offline")
        }),
    ])
}

fn provider(letter: &str) -> &str {
    match letter {
        "i" => "ICU",
        "b" => "built in",
        _ => "libc",
    }
}
