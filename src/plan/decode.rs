//! The parsed TOML against the shape of a plan: every unknown key, wrong type, bad value and missing key is a finding
//! with its place. What is right is kept, so that the rules can speak about it in the same run.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::advice;
use super::finding::{Finding, MOST};
use super::scalar::ScalarError;
use super::shape::{Check, Key, Shape};
use super::spans::Spans;

/// A document's content as far as it is right, where everything stands, and what is wrong.
#[derive(Debug, Default)]
pub struct Decoded {
    pub value: toml::Table,
    pub spans: Spans,
    pub findings: Vec<Finding>,
}

/// Stands in a path for a name that is none, while what it names is checked.
const REFUSED: &str = "?";

/// Decodes a whole document.
pub fn decode(document: &DeTable<'_>, keys: &BTreeMap<String, Key>, length: usize) -> Decoded {
    let mut decoder = Decoder::default();
    let (value, _) = decoder.table(document, keys, &Place { path: String::new(), key: 0..0, value: 0..length });
    Decoded { value, spans: decoder.spans, findings: decoder.findings }
}

#[derive(Default)]
struct Decoder {
    spans: Spans,
    findings: Vec<Finding>,
}

/// Where a value stands.
struct Place {
    path: String,
    key: Range<usize>,
    value: Range<usize>,
}

impl Place {
    fn of_key(&self, key: &str, at: Range<usize>, value: &Spanned<DeValue<'_>>) -> Self {
        Self { path: self.path_of(key), key: at, value: value.span() }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn of_item(&self, index: usize, item: &Spanned<DeValue<'_>>) -> Self {
        Self { path: format!("{}[{index}]", self.path), key: item.span(), value: item.span() }
    }

    /// For messages: the last part of the path, or the plan itself.
    fn name(&self) -> String {
        match self.path.rsplit('.').next() {
            None | Some("") => "the plan".to_owned(),
            Some(name) => match name.split_once('[') {
                Some((list, _)) => format!("an element of `{list}`"),
                None => format!("`{name}`"),
            },
        }
    }
}

impl Decoder {
    fn value(&mut self, value: &DeValue<'_>, shape: &Shape, at: &Place) -> Option<toml::Value> {
        self.spans.record(&at.path, at.key.clone(), at.value.clone());
        match (shape, value) {
            (Shape::Table(keys), DeValue::Table(table)) => {
                let (table, whole) = self.table(table, keys, at);
                whole.then_some(toml::Value::Table(table))
            }
            (Shape::Names { name, value }, DeValue::Table(table)) => {
                Some(toml::Value::Table(self.names(table, *name, value, at)))
            }
            (Shape::List(item), DeValue::Array(array)) => Some(toml::Value::Array(self.list(array, item, at))),
            (Shape::Text(check), DeValue::String(text)) => self.text(text, *check, at),
            (Shape::Word { of, words }, DeValue::String(text)) => self.word(text, of, words, at),
            (Shape::Integer { min, max }, DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                self.integer(number, *min, *max, at)
            }
            (Shape::Number, DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                // The thresholds that are numbers stay far below 2^53, where f64 counts exactly.
                self.number(number.map(|number| number as f64), at)
            }
            (Shape::Number, DeValue::Float(number)) => self.number(number.as_str().parse().ok(), at),
            (Shape::Boolean, DeValue::Boolean(value)) => Some(toml::Value::Boolean(*value)),
            (Shape::Either(shapes), _) => self.either(value, shape, shapes, at),
            _ => self.wrong_type(value, shape, at),
        }
    }

    /// The table as far as it is right, and whether it has all that it must have.
    fn table(&mut self, table: &DeTable<'_>, keys: &BTreeMap<String, Key>, at: &Place) -> (toml::Table, bool) {
        let mut kept = toml::Table::new();
        let (mut whole, mut misspelled) = (true, Vec::new());
        for (key, value) in table {
            let place = at.of_key(key.get_ref(), key.span(), value);
            let Some(known) = keys.get(key.get_ref().as_ref()) else {
                let meant = self.unknown_key(key, at, keys);
                misspelled.extend(meant);
                continue;
            };
            match self.value(value.get_ref(), &known.shape, &place) {
                Some(value) => drop(kept.insert(key.get_ref().to_string(), value)),
                None => {
                    self.spans.record_refused(&place.path, place.key.clone());
                    whole &= !known.required;
                }
            }
        }
        for (name, key) in keys.iter().filter(|(name, key)| key.required && !table.contains_key(name.as_str())) {
            whole = false;
            if !misspelled.contains(&name.as_str()) {
                self.findings.push(missing_key(name, key, at));
            }
        }
        (kept, whole)
    }

    /// The key that is meant counts as written: it is not missing as well.
    fn unknown_key<'k>(
        &mut self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        at: &Place,
        keys: &'k BTreeMap<String, Key>,
    ) -> Option<&'k str> {
        let known: Vec<&str> = keys.keys().map(String::as_str).collect();
        // Comparing words is slow, and nobody reads that far.
        let meant = if self.findings.len() < MOST { advice::meant(key.get_ref(), &known) } else { None };
        self.findings.push(advice::unknown_key(key.get_ref(), key.span(), &at.name(), &known, meant));
        if let Some(meant) = meant {
            self.spans.record(&at.path_of(meant), key.span(), key.span());
        }
        meant
    }

    fn names(&mut self, table: &DeTable<'_>, name: Option<Check>, value: &Shape, at: &Place) -> toml::Table {
        let mut kept = toml::Table::new();
        for (key, item) in table {
            if let Some(error) = name.and_then(|check| check(key.get_ref())) {
                self.findings.push(invalid("invalid-name", error, key.span()));
                let place = at.of_key(REFUSED, key.span(), item);
                self.value(item.get_ref(), value, &place);
                self.spans.forget(&place.path);
                self.spans.record_refused(&at.path, at.key.clone());
                continue;
            }
            let place = at.of_key(key.get_ref(), key.span(), item);
            if let Some(item) = self.value(item.get_ref(), value, &place) {
                kept.insert(key.get_ref().to_string(), item);
            }
        }
        kept
    }

    /// The elements that are right, under the indices that they have among themselves.
    fn list(&mut self, array: &[Spanned<DeValue<'_>>], item: &Shape, at: &Place) -> Vec<toml::Value> {
        let mut kept = Vec::new();
        for value in array {
            let place = at.of_item(kept.len(), value);
            match self.value(value.get_ref(), item, &place) {
                Some(value) => kept.push(value),
                None => self.spans.forget(&place.path),
            }
        }
        if kept.len() < array.len() {
            self.spans.record_refused(&at.path, at.value.clone());
        }
        kept
    }

    fn text(&mut self, text: &str, check: Option<Check>, at: &Place) -> Option<toml::Value> {
        if let Some(error) = check.and_then(|check| check(text)) {
            self.findings.push(invalid("invalid-value", error, at.value.clone()));
            return None;
        }
        if text.contains('\0') {
            let finding = Finding::error("invalid-value", format!("{} contains a NUL character", at.name()));
            self.findings.push(finding.at(at.value.clone(), "here").reason("no file name or variable can hold one"));
            return None;
        }
        Some(toml::Value::String(text.to_owned()))
    }

    fn word(&mut self, text: &str, of: &str, words: &[String], at: &Place) -> Option<toml::Value> {
        if words.iter().any(|word| word == text) {
            return Some(toml::Value::String(text.to_owned()));
        }
        self.findings.push(advice::unknown_word(text, of, words, at.value.clone()));
        None
    }

    fn integer(&mut self, number: Option<i64>, min: i64, max: i64, at: &Place) -> Option<toml::Value> {
        let inside = number.filter(|number| (min..=max).contains(number));
        if inside.is_none() {
            let limits = format!("a whole number from {min} to {max}");
            let finding = Finding::error("out-of-range", format!("{} is out of range", at.name()));
            self.findings.push(finding.at(at.value.clone(), "out of range").reason(format!("it is {limits}")));
        }
        inside.map(toml::Value::Integer)
    }

    fn number(&mut self, number: Option<f64>, at: &Place) -> Option<toml::Value> {
        let finite = number.filter(|number| number.is_finite());
        if finite.is_none() {
            let finding = Finding::error("out-of-range", format!("{} is not a finite number", at.name()));
            self.findings.push(finding.at(at.value.clone(), "no value can be compared with it"));
        }
        finite.map(toml::Value::Float)
    }

    fn either(&mut self, value: &DeValue<'_>, all: &Shape, shapes: &[Shape], at: &Place) -> Option<toml::Value> {
        match shapes.iter().find(|shape| accepts(shape, value)) {
            Some(shape) => self.value(value, shape, at),
            None => self.wrong_type(value, all, at),
        }
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, shape: &Shape, at: &Place) -> Option<toml::Value> {
        let message = format!("{} is {}, not {}", at.name(), described(value), shape.described());
        let finding = Finding::error("wrong-type", message).at(at.value.clone(), described(value));
        // A remedy names the value, and a variable's is nobody's business.
        let remedy = advice::retyped(value, shape).filter(|_| !at.path.starts_with("bundle.vars."));
        self.findings.push(match remedy {
            Some(remedy) => finding.remedy(remedy),
            None => finding,
        });
        None
    }
}

/// Whether the value has the shape's type, whatever its content.
fn accepts(shape: &Shape, value: &DeValue<'_>) -> bool {
    matches!(
        (shape, value),
        (Shape::Text(_) | Shape::Word { .. }, DeValue::String(_))
            | (Shape::Integer { .. } | Shape::Number, DeValue::Integer(_))
            | (Shape::Number, DeValue::Float(_))
            | (Shape::Boolean, DeValue::Boolean(_))
            | (Shape::List(_), DeValue::Array(_))
            | (Shape::Table(_) | Shape::Names { .. }, DeValue::Table(_))
    )
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn missing_key(name: &str, key: &Key, at: &Place) -> Finding {
    let place = if at.path.is_empty() { 0..0 } else { at.key.clone() };
    let finding = Finding::error("missing-key", format!("{} has no `{name}`", at.name()))
        .at(place, format!("`{name}` is missing"))
        .remedy(format!("add `{name} = …`, {}", key.shape.described()));
    if key.description.is_empty() { finding } else { finding.reason(format!("it is required: {}", key.description)) }
}

fn invalid(code: &'static str, error: ScalarError, span: Range<usize>) -> Finding {
    let finding = Finding::error(code, error.to_string()).at(span, format!("not {}", error.kind)).reason(error.rule);
    match error.remedy {
        Some(remedy) => finding.remedy(remedy),
        None => finding,
    }
}
