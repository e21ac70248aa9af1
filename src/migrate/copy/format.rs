//! Which tables may travel in COPY's binary format: those whose bytes mean the same at the other server.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::migrate::catalog::{DataType, Oid, Table, TypeKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Binary,
    Text,
}

impl Format {
    /// As COPY's options write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Text => "text",
        }
    }
}

/// Their binary form is the number of an object, which is another one at the other server; their text is its name.
const NUMBERS_OF_OBJECTS: [&str; 12] = [
    "aclitem",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

/// Above, types of the system have numbers that initdb gave, which differ between versions.
const FIXED_NUMBERS: u32 = 10_000;

/// Binary if all columns allow it. A table without columns to write has only its count of rows, which text knows to say.
pub fn format(table: &Table, types: &HashMap<Oid, &DataType>) -> Format {
    let mut columns = table.stored_columns().peekable();
    let some = columns.peek().is_some();
    if some && columns.all(|column| means_the_same(column.type_oid, types)) { Format::Binary } else { Format::Text }
}

/// Types of extensions travel as text: the other server may have another version of them.
fn means_the_same(oid: Oid, types: &HashMap<Oid, &DataType>) -> bool {
    let Some(data_type) = types.get(&oid).filter(|data_type| data_type.binary) else { return false };
    if let Some(element) = data_type.element {
        // An array's bytes hold the number of its element's type.
        return element.0 < FIXED_NUMBERS && means_the_same(element, types);
    }
    match data_type.kind {
        TypeKind::Base => oid.is_built_in() && !NUMBERS_OF_OBJECTS.contains(&data_type.name.name.as_str()),
        // Its bytes are the label.
        TypeKind::Enum => true,
        TypeKind::Domain | TypeKind::Range | TypeKind::Multirange => {
            data_type.base.is_some_and(|base| means_the_same(base, types))
        }
        // The bytes hold the numbers of the fields' types.
        TypeKind::Composite | TypeKind::Pseudo => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::catalog::QualifiedName;

    fn data_type(oid: u32, name: &str, kind: TypeKind, element: Option<u32>, base: Option<u32>) -> DataType {
        let name = QualifiedName::new("pg_catalog", name);
        let (element, base) = (element.map(Oid), base.map(Oid));
        DataType {
            oid: Oid(oid),
            name,
            kind,
            element,
            base,
            fields: vec![],
            binary: true,
            equality: true,
            extension: None,
        }
    }

    #[test]
    fn only_bytes_that_mean_the_same_travel_as_they_are() {
        let all = [
            data_type(23, "int4", TypeKind::Base, None, None),
            data_type(1007, "_int4", TypeKind::Base, Some(23), None),
            data_type(2205, "regclass", TypeKind::Base, None, None),
            data_type(3904, "int4range", TypeKind::Range, None, Some(23)),
            data_type(20001, "mood", TypeKind::Enum, None, None),
            data_type(20002, "_mood", TypeKind::Base, Some(20001), None),
            data_type(20003, "positive", TypeKind::Domain, None, Some(23)),
            data_type(20004, "ints", TypeKind::Domain, None, Some(1007)),
            data_type(20005, "pair", TypeKind::Composite, None, None),
            data_type(20006, "hstore", TypeKind::Base, None, None),
            data_type(20007, "moods", TypeKind::Domain, None, Some(20002)),
            DataType { binary: false, ..data_type(17, "x", TypeKind::Base, None, None) },
        ];
        let types: HashMap<Oid, &DataType> = all.iter().map(|one| (one.oid, one)).collect();
        let same: Vec<u32> =
            all.iter().map(|one| one.oid).filter(|oid| means_the_same(*oid, &types)).map(|o| o.0).collect();
        assert_eq!(same, [23, 1007, 3904, 20001, 20003, 20004]);
    }
}
