//! What a rehearsal tells. Pure, and kept in the migration's folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::migrate::schema::Refusal;
use crate::migrate::verify::{Definition, ObjectKey, Uses};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// In the order in which the schema is made.
    pub refused: Vec<Refusal>,
    /// Every object that could be made, as the target's server prints it: with the target's names and owners.
    #[serde(with = "pairs")]
    pub printed: BTreeMap<ObjectKey, Definition>,
    /// What they are made of there.
    #[serde(with = "pairs")]
    pub uses: Uses,
}

/// Keys of JSON's own maps are texts.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ObjectKey;

    pub fn serialize<V: Serialize, S: Serializer>(map: &BTreeMap<ObjectKey, V>, to: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<ObjectKey, V>, D::Error> {
        Ok(Vec::<(ObjectKey, V)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let refused = vec![Refusal { subject: "VIEW s.v".into(), sqlstate: "42P17".into(), message: "no".into() }];
        let key = ObjectKey { kind: "VIEW".into(), name: "s.w".into() };
        let rehearsal =
            Rehearsal { refused, printed: BTreeMap::from([(key, Definition::of("SELECT 1"))]), uses: Uses::new() };
        let text = serde_json::to_string(&rehearsal).unwrap();
        assert_eq!(serde_json::from_str::<Rehearsal>(&text).unwrap(), rehearsal);
    }
}
