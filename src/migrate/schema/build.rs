//! From the archive's items to entries in phases. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::archive::{DumpId, Item};
use super::constraint::{self, Lookup};
use super::decide::{self, decide};
use super::disposition::{self, Classifier};
use super::entry::{Entry, Phase};
use super::inherit::Inherit;
use super::large_object::{self, LargeObject};
use super::loss::Loss;
use super::path::{self, Guided, Paths};
use super::refusal::Refusal;
use super::target::Target;
use super::{grant, hand_over, owner, role, setting};
use crate::migrate::catalog::{Catalog, QualifiedName, Replaced, TableKind, quote_identifier, quote_literal};
use crate::migrate::timescale::Conversion;

/// What is done at the target, in this order, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    pub entries: Vec<Entry>,
    pub losses: Vec<Loss>,
    /// Functions that have a path of their own while rows are brought.
    #[serde(default)]
    pub guided: Vec<Guided>,
    /// How the source was read for it.
    #[serde(default)]
    pub conversion: Conversion,
}

impl Schema {
    pub fn phase(&self, phase: Phase) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.phase == phase)
    }

    /// Without what infra itself adds and the target refused: roles, memberships, settings. Items of the archive are not
    /// even built.
    #[must_use]
    pub fn without(mut self, refused: &BTreeMap<String, Refusal>) -> Self {
        let is_refused = |entry: &Entry| refused.get(&entry.subject()).filter(|_| entry.item.is_none());
        let lost = self.entries.iter().filter_map(|entry| Some((entry, is_refused(entry)?)));
        let losses: Vec<Loss> = lost.map(|(entry, why)| decide::refused(entry.subject(), &entry.kind, why)).collect();
        self.entries.retain(|entry| is_refused(entry).is_none());
        self.losses.extend(losses);
        self
    }
}

/// They go when their table goes.
const WITH_TABLE: [&str; 5] = ["CHECK CONSTRAINT", "INDEX ATTACH", "SEQUENCE OWNED BY", "STATISTICS", "TABLE ATTACH"];

pub fn build(mut items: Vec<Item>, source: &Catalog, mut large_objects: Vec<LargeObject>, target: &Target) -> Schema {
    let replaced = role::replaced(source, target);
    for owner in items.iter_mut().filter_map(|item| item.owner.as_mut()) {
        replaced.apply(owner);
    }
    for object in &mut large_objects {
        replaced.apply(&mut object.owner);
    }
    let (kept, mut losses) = decide(&items, &Classifier::new(source, target, &items));
    let (mut entries, lost_roles) = role::roles(source, target, &replaced);
    let (settings, lost_settings) = setting::settings(source, target, &replaced);
    losses.extend(lost_roles.into_iter().chain(lost_settings).chain(silently_dropped(source)));
    let mut inherit = Inherit::of(&kept, source);
    losses.append(&mut inherit.losses);
    let lookup = Lookup::new(source);
    let phases = phases(&kept);
    let paths = Paths::of(source);
    let routines: HashMap<_, _> = source.routines.iter().map(|routine| (routine.oid, routine)).collect();
    let mut guided = Vec::new();
    let rights = CreateRights::new(&kept, target);
    entries.extend(rights.granted());
    for item in &kept {
        let other = inherit.definitions.remove(&item.id).map(|definition| Item { definition, ..(*item).clone() });
        let mut made = converted(other.as_ref().unwrap_or(item), phases[&item.id], &lookup, target, &replaced);
        if let Some(after) = inherit.after.remove(&item.id) {
            made.push(Entry::new(Phase::BeforeData, "INHERITANCE", made[0].name.clone(), after));
        }
        if let Some(function) = routines
            .get(&item.oid)
            .filter(|_| item.kind == "FUNCTION")
            .and_then(|of| Guided::of(item, of, target, &paths))
        {
            losses.extend(function.loss(item));
            entries.extend(function.given_back());
            made.iter_mut().filter(|_| function.is_set()).for_each(|entry| entry.statements.push(function.set()));
            guided.push(function);
        }
        entries.extend(made.into_iter().map(|entry| entry.making(item)));
    }
    entries.extend(rights.revoked());
    entries.extend(large_object::entries(&large_objects, target));
    entries.extend(refreshes(&kept, source));
    entries.extend(settings.into_iter().chain(setting::database(source, target)));
    let entries = entries.into_iter().map(|entry| match target.tried.paths.get(&entry.subject()) {
        Some(path) => path::under(entry, path),
        None => entry,
    });
    let mut schema = Schema { entries: entries.collect(), losses, guided, conversion: Conversion::default() };
    schema.entries.sort_by_key(|entry| entry.phase);
    in_order_of_need(&mut schema.entries);
    schema
}

/// The phase of each: of its kind, or of what it needs where that is later. A view that groups by a primary key needs
/// the key.
fn phases(kept: &[&Item]) -> BTreeMap<DumpId, Phase> {
    let mut phases = BTreeMap::new();
    for item in kept {
        let own = own_phase(item);
        let needed = item.needs.iter().filter_map(|need| phases.get(need)).max().copied().unwrap_or(own);
        let built = matches!(own, Phase::Index | Phase::Constraint | Phase::ForeignKey);
        let phase = match own.max(needed) {
            Phase::Index | Phase::Constraint | Phase::ForeignKey | Phase::Validate if !built => Phase::AfterData,
            Phase::ForeignKey | Phase::Validate if own == Phase::Index => Phase::Constraint,
            phase => phase,
        };
        phases.insert(item.id, phase);
    }
    phases
}

fn own_phase(item: &Item) -> Phase {
    match item.kind.as_str() {
        "INDEX" | "CONSTRAINT" => Phase::Index,
        "INDEX ATTACH" => Phase::Constraint,
        "FK CONSTRAINT" => Phase::ForeignKey,
        // `STATISTICS`, which ANALYZE fills, are not among them: they exist before the rows.
        "CHECK CONSTRAINT" | "TRIGGER" | "RULE" | "POLICY" => Phase::AfterData,
        "ACL" | "DEFAULT ACL" | "COMMENT" => Phase::Grants,
        "EVENT TRIGGER" | "PUBLICATION" | "PUBLICATION TABLE" | "PUBLICATION TABLES IN SCHEMA" => Phase::Last,
        "ROW SECURITY" => Phase::HandOver,
        _ => Phase::BeforeData,
    }
}

fn converted(item: &Item, phase: Phase, lookup: &Lookup<'_>, target: &Target, replaced: &Replaced) -> Vec<Entry> {
    let name = item.schema.iter().map(String::as_str).chain([item.tag.as_str()]).collect::<Vec<_>>().join(".");
    match (item.kind.as_str(), phase) {
        ("INDEX", Phase::Index) => constraint::index(item, &name, lookup),
        ("CONSTRAINT", Phase::Index) => constraint::constraint(item, &name, lookup),
        ("FK CONSTRAINT", Phase::ForeignKey) => constraint::foreign_key(item, &name, lookup),
        ("ACL" | "DEFAULT ACL", _) => {
            vec![Entry::new(phase, &item.kind, name, grant::rewritten(&item.definition, replaced))]
        }
        ("COMMENT", _) if item.tag.starts_with("EXTENSION ") && !target.superuser => vec![lenient(item, name)],
        ("ROW SECURITY", _) => vec![hand_over::row_security(item, phase, name)],
        ("TRIGGER", _) => hand_over::trigger(item, phase, &name),
        ("SCHEMA", _) => {
            let create = format!("CREATE SCHEMA IF NOT EXISTS {}", quote_identifier(&item.tag));
            let statements = std::iter::once(create).chain(owner::statement(item)).collect();
            vec![Entry::new(phase, &item.kind, name, statements).undone_by(&item.drop)]
        }
        _ => {
            let plain = !matches!(item.kind.as_str(), "FUNCTION" | "PROCEDURE") || target.superuser;
            let definition =
                if plain { item.definition.clone() } else { disposition::without_leakproof(&item.definition) };
            let statements = std::iter::once(definition.trim_end().to_owned()).chain(owner::statement(item)).collect();
            let entry = Entry::new(phase, &item.kind, name, statements);
            vec![if WITH_TABLE.contains(&item.kind.as_str()) { entry } else { entry.undone_by(&item.drop) }]
        }
    }
}

/// Extensions may belong to the server's owner, and bring their comment with them: where it was changed, it is tried.
fn lenient(item: &Item, name: String) -> Entry {
    let comment = quote_literal(item.definition.trim_end().trim_end_matches(';'));
    let statement =
        format!("DO $infra$ BEGIN EXECUTE {comment}; EXCEPTION WHEN insufficient_privilege THEN NULL; END $infra$");
    Entry::new(Phase::Grants, &item.kind, name, vec![statement])
}

/// Of the schema public, in every database that is new.
const OWNER_OF_PUBLIC: &str = "pg_database_owner";

/// A new owner must have the right to create in the schema, at the moment when it becomes one; superusers give without.
struct CreateRights {
    pairs: BTreeMap<String, BTreeSet<String>>,
}

impl CreateRights {
    fn new(kept: &[&Item], target: &Target) -> Self {
        let owner_of_schema = |schema: &str| {
            let item = kept.iter().find(|item| item.kind == "SCHEMA" && item.tag == schema);
            // pg_dump says nothing of the schema that every new database has.
            item.map_or(Some(OWNER_OF_PUBLIC).filter(|_| schema == "public"), |item| item.owner.as_deref())
        };
        let mut pairs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for item in kept.iter().filter(|item| !target.superuser && owner::statement(item).is_some()) {
            let (Some(schema), Some(owner)) = (&item.schema, &item.owner) else { continue };
            if *owner != target.user && !pairs.get(schema).is_some_and(|owners| owners.contains(owner)) {
                pairs.entry(schema.clone()).or_default().insert(owner.clone());
            }
        }
        for (schema, owners) in &mut pairs {
            owners.retain(|owner| owner_of_schema(schema) != Some(owner));
        }
        Self { pairs }
    }

    fn entries(&self, phase: Phase, word: &str, preposition: &str) -> impl Iterator<Item = Entry> {
        let pairs = self.pairs.iter().flat_map(|(schema, owners)| owners.iter().map(move |owner| (schema, owner)));
        pairs.map(move |(schema, owner)| {
            let (quoted, role) = (quote_identifier(schema), quote_identifier(owner));
            let statement = format!("{word} CREATE ON SCHEMA {quoted} {preposition} {role}");
            Entry::new(phase, "CREATE RIGHT", format!("{owner} in {schema}"), vec![statement])
        })
    }

    fn granted(&self) -> Vec<Entry> {
        self.entries(Phase::BeforeData, "GRANT", "TO").collect()
    }

    fn revoked(&self) -> Vec<Entry> {
        self.entries(Phase::Grants, "REVOKE", "FROM").collect()
    }
}

/// Within phases: rights to create right after the schemas, and taken back before rights are granted.
fn in_order_of_need(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| {
        let rank = match (entry.phase, entry.kind.as_str()) {
            (Phase::BeforeData, "SCHEMA") | (Phase::Grants, "CREATE RIGHT") => 0,
            (Phase::BeforeData, "CREATE RIGHT") => 1,
            _ => 2,
        };
        (entry.phase, rank)
    });
}

/// After grants: a materialized view is filled with its owner's rights. Those that it reads come first, as pg_dump sorted.
fn refreshes(kept: &[&Item], source: &Catalog) -> Vec<Entry> {
    let populated: HashMap<_, _> = source
        .views
        .iter()
        .filter(|view| view.materialized && view.populated)
        .map(|view| (view.oid, &view.name))
        .collect();
    let views = kept.iter().filter(|item| item.kind == "MATERIALIZED VIEW").filter_map(|item| populated.get(&item.oid));
    let entry = |name: &&QualifiedName| {
        Entry::new(Phase::Refresh, "REFRESH", name.plain(), vec![format!("REFRESH MATERIALIZED VIEW {name}")])
    };
    views.map(entry).collect()
}

/// What pg_dump passes over, or infra flattens.
fn silently_dropped(source: &Catalog) -> Vec<Loss> {
    let tables = source.tables_by_oid();
    let invalid = source.indexes.iter().filter(|index| {
        // A partitioned table's index is invalid until each partition has one; pg_dump knows these.
        !index.valid && tables.get(&index.table).is_some_and(|table| table.kind == TableKind::Ordinary)
    });
    let invalid = invalid.map(|index| {
        let what = "is invalid: a CREATE INDEX CONCURRENTLY failed, and no query uses it; it is not carried";
        let remedy = format!("drop it, or build it at the target: {}", index.definition);
        Loss::note("index-invalid", format!("INDEX {}", index.name.plain()), what, remedy)
    });
    let elsewhere = source.tables.iter().filter_map(|table| {
        let tablespace = table.tablespace.as_ref()?;
        let what = format!("leaves the tablespace {tablespace} for the default one");
        Some(Loss::note("tablespace", format!("TABLE {}", table.name.plain()), what, "nothing, if its size fits there"))
    });
    invalid.chain(elsewhere).collect()
}
