//! The schema for a server without the extension. A hypertable becomes a table of native RANGE partitions by its time column,
//! one for each chunk interval and a default one; a continuous aggregate becomes a materialized view; policies become rows of
//! pg_partman and jobs of pg_cron where the target has these. What has no counterpart is a loss, by name. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::bucket::{NamedRelation, Rewriter};
use super::items::{Archive, in_order};
use super::loss;
use super::policy::{Helpers, policies};
use crate::migrate::catalog::{Catalog, Oid, Table};
use crate::migrate::schema::{self, DumpId, Item, LargeObject, Loss, Schema, Target, described, is_vital};
use crate::migrate::timescale::{
    Aggregate, Conversion, EXTENSION, Time, Timescale, is_its_schema, schema_of_functions,
};

/// As `schema::build`, of what the source would be without TimescaleDB. `catalog` is the source's as it is.
pub fn build(
    items: Vec<Item>,
    catalog: &Catalog,
    timescale: &Timescale,
    large_objects: Vec<LargeObject>,
    target: &Target,
) -> Schema {
    let mut conversion = Conversion::of(timescale, catalog);
    let seen = conversion.seen(catalog.clone());
    let archive = Archive { source: catalog, seen: &seen, hypertables: &conversion.hypertables };
    let needs = needs(&items, timescale);
    let mut views = Views::new(archive.rewrite(items), needs, timescale, catalog);
    views.aggregates(&mut conversion);
    views.others();
    let Views { items, losses, .. } = views;
    // Once more: which aggregates are carried is known now.
    let seen = conversion.seen(catalog.clone());
    let mut built = schema::build(in_order(items), &seen, large_objects, target);
    built.losses.extend(loss::losses(timescale, &conversion.hypertables, catalog));
    built.losses.extend(losses);
    let (entries, lost) = policies(timescale, &conversion, Helpers::of(target, catalog));
    built.entries.extend(entries);
    built.losses.extend(lost);
    built.conversion = conversion;
    built
}

/// Views that call the extension.
struct Views<'a> {
    items: Vec<Item>,
    losses: Vec<Loss>,
    timescale: &'a Timescale,
    rewriter: Rewriter<'a>,
    /// The extension's own item.
    extension: Option<DumpId>,
    /// What an aggregate's query needs.
    needs: BTreeMap<Oid, BTreeSet<DumpId>>,
}

impl<'a> Views<'a> {
    fn new(
        items: Vec<Item>,
        needs: BTreeMap<Oid, BTreeSet<DumpId>>,
        timescale: &'a Timescale,
        catalog: &'a Catalog,
    ) -> Self {
        let extension = items.iter().find(|item| item.kind == "EXTENSION" && item.tag == EXTENSION).map(|item| item.id);
        let rewriter = Rewriter {
            schema: schema_of_functions(catalog),
            functions: &timescale.functions,
            relations: relations(timescale, catalog),
        };
        Self { items, losses: vec![], timescale, rewriter, extension, needs }
    }

    fn aggregates(&mut self, conversion: &mut Conversion) {
        for aggregate in &self.timescale.aggregates {
            let Some(place) = self.items.iter().position(|item| item.kind == "VIEW" && item.oid == aggregate.oid)
            else {
                continue;
            };
            match self.rewriter.rewrite(aggregate.definition.trim().trim_end_matches(';')) {
                Ok(query) => {
                    let reads = self.reads(aggregate);
                    materialize(&mut self.items[place], aggregate, &query.sql, reads);
                    self.comment(aggregate);
                    self.losses.push(loss::aggregate(aggregate));
                    conversion.keep(aggregate);
                }
                Err(functions) => {
                    self.lose(place, &format!("MATERIALIZED VIEW {}", aggregate.name.plain()), &functions)
                }
            }
        }
    }

    /// What it is made of and everything else that its query names, but for the extension.
    fn reads(&self, aggregate: &Aggregate) -> BTreeSet<DumpId> {
        let of = |item: &&Item| {
            let kind = matches!(item.kind.as_str(), "TABLE" | "MATERIALIZED VIEW" | "VIEW");
            kind && item.tag == aggregate.of.name && item.schema.as_ref() == Some(&aggregate.of.schema)
        };
        let own = self.items.iter().find(of).map(|item| item.id);
        let named = self.needs.get(&aggregate.oid).into_iter().flatten().copied();
        own.into_iter().chain(named).filter(|need| Some(*need) != self.extension).collect()
    }

    /// `COMMENT ON VIEW` names its kind.
    fn comment(&mut self, aggregate: &Aggregate) {
        let tag = format!("VIEW {}", aggregate.name.name);
        let is_its = |item: &&mut Item| {
            let said = item.tag == tag || item.tag == format!("VIEW \"{}\"", aggregate.name.name);
            item.kind == "COMMENT" && said && item.schema.as_ref() == Some(&aggregate.name.schema)
        };
        for item in self.items.iter_mut().filter(is_its) {
            item.definition = item.definition.replacen("COMMENT ON VIEW ", "COMMENT ON MATERIALIZED VIEW ", 1);
        }
    }

    fn others(&mut self) {
        let Some(extension) = self.extension else { return };
        let calling: Vec<DumpId> = self
            .items
            .iter()
            .filter(|item| {
                matches!(item.kind.as_str(), "VIEW" | "MATERIALIZED VIEW") && item.needs.contains(&extension)
            })
            .map(|item| item.id)
            .collect();
        for id in calling {
            let Some(place) = self.items.iter().position(|item| item.id == id) else { continue };
            let item = &mut self.items[place];
            match self.rewriter.rewrite(&item.definition) {
                Ok(query) => {
                    item.definition.clone_from(&query.sql);
                    item.needs.remove(&extension);
                    let name = described(item);
                    let name = name.strip_prefix(item.kind.as_str()).unwrap_or(&name).trim().to_owned();
                    self.losses.push(loss::view(&name, &query));
                }
                Err(functions) => {
                    let object = described(item);
                    self.lose(place, &object, &functions);
                }
            }
        }
    }

    /// With everything that needs it.
    fn lose(&mut self, place: usize, object: &str, functions: &[String]) {
        let mut gone = BTreeSet::from([self.items[place].id]);
        loop {
            let more: Vec<DumpId> = self
                .items
                .iter()
                .filter(|item| !gone.contains(&item.id) && !item.needs.is_disjoint(&gone))
                .map(|item| item.id)
                .collect();
            if more.is_empty() {
                break;
            }
            gone.extend(more);
        }
        let own = self.items[place].id;
        let dependents = || self.items.iter().filter(|item| gone.contains(&item.id) && item.id != own);
        let vital = dependents().any(|item| is_vital(&item.kind));
        let takes =
            dependents().filter(|item| !matches!(item.kind.as_str(), "ACL" | "COMMENT")).map(described).collect();
        self.losses.push(loss::functions(object.to_owned(), functions, takes, vital));
        self.items.retain(|item| !gone.contains(&item.id));
    }
}

/// `WITH NO DATA`: it is filled when its rows are there.
fn materialize(item: &mut Item, aggregate: &Aggregate, query: &str, reads: BTreeSet<DumpId>) {
    item.kind = "MATERIALIZED VIEW".to_owned();
    item.definition = format!("CREATE MATERIALIZED VIEW {} AS\n{query}\nWITH NO DATA;\n", aggregate.name);
    item.drop = format!("DROP MATERIALIZED VIEW {};\n", aggregate.name);
    item.needs = reads;
}

/// The extension keeps the query of each aggregate as a view of its own, of which pg_dump says what it needs.
fn needs(items: &[Item], timescale: &Timescale) -> BTreeMap<Oid, BTreeSet<DumpId>> {
    let its: Vec<&Item> =
        items.iter().filter(|item| item.kind == "VIEW" && item.schema.as_deref().is_some_and(is_its_schema)).collect();
    let of = |aggregate: &Aggregate| {
        let query = aggregate.definition.trim().trim_end_matches(';');
        let its = its.iter().filter(|item| item.definition.contains(query));
        (aggregate.oid, its.flat_map(|item| &item.needs).copied().collect())
    };
    timescale.aggregates.iter().map(of).collect()
}

/// Tables and aggregates: what queries are made of.
fn relations(timescale: &Timescale, catalog: &Catalog) -> Vec<NamedRelation> {
    let own = |table: &&Table| !is_its_schema(&table.name.schema);
    let tables = catalog.tables.iter().filter(own).map(|table| NamedRelation {
        name: table.name.clone(),
        columns: table.columns.iter().map(|column| (column.name.clone(), Time::of(&column.type_name))).collect(),
    });
    let views = timescale.aggregates.iter().map(|aggregate| NamedRelation {
        name: aggregate.name.clone(),
        columns: aggregate.columns.iter().map(|column| (column.name.clone(), Time::of(&column.of_type))).collect(),
    });
    tables.chain(views).collect()
}
