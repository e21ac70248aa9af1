//! Tables that inherit, with the order of columns that they have at the source. pg_dump writes a parent's columns before the
//! child's own, which is another order where the parent got a column later, or where the child was there before it inherited.
//! Here both happen again: the parent gets the column when its children are there, the child inherits when it is made.
//! Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::archive::{DumpId, Item};
use super::disposition::described;
use super::loss::Loss;
use crate::migrate::catalog::{Catalog, Oid, Table, TableKind};

/// What is done in another way than pg_dump's.
#[derive(Debug, Default)]
pub struct Inherit {
    /// By item: the definition instead of its own.
    pub definitions: HashMap<DumpId, String>,
    /// By item: what follows when it is made.
    pub after: BTreeMap<DumpId, Vec<String>>,
    /// Orders that cannot be had.
    pub losses: Vec<Loss>,
}

struct Member<'a> {
    item: &'a Item,
    table: &'a Table,
    parts: Parts<'a>,
    /// Written whole, and inherits afterwards.
    alone: bool,
}

/// `CREATE TABLE name (`, its columns and constraints, and the rest.
struct Parts<'a> {
    head: &'a str,
    elements: Vec<&'a str>,
    tail: &'a str,
}

impl Inherit {
    pub fn of(kept: &[&Item], source: &Catalog) -> Self {
        let tables = source.tables_by_oid();
        let inheriting: BTreeSet<Oid> =
            source.tables.iter().filter(|table| is_child(table)).map(|table| table.oid).collect();
        let parents: BTreeSet<Oid> =
            inheriting.iter().filter_map(|oid| tables.get(oid)).flat_map(|table| &table.parents).copied().collect();
        let members: Vec<Member<'_>> = kept
            .iter()
            .filter(|item| item.kind == "TABLE" && (inheriting.contains(&item.oid) || parents.contains(&item.oid)))
            .filter_map(|item| {
                let (table, parts) = (*tables.get(&item.oid)?, parts(&item.definition)?);
                let alone = inheriting.contains(&table.oid) && parts.columns().len() == table.columns.len();
                Some(Member { item, table, parts, alone })
            })
            .collect();
        Family { members: &members }.arranged()
    }
}

fn is_child(table: &Table) -> bool {
    table.kind == TableKind::Ordinary && !table.is_partition() && !table.parents.is_empty()
}

/// In the order in which they are made: parents first.
struct Family<'a> {
    members: &'a [Member<'a>],
}

impl Family<'_> {
    fn arranged(&self) -> Inherit {
        let mut inherit = Inherit::default();
        if self.members.iter().all(|member| self.order(member, &BTreeSet::new(), false) == names(member.table)) {
            return inherit;
        }
        let late = self.late();
        for member in self.members {
            let own: Vec<&str> =
                late.iter().filter(|(of, _)| *of == member.table.oid).map(|(_, name)| name.as_str()).collect();
            if !own.is_empty() {
                self.divide(member, &own, &mut inherit);
            } else if self.is_alone(member) {
                self.join_later(member, &mut inherit);
            }
            if self.order(member, &late, true) != names(member.table) {
                let what = "has its columns in another order: SELECT * and INSERT without names mean something else";
                inherit.losses.push(Loss::new(
                    "column-order",
                    described(member.item),
                    what,
                    "name the columns in the clients' statements",
                ));
            }
        }
        inherit
    }

    /// Columns that a parent got when a child had some of its own: of the topmost table that has them.
    fn late(&self) -> BTreeSet<(Oid, String)> {
        let mut late = BTreeSet::new();
        for child in self.members.iter().filter(|member| is_child(member.table) && !member.alone) {
            let own = child.parts.columns();
            let first = names(child.table).into_iter().position(|name| own.contains(&name));
            for name in names(child.table).into_iter().skip(first.unwrap_or(usize::MAX)) {
                if !own.contains(&name) {
                    late.extend(self.origin(child, &name).map(|origin| (origin, name)));
                }
            }
        }
        late
    }

    fn origin(&self, member: &Member<'_>, column: &str) -> Option<Oid> {
        if member.parts.columns().iter().any(|own| own == column) {
            return Some(member.table.oid);
        }
        self.parents(member).find_map(|parent| self.origin(parent, column))
    }

    fn parents(&self, member: &Member<'_>) -> impl Iterator<Item = &Member<'_>> {
        member.table.parents.iter().filter_map(|oid| self.members.iter().find(|other| other.table.oid == *oid))
    }

    fn is_alone(&self, member: &Member<'_>) -> bool {
        member.alone && self.order(member, &BTreeSet::new(), false) != names(member.table)
    }

    /// As the server would have them: the parents' columns, its own, and then what comes late.
    fn order(&self, member: &Member<'_>, late: &BTreeSet<(Oid, String)>, alone: bool) -> Vec<String> {
        let mut order = self.made(member, late, alone);
        let mut above = vec![member];
        while let Some(next) = above.pop() {
            let own = next.parts.columns().into_iter().filter(|name| late.contains(&(next.table.oid, name.clone())));
            order.extend(own.filter(|name| !order.contains(name)).collect::<Vec<_>>());
            above.extend(self.parents(next));
        }
        order
    }

    fn made(&self, member: &Member<'_>, late: &BTreeSet<(Oid, String)>, alone: bool) -> Vec<String> {
        let mut order: Vec<String> = vec![];
        if !(alone && self.is_alone(member)) {
            for parent in self.parents(member) {
                let theirs = self.made(parent, late, alone);
                order.extend(theirs.into_iter().filter(|name| !order.contains(name)).collect::<Vec<_>>());
            }
        }
        let own = member.parts.columns().into_iter().filter(|name| !late.contains(&(member.table.oid, name.clone())));
        order.extend(own.filter(|name| !order.contains(name)).collect::<Vec<_>>());
        order
    }

    /// The parent without these columns, which come after the last of its children.
    fn divide(&self, member: &Member<'_>, late: &[&str], inherit: &mut Inherit) {
        let is_late = |element: &&str| match element.starts_with("CONSTRAINT ") {
            true => late.iter().any(|name| super::mentions(element, name)),
            false => late.contains(&column(element).as_str()),
        };
        let (later, first): (Vec<&str>, Vec<&str>) = member.parts.elements.iter().copied().partition(is_late);
        let name = &member.table.name;
        let added = later.iter().map(|element| {
            let word = if element.starts_with("CONSTRAINT ") { "ADD" } else { "ADD COLUMN" };
            format!("ALTER TABLE {name} {word} {element}")
        });
        let last = self.members.iter().rev().find(|other| self.descends(other, member.table.oid));
        let last = last.unwrap_or(member).item.id;
        inherit.after.entry(last).or_default().extend(added);
        inherit.definitions.insert(member.item.id, member.parts.written(&first, member.parts.tail));
    }

    fn descends(&self, member: &Member<'_>, from: Oid) -> bool {
        self.parents(member).any(|parent| parent.table.oid == from || self.descends(parent, from))
    }

    fn join_later(&self, member: &Member<'_>, inherit: &mut Inherit) {
        let tail = member.parts.tail;
        let Some((before, clause)) = tail.split_once("\nINHERITS (") else { return };
        let Some((_, rest)) = clause.split_once(')') else { return };
        inherit
            .definitions
            .insert(member.item.id, member.parts.written(&member.parts.elements, &format!("{before}{rest}")));
        let name = &member.table.name;
        let joins = self.parents(member).map(|parent| format!("ALTER TABLE ONLY {name} INHERIT {}", parent.table.name));
        inherit.after.entry(member.item.id).or_default().extend(joins);
    }
}

fn names(table: &Table) -> Vec<String> {
    table.columns.iter().map(|column| column.name.clone()).collect()
}

impl Parts<'_> {
    fn columns(&self) -> Vec<String> {
        self.elements
            .iter()
            .filter(|element| !element.starts_with("CONSTRAINT "))
            .map(|element| column(element))
            .collect()
    }

    fn written(&self, elements: &[&str], tail: &str) -> String {
        format!("{}\n    {}\n{tail}", self.head, elements.join(",\n    "))
    }
}

/// The name that an element begins with.
fn column(element: &str) -> String {
    match element.strip_prefix('"') {
        Some(quoted) => quoted.replace("\"\"", "\u{0}").split('"').next().unwrap_or_default().replace('\u{0}', "\""),
        None => element.split(' ').next().unwrap_or_default().to_owned(),
    }
}

/// Cuts at the commas that are in no parenthesis and no quotes.
fn parts(definition: &str) -> Option<Parts<'_>> {
    let open = definition.find(" (\n")? + 2;
    let (mut depth, mut quote, mut start) = (0, None, open);
    let mut elements = vec![];
    for (at, c) in definition[open..].char_indices().map(|(at, c)| (open + at, c)) {
        match quote {
            Some(opened) if c == opened => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == '(' || c == '[' => depth += 1,
            None if depth == 0 && (c == ')' || c == ',') => {
                elements.push(definition[start..at].trim());
                start = at + 1;
                if c == ')' {
                    let elements = elements.into_iter().filter(|element| !element.is_empty()).collect();
                    return Some(Parts { head: &definition[..open], elements, tail: &definition[at..] });
                }
            }
            None if c == ')' || c == ']' => depth -= 1,
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_cut_into_columns_and_constraints() {
        let sql = "CREATE TABLE s.t (\n    a numeric(3,1) DEFAULT '(,'::text,\n    \"b \"\"c\" integer[],\n    CONSTRAINT x CHECK ((a > 0))\n)\nINHERITS (s.p);\n";
        let parts = parts(sql).unwrap();
        assert_eq!(parts.columns(), ["a", "b \"c"]);
        assert_eq!(parts.elements.len(), 3);
        assert_eq!(parts.written(&parts.elements, parts.tail), sql);
    }
}
