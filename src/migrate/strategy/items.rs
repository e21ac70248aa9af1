//! pg_dump's archive as it would be with native partitions: the extension's own tables are left out, hypertables become
//! partitioned, and what pg_dump would write for their partitions is added.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::migrate::catalog::{Catalog, Oid, QualifiedName, Table, quote_identifier};
use crate::migrate::schema::{DumpId, Item, statements};
use crate::migrate::timescale::{Converted, is_its_schema, of_root};

/// What a table takes with it.
const OF_TABLE: [&str; 12] = [
    "ACL",
    "CHECK CONSTRAINT",
    "COMMENT",
    "CONSTRAINT",
    "DEFAULT",
    "FK CONSTRAINT",
    "INDEX",
    "POLICY",
    "ROW SECURITY",
    "RULE",
    "STATISTICS",
    "TRIGGER",
];

/// What the archive is rewritten with.
pub struct Archive<'a> {
    /// As it is.
    pub source: &'a Catalog,
    /// As it would be.
    pub seen: &'a Catalog,
    pub hypertables: &'a [Converted],
}

/// A hypertable's own item, for those of its partitions.
struct Root {
    table: DumpId,
    owner: Option<String>,
    /// ` WITH (…)`, which only tables with rows can have.
    options: String,
}

impl Archive<'_> {
    pub fn rewrite(&self, mut items: Vec<Item>) -> Vec<Item> {
        items.retain(|item| !is_its_own(item));
        self.leave_chunks_out(&mut items);
        let mut roots: HashMap<Oid, Root> = HashMap::new();
        for item in &mut items {
            match item.kind.as_str() {
                "TABLE" => roots.extend(self.table(item)),
                "INDEX" => self.index(item),
                "CONSTRAINT" => self.constraint(item),
                "FK CONSTRAINT" => self.foreign_key(item),
                _ => {}
            }
        }
        let partitions = self.partitions(&items, &roots);
        items.extend(partitions);
        items
    }

    /// Those that lie elsewhere, with what belongs to each as to a table.
    fn leave_chunks_out(&self, items: &mut Vec<Item>) {
        let is_chunk = |item: &&Item| {
            item.kind == "TABLE" && self.source.table(item.oid).is_some() && self.seen.table(item.oid).is_none()
        };
        let mut gone: BTreeSet<DumpId> = items.iter().filter(is_chunk).map(|item| item.id).collect();
        let mut before = 0;
        while gone.len() > before {
            before = gone.len();
            let parts = items.iter().filter(|item| OF_TABLE.contains(&item.kind.as_str()));
            let parts: Vec<DumpId> = parts.filter(|item| !item.needs.is_disjoint(&gone)).map(|item| item.id).collect();
            gone.extend(parts);
        }
        items.retain(|item| !gone.contains(&item.id));
    }

    fn hypertable(&self, oid: Oid) -> Option<(&Table, &Converted)> {
        let table = self.source.table(oid)?;
        Some((table, self.hypertables.iter().find(|one| one.name == table.name)?))
    }

    fn table(&self, item: &mut Item) -> Option<(Oid, Root)> {
        let (table, converted) = self.hypertable(item.oid)?;
        let (definition, options) = partitioned(&item.definition, &converted.column);
        item.definition = definition;
        Some((table.oid, Root { table: item.id, owner: item.owner.clone(), options }))
    }

    fn index(&self, item: &mut Item) {
        let known = self.source.indexes.iter().find(|index| index.oid == item.oid);
        let Some((table, _)) = known.and_then(|index| self.hypertable(index.table)) else { return };
        if let Some(definition) = statements(&item.definition).first().and_then(|first| of_root(first, &table.name)) {
            item.definition = format!("{definition};\n");
        }
    }

    /// Neither an order of rows nor a replica identity can be said of an index that is still to get its parts.
    fn constraint(&self, item: &mut Item) {
        let known = self.source.constraints.iter().find(|one| one.oid == item.oid);
        if known.and_then(|one| self.hypertable(one.table)).is_some() {
            let first = statements(&item.definition).first().map(|first| format!("{first};\n"));
            item.definition = first.unwrap_or_default();
        }
    }

    /// PostgreSQL has these for a whole partitioned table only.
    fn foreign_key(&self, item: &mut Item) {
        let known = self.source.constraints.iter().find(|one| one.oid == item.oid);
        if known.and_then(|one| self.hypertable(one.table)).is_some() {
            for sql in [&mut item.definition, &mut item.drop] {
                *sql = sql.replacen("ALTER TABLE ONLY ", "ALTER TABLE ", 1);
            }
        }
    }

    fn partitions(&self, items: &[Item], roots: &HashMap<Oid, Root>) -> Vec<Item> {
        let by_oid: HashMap<(&str, Oid), DumpId> =
            items.iter().map(|item| ((item.kind.as_str(), item.oid), item.id)).collect();
        let mut writer = Writer::after(items);
        let of_roots = self.seen.tables.iter().filter_map(|table| {
            let root = roots.get(table.parents.first()?).filter(|_| table.slice.is_some())?;
            Some((table, root))
        });
        for (table, root) in of_roots {
            let Some(parent) = table.parents.first().and_then(|oid| self.seen.table(*oid)) else { continue };
            let own = writer.table(table, &parent.name, root);
            for index in self.seen.indexes.iter().filter(|index| index.table == table.oid) {
                let constraint = self.seen.constraints.iter().find(|one| Some(one.oid) == index.constraint);
                let above = match constraint {
                    Some(constraint) => constraint.parent.and_then(|oid| by_oid.get(&("CONSTRAINT", oid))),
                    None => index.parent.and_then(|oid| by_oid.get(&("INDEX", oid))),
                };
                let above_name = index.parent.and_then(|oid| self.seen.indexes.iter().find(|one| one.oid == oid));
                // An index that pg_dump passed over has no partitions' either.
                let (Some(above), Some(above_name)) = (above, above_name) else { continue };
                let made = match constraint {
                    Some(constraint) => {
                        let name = quote_identifier(&constraint.name);
                        let sql =
                            format!("ALTER TABLE ONLY {} ADD CONSTRAINT {name} {}", table.name, constraint.definition);
                        writer.item("CONSTRAINT", constraint.oid, &index.name, sql, [own])
                    }
                    None => writer.item("INDEX", index.oid, &index.name, index.definition.clone(), [own]),
                };
                let attach = format!("ALTER INDEX {} ATTACH PARTITION {}", above_name.name, index.name);
                writer.item("INDEX ATTACH", Oid(0), &index.name, attach, [*above, made]);
            }
        }
        writer.items
    }
}

/// Tables of the extension, what is said about them, and its triggers on hypertables.
fn is_its_own(item: &Item) -> bool {
    let schema = item.schema.as_deref().is_some_and(is_its_schema);
    let said = item.tag.strip_prefix("SCHEMA ").is_some_and(is_its_schema);
    schema || said || (item.kind == "TRIGGER" && item.definition.contains(" EXECUTE FUNCTION _timescaledb_"))
}

/// The definition with its key, and what cannot be said of a table without rows.
fn partitioned(definition: &str, column: &str) -> (String, String) {
    let mut parts = statements(definition).into_iter();
    let create = parts.next().unwrap_or_default();
    let (create, options) = match create.rfind("\n)\nWITH (") {
        Some(at) => (&create[..at + 2], format!(" {}", &create[at + 3..])),
        None => (create, String::new()),
    };
    let key = format!("\nPARTITION BY RANGE ({})", quote_identifier(column));
    let rest = parts.filter(|part| !part.contains(" CLUSTER ON ") && !part.contains(" REPLICA IDENTITY USING INDEX "));
    let all: Vec<String> = std::iter::once(format!("{create}{key}")).chain(rest.map(str::to_owned)).collect();
    (format!("{};\n", all.join(";\n")), options)
}

struct Writer {
    last: i64,
    items: Vec<Item>,
}

impl Writer {
    fn after(items: &[Item]) -> Self {
        Self { last: items.iter().map(|item| item.id.0).max().unwrap_or(0), items: vec![] }
    }

    fn table(&mut self, table: &Table, parent: &QualifiedName, root: &Root) -> DumpId {
        let bound = table.partition_bound.as_deref().unwrap_or("DEFAULT");
        let create = format!("CREATE TABLE {} PARTITION OF {parent} {bound}{}", table.name, root.options);
        let id = self.item("TABLE", table.oid, &table.name, create, [root.table]);
        if let Some(item) = self.items.last_mut() {
            item.drop = format!("DROP TABLE {};\n", table.name);
            item.owner.clone_from(&root.owner);
        }
        id
    }

    fn item(
        &mut self,
        kind: &str,
        oid: Oid,
        name: &QualifiedName,
        definition: String,
        needs: impl IntoIterator<Item = DumpId>,
    ) -> DumpId {
        self.last += 1;
        self.items.push(Item {
            id: DumpId(self.last),
            oid,
            tag: name.name.clone(),
            kind: kind.to_owned(),
            definition: format!("{definition};\n"),
            drop: String::new(),
            schema: Some(name.schema.clone()),
            owner: None,
            needs: needs.into_iter().collect(),
        });
        DumpId(self.last)
    }
}

/// What is needed comes first; otherwise the order stays.
pub fn in_order(items: Vec<Item>) -> Vec<Item> {
    let needs: BTreeMap<DumpId, BTreeSet<DumpId>> = items.iter().map(|item| (item.id, item.needs.clone())).collect();
    let mut places: BTreeMap<DumpId, usize> = BTreeMap::new();
    for item in &items {
        // A path of its own instead of the thread's stack: needs may go deep.
        let mut path = vec![(item.id, false)];
        let mut entered = BTreeSet::new();
        while let Some((id, done)) = path.pop() {
            if done {
                let place = places.len();
                places.entry(id).or_insert(place);
            } else if !places.contains_key(&id) && entered.insert(id) {
                path.push((id, true));
                let known = needs.get(&id).into_iter().flatten().rev().filter(|need| needs.contains_key(need));
                path.extend(known.map(|need| (*need, false)));
            }
        }
    }
    let mut items = items;
    items.sort_by_key(|item| places.get(&item.id).copied());
    items
}
