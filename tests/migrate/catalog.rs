//! Reading a real catalogue.

use infra::migrate::catalog::{Catalog, Generated, Identity, QualifiedName, SpecialKind, TableKind, read};

use crate::corpus;
use crate::servers::Server;

async fn corpus(server: &Server) -> Catalog {
    corpus::load(server, "corpus", &[&corpus::PORTABLE[..], &["losses", "blockers"]].concat());
    read(&server.connect("corpus").await).await.unwrap()
}

#[tokio::test]
async fn the_corpus_is_described_on_15() {
    describes(&corpus(&Server::v15()).await);
}

#[tokio::test]
async fn the_corpus_is_described_on_17() {
    describes(&corpus(&Server::v17()).await);
}

fn describes(catalog: &Catalog) {
    let table = |schema: &str, name: &str| {
        let name = QualifiedName::new(schema, name);
        catalog.tables.iter().find(|table| table.name == name).unwrap()
    };
    let customers = table("shop", "customers");
    assert_eq!(customers.owner, "app");
    assert_eq!(customers.columns[0].identity, Some(Identity::ByDefault));
    assert_eq!(customers.columns[3].generated, Some(Generated::Stored));
    assert_eq!(table("public", "dropped_columns").dropped_columns, 3);
    assert!(table("public", "no_columns").columns.is_empty());
    assert!(table("shop", "secrets").row_security_forced);
    assert_eq!(table("public", "far_away").kind, TableKind::Foreign);
    let leaf = table("levels", "events_2024_eu_0");
    assert_eq!(leaf.parents, [table("levels", "events_2024_eu").oid]);
    assert!(leaf.is_partition() && leaf.has_own_rows() && leaf.pages > 0);

    let far = catalog.sequences.iter().find(|sequence| sequence.name.name == "far").unwrap();
    assert_eq!((far.last_value, far.is_called), (Some(9_223_372_036_854_775_801), Some(true)));
    let reset = catalog.sequences.iter().find(|sequence| sequence.name.name == "Reset").unwrap();
    assert_eq!((reset.last_value, reset.is_called), (Some(500), Some(false)));

    assert!(catalog.indexes.iter().any(|index| index.name.name == "duplicates_invalid" && !index.valid));
    assert!(catalog.constraints.iter().any(|constraint| constraint.name == "unchecked" && !constraint.validated));
    assert!(catalog.special.iter().any(|object| object.kind == SpecialKind::EventTrigger));
    assert!(catalog.special.iter().any(|object| object.detail.as_deref() == Some("schemas")));
    assert_eq!(catalog.large_objects.count, 21);
    let types = catalog.types_by_oid();
    assert!(catalog.tables.iter().flat_map(|table| &table.columns).all(|column| types.contains_key(&column.type_oid)));
    assert!(catalog.types.iter().any(|one| one.name.name == "label" && !one.binary));
}
