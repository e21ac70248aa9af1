//! One database as typed data: what a migration must know of it to check, copy and compare. Read by a fixed number of
//! queries, whatever the number of tables: `read`. Objects of the system, of temporary schemas and of the migration's
//! helper schema are left out; what belongs to an extension is marked where it holds data and left out elsewhere.

mod index;
mod name;
mod object;
mod read;
mod replaced;
mod role;
mod sequence;
mod table;
mod types;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use index::{Constraint, ConstraintKind, Index};
pub use name::{IS_USERS_TRIGGER, Oid, QualifiedName, is_users_schema, quote_identifier, quote_literal};
pub use object::{Database, Extension, LargeObjects, Privilege, RightsOfOthers, Routine, Special, SpecialKind, View};
pub use read::{CatalogError, read, read_sequences, version};
pub use replaced::Replaced;
pub use role::{Membership, Role, Setting};
pub use sequence::{Sequence, SequenceOwner};
pub use table::{Column, Generated, Identity, Persistence, ReplicaIdentity, Slice, Table, TableKind};
pub use types::{DataType, TypeKind, Types, is_made_of};

/// A server's version as `server_version_num` has it: 150004 is 15.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }
}

impl std::fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0 / 10_000, self.0 % 10_000)
    }
}

/// Everything, as of one moment: `read` uses one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub database: Database,
    /// Every relation that has or stands for rows: tables, partitioned tables and their partitions, foreign tables.
    pub tables: Vec<Table>,
    /// The types of all columns, with those that they are made of.
    pub types: Vec<DataType>,
    pub indexes: Vec<Index>,
    pub constraints: Vec<Constraint>,
    pub sequences: Vec<Sequence>,
    pub views: Vec<View>,
    pub routines: Vec<Routine>,
    pub extensions: Vec<Extension>,
    pub roles: Vec<Role>,
    pub memberships: Vec<Membership>,
    /// `ALTER DATABASE … SET` and `ALTER ROLE … [IN DATABASE …] SET`, of this database and of all.
    pub settings: Vec<Setting>,
    /// What is rare, and needs a decision when a database moves.
    pub special: Vec<Special>,
    #[serde(default)]
    pub rights_of_others: Vec<RightsOfOthers>,
    pub large_objects: LargeObjects,
}

impl Catalog {
    /// The same tables at a server of another version, whose rules are others.
    pub fn at(&self, version: ServerVersion) -> Self {
        let database = Database { server_version: version, ..self.database.clone() };
        Self { database, ..self.clone() }
    }

    pub fn table(&self, oid: Oid) -> Option<&Table> {
        self.tables.iter().find(|table| table.oid == oid)
    }

    pub fn tables_by_oid(&self) -> HashMap<Oid, &Table> {
        self.tables.iter().map(|table| (table.oid, table)).collect()
    }

    pub fn types_by_oid(&self) -> Types<'_> {
        self.types.iter().map(|one| (one.oid, one)).collect()
    }

    /// Tables whose rows a migration moves.
    pub fn with_rows(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| table.has_own_rows())
    }

    /// Says which tables are above a partition, the innermost first.
    fn climb<'a>(&'a self) -> impl Fn(&'a Table) -> Vec<&'a Table> {
        let tables = self.tables_by_oid();
        move |table| {
            let above = |table: &Table| {
                let parent = table.parents.first().filter(|_| table.is_partition());
                parent.and_then(|parent| tables.get(parent)).copied()
            };
            std::iter::successors(above(table), |table| above(table)).collect()
        }
    }

    /// The tables that it is a partition of, the innermost first.
    pub fn above<'a>(&'a self, table: &'a Table) -> Vec<&'a Table> {
        self.climb()(table)
    }

    /// The outermost table that it is a partition of; itself, if it is none.
    pub fn root<'a>(&'a self, table: &'a Table) -> &'a Table {
        self.climb()(table).last().copied().unwrap_or(table)
    }

    /// By the number of a partition that has rows, its root: of those trees whose rows may belong to other partitions at
    /// another server. Their rows go through that table, and are compared as its own.
    pub fn through_root(&self) -> HashMap<Oid, &Table> {
        let climb = self.climb();
        let root = |leaf: &Table, line: Vec<&'_ Table>| {
            let root = line.last().copied().filter(|_| line.iter().any(|table| table.routed_by_server));
            root.map(|root| (leaf.oid, root.oid))
        };
        let tables = self.tables_by_oid();
        let leaves = self.with_rows().filter(|leaf| leaf.is_partition());
        let pairs = leaves.filter_map(|leaf| root(leaf, climb(leaf)));
        pairs.filter_map(|(leaf, root)| Some((leaf, *tables.get(&root)?))).collect()
    }

    /// Those partitions of a table that have rows, however deep they are.
    pub fn leaves(&self, root: &Table) -> Vec<&Table> {
        let climb = self.climb();
        self.with_rows().filter(|leaf| climb(leaf).iter().any(|table| table.oid == root.oid)).collect()
    }

    /// Bytes of rows, TOAST included; indexes are built, not moved.
    pub fn data_bytes(&self) -> u64 {
        self.with_rows().map(Table::bytes).sum::<u64>() + self.large_objects.bytes
    }
}
