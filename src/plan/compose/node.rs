//! YAML as nodes that know their places. Aliases and merges are resolved: what stands there, Compose sees too.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::{NonFiniteFloatPolicy, Options};

/// Events that aliases may stand for in all. A hundred services that share ten blocks need a hundredth of it; a bomb of
/// nested aliases ends here.
const MOST_REPLAYED: usize = 200_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    /// In bytes of the file; of an alias, where its anchor stands.
    pub span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As YAML prints it.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub name: String,
    pub span: Range<usize>,
}

/// Why a text is no YAML, and where.
pub(super) struct YamlError {
    pub message: String,
    pub at: Range<usize>,
}

pub(super) fn parse(text: &str) -> Result<Node, YamlError> {
    serde_saphyr::from_str_with_options::<Node>(text, options()).map_err(|error| {
        let at = error.location().map_or(0..0, |location| place(text, &location));
        YamlError { message: first_line(&error.without_snippet().to_string()), at }
    })
}

/// A file of many services names each anchor many times: it is what aliases stand for that is counted, not how many there are.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { enforce_alias_anchor_ratio: false },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPLAYED },
        // As Compose reads them: `yes` and `on` are text.
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
    }
}

/// Errors know lines and columns alone.
fn place(text: &str, location: &serde_saphyr::Location) -> Range<usize> {
    if location.span().byte_offset().is_some() {
        return bytes(location);
    }
    let whole = |number: u64| usize::try_from(number).unwrap_or(1).saturating_sub(1);
    let line = text.split_inclusive('\n').take(whole(location.line())).map(str::len).sum::<usize>();
    let column = text[line..].chars().take(whole(location.column())).map(char::len_utf8).sum::<usize>();
    let start = (line + column).min(text.len());
    start..(start + 1).min(text.len())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("unreadable").to_owned()
}

fn bytes(location: &serde_saphyr::Location) -> Range<usize> {
    let number = |value: Option<u64>| value.and_then(|value| usize::try_from(value).ok()).unwrap_or(0);
    let span = location.span();
    let start = number(span.byte_offset());
    start..start + number(span.byte_len())
}

impl Node {
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar as Compose puts it into a string; None for null and for what is no scalar.
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    pub fn list(&self) -> &[Node] {
        match &self.value {
            Value::List(list) => list,
            _ => &[],
        }
    }

    pub fn map(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(map) => map,
            _ => &[],
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    pub fn entry(&self, key: &str) -> Option<(&Key, &Node)> {
        self.map().iter().find(|(name, _)| name.name == key).map(|(name, value)| (name, value))
    }

    /// In words, for what should be something else.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "empty",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Every text in it, with its place.
    pub fn texts<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &Range<usize>)) {
        match &self.value {
            Value::Text(text) => visit(text, &self.span),
            Value::List(list) => list.iter().for_each(|node| node.texts(visit)),
            Value::Map(map) => map.iter().for_each(|(_, node)| node.texts(visit)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// `self` over `base`: maps are joined, all else of `self` takes the place of what `base` has.
    pub fn over(&self, base: &Node) -> Node {
        let (Value::Map(mine), Value::Map(theirs)) = (&self.value, &base.value) else { return self.clone() };
        let mut joined: Vec<(Key, Node)> = theirs.clone();
        for (key, node) in mine {
            match joined.iter_mut().find(|(known, _)| known.name == key.name) {
                Some(entry) => *entry = (key.clone(), node.over(&entry.1)),
                None => joined.push((key.clone(), node.clone())),
            }
        }
        Node { value: Value::Map(joined), span: self.span.clone() }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { span: bytes(&found.defined), value: found.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { span: bytes(&found.defined), name: found.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn parsed(text: &str) -> Node {
        parse(text).map_err(|error| error.message).unwrap()
    }

    #[test]
    fn every_value_knows_its_place() {
        let text = "a: &x { b: \"é\", c: [1, two] }\nd: *x\ne:\n  <<: *x\n  c: yes\nf:\n";
        let node = parsed(text);
        let at = |node: &Node| text[node.span.clone()].to_owned();
        let a = node.get("a").unwrap();
        assert_eq!((at(a.get("b").unwrap()), at(&a.get("c").unwrap().list()[1])), ("\"é\"".into(), "two".into()));
        assert_eq!(node.get("d").unwrap().get("b"), a.get("b"), "an alias is what it stands for");
        let merged = node.get("e").unwrap();
        assert_eq!((merged.get("b").unwrap().as_text(), merged.get("c").unwrap().as_text()), (Some("é"), Some("yes")));
        let (key, _) = node.entry("d").unwrap();
        assert_eq!(&text[key.span.clone()], "d");
        assert!(node.get("f").unwrap().is_null());
    }

    #[test]
    fn many_aliases_are_read_and_a_bomb_is_not() {
        let mut honest = String::from("x: { a: &a { k: v, l: [1, 2, 3] } }\nservices:\n");
        for number in 0..2_000 {
            writeln!(honest, "  s{number}: {{ <<: *a, logging: *a, deploy: *a }}").unwrap();
        }
        assert_eq!(parsed(&honest).get("services").unwrap().map().len(), 2_000);

        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(bomb, "a{level}: &a{level} [{items}]").unwrap();
        }
        let error = parse(&bomb).map(drop).unwrap_err();
        assert!(error.message.contains("alias"), "{}", error.message);
    }

    #[test]
    fn a_broken_file_is_told_with_its_place() {
        let text = "services:\n  a: [1\n";
        let error = parse(text).map(drop).unwrap_err();
        assert!(error.at.start > 0 && !error.message.contains('\n'), "{} {:?}", error.message, error.at);
        assert!(parse("a: 1\nb: 2\na: 3\n").is_err(), "a key twice");
    }
}
