//! Where each key and value of a plan stands, by its path (`hosts.vault.ports[0].from`).
//! Also remembers what was written but refused, so that a rule about absence does not speak of it.

use std::collections::BTreeMap;
use std::ops::Range;

/// Places of keys and values, in bytes of the file.
#[derive(Debug, Clone, Default)]
pub struct Spans(BTreeMap<String, Place>);

#[derive(Debug, Clone)]
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

impl Spans {
    pub(super) fn record(&mut self, path: &str, key: Range<usize>, value: Range<usize>) {
        self.0.insert(path.to_owned(), Place { key, value });
    }

    /// Forgets a list's element and all in it: the next one takes its index.
    pub(super) fn forget(&mut self, path: &str) {
        let within = |known: &&String| known.starts_with(path);
        let gone: Vec<String> =
            self.0.range(path.to_owned()..).map(|(known, _)| known).take_while(within).cloned().collect();
        for known in gone {
            self.0.remove(&known);
        }
    }

    /// Remembers that a value, or something in it, was written and is refused.
    pub(super) fn record_refused(&mut self, path: &str, at: Range<usize>) {
        self.record(&format!("{path}[?]"), at.clone(), at);
    }

    /// Whether a value, or something in it, was written and is refused.
    pub fn has_refused(&self, path: &str) -> bool {
        self.has(&format!("{path}[?]"))
    }

    /// Whether the file has something there.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Whether the file has something inside of it.
    pub fn has_below(&self, path: &str) -> bool {
        let inside = |known: &String| known[path.len()..].starts_with(['.', '[']);
        self.0.range(path.to_owned()..).map(|(known, _)| known).take_while(|known| known.starts_with(path)).any(inside)
    }

    /// The keys of a table, as they are written; of names without dots.
    pub fn children<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let start = format!("{path}.");
        let within = self.0.range(start.clone()..).map(|(known, _)| known.as_str());
        let rest = within.map_while(move |known| known.strip_prefix(start.as_str()));
        rest.filter(|name| !name.contains(['.', '[']))
    }

    /// The key, or the nearest thing around it that the file has.
    pub fn key(&self, path: &str) -> Range<usize> {
        self.nearest(path).map_or(0..0, |place| place.key.clone())
    }

    /// The value, or the key of the nearest thing around it that the file has.
    pub fn value(&self, path: &str) -> Range<usize> {
        self.0.get(path).map_or_else(|| self.key(path), |place| place.value.clone())
    }

    fn nearest(&self, path: &str) -> Option<&Place> {
        self.0.get(path).or_else(|| self.nearest(parent(path)?))
    }
}

/// The path of what holds it: `a.b[0]` → `a.b` → `a`.
fn parent(path: &str) -> Option<&str> {
    path.rfind(['.', '[']).map(|end| &path[..end])
}
