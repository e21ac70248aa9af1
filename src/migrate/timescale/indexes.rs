//! Indexes of partitions: each is built when its partition's rows are there, and belongs to the one of the whole table.

use std::collections::{BTreeSet, HashMap};

use super::conversion::Numbers;
use super::partition::free_name;
use crate::migrate::catalog::{
    Catalog, Constraint, ConstraintKind, Index, Oid, QualifiedName, Table, quote_identifier,
};

/// Of the name of an index, in that of a partition's.
const MOST_BYTES: usize = 32;

/// To the catalogue: for each index of the root, and each constraint that has one, those of its partitions.
pub fn add(
    catalog: &mut Catalog,
    root: &Table,
    partitions: &[Table],
    numbers: &mut Numbers,
    taken: &mut BTreeSet<(String, String)>,
) {
    let indexes: Vec<Index> =
        catalog.indexes.iter().filter(|index| index.table == root.oid && index.valid).cloned().collect();
    let constraints: HashMap<Oid, Constraint> = catalog
        .constraints
        .iter()
        .filter(|one| one.table == root.oid && has_index(one.kind))
        .map(|one| (one.oid, one.clone()))
        .collect();
    for partition in partitions {
        for index in &indexes {
            let stem = index.name.name.strip_prefix(root.name.name.as_str()).unwrap_or(&index.name.name);
            // Beside it, the partition's own name has room.
            let stem = &stem[..stem.floor_char_boundary(MOST_BYTES)];
            let suffix = if stem.starts_with('_') { stem.to_owned() } else { format!("_{stem}") };
            let name = free_name(&partition.name.schema, &partition.name.name, &suffix, taken);
            let name = QualifiedName::new(partition.name.schema.clone(), name);
            let constraint = index.constraint.and_then(|oid| constraints.get(&oid)).map(|known| Constraint {
                oid: numbers.next(),
                name: name.name.clone(),
                table: partition.oid,
                parent: Some(known.oid),
                ..known.clone()
            });
            let Some(definition) = of_partition(index, &root.name, &partition.name, &name) else { continue };
            catalog.indexes.push(Index {
                oid: numbers.next(),
                table: partition.oid,
                constraint: constraint.as_ref().map(|constraint| constraint.oid),
                parent: Some(index.oid),
                replica_identity: false,
                definition,
                bytes: 0,
                name,
                ..index.clone()
            });
            catalog.constraints.extend(constraint);
        }
    }
}

fn has_index(kind: ConstraintKind) -> bool {
    matches!(kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion)
}

/// `CREATE INDEX … ON partition USING …`. None: the definition is not as the server writes it.
fn of_partition(
    index: &Index,
    root: &QualifiedName,
    partition: &QualifiedName,
    name: &QualifiedName,
) -> Option<String> {
    let (_, rest) = cut(&index.definition, root)?;
    let unique = if index.unique { "UNIQUE " } else { "" };
    Some(format!("CREATE {unique}INDEX {} ON {partition} USING {rest}", quote_identifier(&name.name)))
}

/// The definition for the root: it has no rows, and waits for the indexes of its partitions.
pub fn of_root(definition: &str, root: &QualifiedName) -> Option<String> {
    let (before, rest) = cut(definition, root)?;
    Some(format!("{before} ON ONLY {root} USING {rest}"))
}

/// Around `ON table USING`, whichever parts of the table's name are quoted.
fn cut<'a>(definition: &'a str, table: &QualifiedName) -> Option<(&'a str, &'a str)> {
    let forms = |name: &str| [name.to_owned(), quote_identifier(name)];
    let names = forms(&table.schema)
        .into_iter()
        .flat_map(|schema| forms(&table.name).into_iter().map(move |name| format!(" ON {schema}.{name} USING ")));
    names.into_iter().find_map(|needle| definition.split_once(&needle))
}
