//! How the target's server prints what the source's server prints. Both print what they have parsed, but not alike: by
//! version, and by whether a definition was typed by somebody or read from a print. So the source's definitions are made
//! once at the target's server and printed there, and from then on the two prints are known to be one. Pure.

use serde::{Deserialize, Serialize};

use super::object::{ObjectKey, Objects};

/// Sorted by object. What both print alike is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prints(Vec<Print>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Print {
    object: ObjectKey,
    source: String,
    target: String,
}

impl Prints {
    /// `made` is what was made of the source's own dump at the target's server. That it means the same is shown by facts
    /// and by what it uses, not here.
    pub fn new(source: &Objects, made: &Objects) -> Self {
        let pairs = source.iter().filter_map(|(object, ours)| {
            let theirs = made.get(object).filter(|theirs| theirs.printed != ours.printed)?;
            let (source, target) = (ours.printed.clone(), theirs.printed.clone());
            Some(Print { object: object.clone(), source, target })
        });
        Self(pairs.collect())
    }

    /// An object that came later, as a new partition, has its expressions from another: these are looked for by their text.
    pub fn are_one(&self, object: &ObjectKey, source: &str, target: &str) -> bool {
        let pair = |print: &Print| print.source == source && print.target == target;
        let known = self.0.binary_search_by(|print| print.object.cmp(object));
        source == target
            || known.is_ok_and(|place| pair(&self.0[place]))
            || (!source.is_empty() && self.0.iter().any(|print| print.object.kind == object.kind && pair(print)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::verify::Definition;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { kind: "CONSTRAINT".into(), name: name.into() }
    }

    fn printed(objects: &[(&str, &str)]) -> Objects {
        let one =
            |(name, text): &(&str, &str)| (key(name), Definition { facts: String::new(), printed: (*text).to_owned() });
        objects.iter().map(one).collect()
    }

    #[test]
    fn two_prints_of_one_definition_are_one_and_no_others() {
        let source = printed(&[("a", "x IN ('p', 'q')"), ("b", "y > 0"), ("c", "")]);
        let made = printed(&[("a", "x = ANY ('p', 'q')"), ("b", "y > 0"), ("c", "NULL::timestamp")]);
        let prints = Prints::new(&source, &made);
        assert!(prints.are_one(&key("a"), "x IN ('p', 'q')", "x = ANY ('p', 'q')"));
        assert!(prints.are_one(&key("c"), "", "NULL::timestamp"));
        assert!(prints.are_one(&key("of a new partition"), "x IN ('p', 'q')", "x = ANY ('p', 'q')"));
        assert!(!prints.are_one(&key("a"), "x IN ('p')", "x = ANY ('p', 'q')"), "the source changed");
        assert!(!prints.are_one(&key("a"), "x IN ('p', 'q')", "x = ANY ('p')"), "the target changed");
        assert!(!prints.are_one(&key("b"), "", "NULL::timestamp"), "of another object that has none");
        let file = serde_json::to_string(&prints).unwrap();
        assert_eq!(serde_json::from_str::<Prints>(&file).unwrap(), prints);
    }
}
