//! Takes a record apart into its fields, without allocating and without looking into their values.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A field that a record may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Kind,
    AgentId,
    SessionId,
    Ts,
    Location,
    Payload,
    Role,
    TraceId,
    SpanId,
    ParentSpanId,
    Name,
    DurationMs,
}

const ALL: [(&str, Field); 12] = [
    ("kind", Field::Kind),
    ("agent_id", Field::AgentId),
    ("session_id", Field::SessionId),
    ("ts", Field::Ts),
    ("location", Field::Location),
    ("payload", Field::Payload),
    ("role", Field::Role),
    ("trace_id", Field::TraceId),
    ("span_id", Field::SpanId),
    ("parent_span_id", Field::ParentSpanId),
    ("name", Field::Name),
    ("duration_ms", Field::DurationMs),
];

impl Field {
    pub fn name(self) -> &'static str {
        ALL[self as usize].0
    }
}

/// The raw values of one record. `null` counts as absent.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    values: [Option<&'a RawValue>; ALL.len()],
    pub unknown: Option<String>,
    pub repeated: Option<Field>,
}

impl<'a> Fields<'a> {
    pub fn get(&self, field: Field) -> Option<&'a str> {
        self.values[field as usize].map(RawValue::get).filter(|text| *text != "null")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Known(field) => {
                    if fields.values[field as usize].replace(map.next_value()?).is_some() {
                        fields.repeated = Some(field);
                    }
                }
                Key::Unknown(name) => {
                    map.next_value::<IgnoredAny>()?;
                    fields.unknown.get_or_insert(name);
                }
            }
        }
        Ok(fields)
    }
}

enum Key {
    Known(Field),
    Unknown(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        let known = ALL.iter().find(|(known, _)| *known == name);
        // Only enough of a name to recognise it: it is repeated in the answer.
        Ok(known.map_or_else(|| Key::Unknown(name.chars().take(64).collect()), |(_, field)| Key::Known(*field)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_the_enum() {
        for (index, (name, field)) in ALL.iter().enumerate() {
            assert_eq!(*field as usize, index);
            assert_eq!(field.name(), *name);
        }
    }

    #[test]
    fn values_stay_as_they_came() {
        let fields: Fields<'_> =
            serde_json::from_str(r#"{"payload": {"a" : 1.0}, "ts":null, "x":[1], "\u0079":2}"#).unwrap();
        assert_eq!(fields.get(Field::Payload), Some(r#"{"a" : 1.0}"#));
        assert_eq!(fields.get(Field::Ts), None);
        assert_eq!(fields.unknown.as_deref(), Some("x"));
    }

    #[test]
    fn a_repeated_field_is_seen() {
        let fields: Fields<'_> = serde_json::from_str(r#"{"ts":1,"ts":2}"#).unwrap();
        assert_eq!(fields.repeated, Some(Field::Ts));
    }
}
