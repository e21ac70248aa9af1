//! Capacity of a serverless database.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Aurora capacity units: each about 2 GiB of memory, with the processor and network that go with it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acu(pub f64);

impl Acu {
    /// A database that pauses at 0 cannot be followed, which the way back of a migration needs.
    pub const LEAST: Self = Self(0.5);
    pub const MOST: Self = Self(256.0);
    const MEMORY_GB: f64 = 2.0;

    /// Within what Aurora has, in its steps of a half.
    pub fn exists(self) -> bool {
        (Self::LEAST..=Self::MOST).contains(&self) && (self.0 * 2.0).fract() == 0.0
    }

    pub fn memory_gb(self) -> f64 {
        self.0 * Self::MEMORY_GB
    }
}

impl fmt::Display for Acu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Acu {
    fn schema_name() -> Cow<'static, str> {
        "Acu".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "number",
            "description": "Aurora capacity units, in steps of 0.5.",
            "minimum": 0.5,
            "maximum": 256,
            "multipleOf": 0.5
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_goes_in_halves() {
        for good in [0.5, 1.0, 8.5, 256.0] {
            assert!(Acu(good).exists(), "{good}");
        }
        for bad in [0.0, 0.25, 8.3, 256.5, -1.0, f64::NAN, f64::INFINITY] {
            assert!(!Acu(bad).exists(), "{bad}");
        }
        assert_eq!((Acu(8.0).to_string(), Acu(0.5).to_string()), ("8".into(), "0.5".into()));
    }
}
