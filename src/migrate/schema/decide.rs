//! What of the archive is carried, and what is lost: by a rule, because the target refused it when it was rehearsed, or with
//! what it needs. Pure.

use std::collections::{BTreeSet, HashMap};

use super::archive::{DumpId, Item};
use super::disposition::{Classifier, Disposition, described};
use super::loss::{Consequence, Loss};
use super::refusal::Refusal;

/// Without these, rows or what makes sense of them would be missing.
const VITAL: [&str; 12] = [
    "AGGREGATE",
    "CONSTRAINT",
    "DEFAULT",
    "DOMAIN",
    "FUNCTION",
    "MATERIALIZED VIEW",
    "OPERATOR",
    "PROCEDURE",
    "SEQUENCE",
    "TABLE",
    "TYPE",
    "VIEW",
];

pub fn is_vital(kind: &str) -> bool {
    VITAL.contains(&kind)
}

/// Said about other objects: they go with those without a word.
const SAID: [&str; 6] = ["ACL", "COMMENT", "DEFAULT ACL", "SECURITY LABEL", "SHELL TYPE", "INDEX ATTACH"];

/// Refused by themselves, these hold or shape rows; the rest can be left out with consent.
const HOLDS_ROWS: [&str; 7] = ["CONSTRAINT", "DEFAULT", "DOMAIN", "SCHEMA", "SEQUENCE", "TABLE", "TYPE"];

/// The code of what no rule foresaw.
const REFUSED: &str = "refused-by-target";

/// What is carried, in the archive's order, and the losses.
pub(super) fn decide<'a>(items: &'a [Item], classifier: &Classifier<'_>) -> (Vec<&'a Item>, Vec<Loss>) {
    let mut decided = Decided::default();
    for item in items {
        decided.decide(item, classifier);
    }
    decided.name_callers();
    (decided.kept, decided.losses)
}

#[derive(Default)]
struct Decided<'a> {
    kept: Vec<&'a Item>,
    losses: Vec<Loss>,
    /// With the loss that they belong to.
    lost: Vec<(&'a Item, usize)>,
    by_id: HashMap<DumpId, usize>,
    elsewhere: BTreeSet<DumpId>,
}

impl<'a> Decided<'a> {
    fn decide(&mut self, item: &'a Item, classifier: &Classifier<'_>) {
        if is_part_of_publication(item) && !item.needs.is_disjoint(&self.elsewhere) {
            return;
        }
        if let Some(cause) = item.needs.iter().find_map(|need| self.by_id.get(need)).copied() {
            return self.goes_with(item, cause);
        }
        let refusal = classifier.refusal(&described(item));
        if let Some(cause) = refusal.and_then(|refusal| self.cause(refusal)) {
            return self.goes_with(item, cause);
        }
        match (classifier.disposition(item), refusal) {
            (Disposition::Lost(loss), _) => self.lose(item, loss),
            (Disposition::Elsewhere, _) => drop(self.elsewhere.insert(item.id)),
            (Disposition::Carried | Disposition::Changed(_), Some(refusal)) => {
                self.lose(item, refused(described(item), &item.kind, refusal))
            }
            (Disposition::Carried, None) => self.kept.push(item),
            (Disposition::Changed(loss), None) => {
                self.losses.push(loss);
                self.kept.push(item);
            }
        }
    }

    fn lose(&mut self, item: &'a Item, loss: Loss) {
        self.note(item, self.losses.len());
        self.losses.push(loss);
    }

    fn goes_with(&mut self, item: &'a Item, cause: usize) {
        self.note(item, cause);
        if !SAID.contains(&item.kind.as_str()) {
            self.losses[cause].takes.push(described(item));
        }
        if is_vital(&item.kind) {
            self.losses[cause].consequence = Consequence::Blocks;
        }
    }

    fn note(&mut self, item: &'a Item, loss: usize) {
        self.by_id.insert(item.id, loss);
        self.lost.push((item, loss));
    }

    /// The loss of what the server could not find, if it is one.
    fn cause(&self, refusal: &Refusal) -> Option<usize> {
        let named = |item: &Item| {
            let name = name(item);
            !SAID.contains(&item.kind.as_str()) && mentions(&refusal.message, name)
        };
        let found = || self.lost.iter().find(|(item, _)| named(item)).map(|(_, loss)| *loss);
        refusal.is_missing().then(found).flatten()
    }

    /// Functions whose text calls what is lost. They are made, since a server does not look into their text.
    fn name_callers(&mut self) {
        let routine = |item: &Item| matches!(item.kind.as_str(), "FUNCTION" | "PROCEDURE" | "AGGREGATE");
        for (lost, loss) in &self.lost {
            // Another of its name may be meant.
            let another = self.kept.iter().any(|item| routine(item) && name(item) == name(lost));
            if !routine(lost) || another {
                continue;
            }
            let calling = self.kept.iter().filter(|item| routine(item) && calls(&item.definition, name(lost)));
            let names = calling.map(|item| described(item)).collect::<Vec<_>>();
            let callers = &mut self.losses[*loss].callers;
            callers.extend(names.into_iter().filter(|name| !callers.contains(name)).collect::<Vec<_>>());
        }
    }
}

/// What the target refused, as a loss.
pub(super) fn refused(object: String, kind: &str, refusal: &Refusal) -> Loss {
    let what = format!("the target refuses it: {} (SQLSTATE {})", refusal.message, refusal.sqlstate);
    let loss = Loss::new(REFUSED, object, what, "change or drop it at the source, or do without it");
    match HOLDS_ROWS.contains(&kind) {
        true => Loss { consequence: Consequence::Blocks, ..loss },
        false => loss,
    }
}

fn is_part_of_publication(item: &Item) -> bool {
    item.kind.starts_with("PUBLICATION TABLE")
}

/// Without arguments and quotes.
fn name(item: &Item) -> &str {
    item.tag.split('(').next().unwrap_or(&item.tag).trim_matches('"')
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// As a word of its own, with what follows it.
fn places<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let whole = |at: usize, after: &str| !text[..at].ends_with(is_in_word) && !after.starts_with(is_in_word);
    let length = name.len();
    text.match_indices(name)
        .map(move |(at, _)| (at, &text[at + length..]))
        .filter(move |(at, after)| whole(*at, after))
        .map(|(_, after)| after)
}

pub fn mentions(message: &str, name: &str) -> bool {
    !name.is_empty() && places(message, name).next().is_some()
}

fn calls(definition: &str, name: &str) -> bool {
    !name.is_empty()
        && places(definition, name).any(|after| after.trim_start_matches('"').trim_start().starts_with('('))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_words_and_calls_by_their_parenthesis() {
        assert!(mentions("function public.iu(regdictionary, text) does not exist", "iu"));
        assert!(!mentions("function public.iux(text) does not exist", "iu"));
        assert!(calls("SELECT public.iu ($1)", "iu") && calls("\"iu\"($1)", "iu"));
        assert!(!calls("SELECT iu FROM t", "iu") && !calls("SELECT niu(1)", "iu"));
    }
}
