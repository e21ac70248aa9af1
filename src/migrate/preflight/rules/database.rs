//! The database as a whole: how it writes and orders text.

use super::all;
use crate::migrate::alike::Order;
use crate::migrate::catalog::{Database, Oid, is_made_of};
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let (from, to) = (&s.catalog.database, &s.target_catalog.database);
    let object = format!("DATABASE {}", from.name);
    let locale = |d: &Database| {
        let words = [Some(provider(&d.locale_provider)), d.locale.as_deref(), Some(&d.collate), Some(&d.ctype)];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let drifted = from.collation_version.is_some() && from.collation_version != from.actual_collation_version;
    all([
        (from.encoding != to.encoding).then(|| {
            Finding::blocker("encoding", &object, format!("is {}; the target's is {}", from.encoding, to.encoding))
                .so("text may have no form there, or another length")
                .remedy(elsewhere(from))
        }),
        (from.encoding == "SQL_ASCII").then(|| {
            Finding::warning("sql-ascii", &object, "does not know the encoding of its text")
                .so("text of mixed encodings is passed on as it is")
                .remedy("nothing, or clean it up first")
        }),
        (!order(from).is_like(&Order { encoding: from.encoding.clone(), ..order(to) })).then(|| {
            Finding::warning(
                "locale",
                &object,
                format!("orders text by {}; the target by {}", locale(from), locale(to)),
            )
            .so("ORDER BY and ranges of text give another order, and unique indexes on case-folded text another result")
            .remedy(format!("{}, or accept another order", elsewhere(from)))
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
        writes_money_otherwise(s).then(|| {
            Finding::blocker("money", &object, format!("has columns of type money, and writes {}; the target writes {}", s.source.money, s.target.money))
                .so("replication carries money as it is written: the other server takes it for another amount, or for none")
                .remedy("ALTER DATABASE … SET lc_monetary to the same at both ends, where their systems have it; C they always have")
        }),
        (s.catalog.large_objects.count > 0).then(|| {
            let bytes = s.catalog.large_objects.bytes;
            Finding::note(
                "large-objects",
                &object,
                format!("has {} large objects of {bytes} bytes", s.catalog.large_objects.count),
            )
            .so(match s.mode {
                Mode::Online => "what of them changes after the copy began is carried inside the pause, forth and back",
                Mode::Offline => "they are copied with the rows, and carried back inside the pause of a rollback",
            })
            .remedy("nothing")
        }),
    ])
}

/// Nothing changes what a database was made with: an empty one is given in its place.
fn elsewhere(from: &Database) -> String {
    let made = order(from).clause();
    format!("at the target's server CREATE DATABASE … TEMPLATE template0 {made}, and give its URL by --to")
}

fn order(d: &Database) -> Order {
    Order {
        encoding: d.encoding.clone(),
        provider: d.locale_provider.clone(),
        locale: d.locale.clone(),
        collate: d.collate.clone(),
        ctype: d.ctype.clone(),
    }
}

/// A setting of the source's database goes with it, and is set before anything is replicated.
fn writes_money_otherwise(s: &Situation) -> bool {
    let carried =
        s.catalog.settings.iter().any(|one| one.in_database && one.role.is_none() && one.name == "lc_monetary");
    let types = s.catalog.types_by_oid();
    let mut columns = s.catalog.tables.iter().flat_map(|table| &table.columns);
    s.source.money != s.target.money && !carried && columns.any(|column| is_made_of(&types, column.type_oid, MONEY))
}

const MONEY: Oid = Oid(790);

fn provider(letter: &str) -> &str {
    match letter {
        "i" => "ICU",
        "b" => "built in",
        _ => "libc",
    }
}
