//! What names and units share: how a text that is not a value of its type is refused, and the macro that gives each
//! of them its conversions. Knows no particular name or unit.

/// The most characters of a refused text that a message repeats: a plan may hold a megabyte in one string.
const SHOWN: usize = 60;

/// Why a text is no value of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {kind}")]
pub struct ScalarError {
    /// The refused text, shortened for display.
    pub value: String,
    /// What it should have been, with its article: `a plan name`.
    pub kind: &'static str,
    /// The rule that it breaks, a sentence without full stop.
    pub rule: String,
    /// What to write instead, where that can be told.
    pub remedy: Option<String>,
}

impl ScalarError {
    pub fn new(value: &str, kind: &'static str, rule: impl Into<String>) -> Self {
        Self { value: shorten(value), kind, rule: rule.into(), remedy: None }
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// The text in one line of bounded length, with what a terminal would act on escaped.
pub fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(printable).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Other spellings of what was probably meant: case, and the separators that people confuse.
pub fn respellings(text: &str) -> impl Iterator<Item = String> {
    let trimmed = text.trim();
    let lower = trimmed.to_lowercase();
    let joined = |separator: &str| trimmed.split([' ', '_', '-', '.']).collect::<Vec<_>>().join(separator);
    [trimmed.to_owned(), joined("-").to_lowercase(), joined("_").to_lowercase(), lower, joined("_").to_uppercase()]
        .into_iter()
}

/// Escapes what a plan could rewrite the terminal with that shows it.
fn printable(c: char) -> Vec<char> {
    if is_invisible(c) { c.escape_unicode().collect() } else { vec![c] }
}

/// Whether the character has no shape, or changes the direction of text. Each has at most three bytes.
pub fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Conversions from and to text for a type that has `fn parse(&str) -> Result<Self, ScalarError>` and `Display`, and
/// its JSON Schema: a string with a pattern.
macro_rules! text_scalar {
    ($type:ident, pattern: $pattern:expr, max: $max:expr, $description:literal, examples: [$($example:literal),*]) => {
        impl std::str::FromStr for $type {
            type Err = crate::plan::scalar::ScalarError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = crate::plan::scalar::ScalarError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(|error| serde::de::Error::custom(format!("{error}: {}", error.rule)))
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": $description,
                    "pattern": $pattern,
                    "maxLength": $max,
                    "examples": [$($example),*],
                })
            }
        }
    };
}

pub(super) use text_scalar;
