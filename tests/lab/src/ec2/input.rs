//! Reading the members of a request. The model has checked types before; what is required, AWS says in its own words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::ApiError;

pub type Tags = BTreeMap<String, String>;

/// EC2's limits for tags.
const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 127;
const MAX_VALUE: usize = 255;

/// A structure of a request: the whole, or a part of it.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a Value);

impl<'a> Input<'a> {
    pub fn get(self, member: &str) -> Option<&'a Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    pub fn text(self, member: &str) -> Result<&'a str, ApiError> {
        self.maybe(member).ok_or_else(|| ApiError::missing(member))
    }

    pub fn maybe(self, member: &str) -> Option<&'a str> {
        self.get(member)?.as_str()
    }

    pub fn number(self, member: &str) -> Option<i64> {
        self.get(member)?.as_i64()
    }

    /// A size, a rate, a count.
    pub fn amount(self, member: &str) -> Result<Option<u32>, ApiError> {
        let Some(number) = self.number(member) else { return Ok(None) };
        match u32::try_from(number) {
            Ok(amount) => Ok(Some(amount)),
            Err(_) => Err(ApiError::value(member, &number.to_string(), "It is out of range.")),
        }
    }

    pub fn flag(self, member: &str) -> Option<bool> {
        self.get(member)?.as_bool()
    }

    pub fn part(self, member: &str) -> Option<Self> {
        self.get(member).map(Input)
    }

    pub fn list(self, member: &str) -> impl Iterator<Item = Input<'a>> {
        self.get(member).and_then(Value::as_array).into_iter().flatten().map(Input)
    }

    pub fn texts(self, member: &str) -> Vec<String> {
        self.list(member).filter_map(|item| item.0.as_str()).map(str::to_owned).collect()
    }

    /// The tags that a creation gives to one kind of resource.
    pub fn tags_for(self, kind: &str) -> Result<Tags, ApiError> {
        let mut tags = Tags::new();
        for specification in self.list("TagSpecifications") {
            let named = specification.maybe("ResourceType").unwrap_or_default();
            if named == kind {
                read_tags(specification, &mut tags)?;
            }
        }
        Ok(tags)
    }

    /// Refuses specifications for what the operation does not make.
    pub fn tags_only_for(self, kinds: &[&str]) -> Result<(), ApiError> {
        for specification in self.list("TagSpecifications") {
            let named = specification.maybe("ResourceType").ok_or_else(|| ApiError::missing("ResourceType"))?;
            if !kinds.contains(&named) {
                return Err(ApiError::invalid(format!(
                    "'{named}' is not a valid taggable resource type for this operation."
                )));
            }
        }
        Ok(())
    }

    pub fn tags(self) -> Result<Tags, ApiError> {
        let mut tags = Tags::new();
        read_tags(self, &mut tags)?;
        Ok(tags)
    }
}

fn read_tags(from: Input<'_>, tags: &mut Tags) -> Result<(), ApiError> {
    for tag in from.list("Tags") {
        let (key, value) = (tag.text("Key")?, tag.maybe("Value").unwrap_or_default());
        if key.is_empty() || key.chars().count() > MAX_KEY || key.to_lowercase().starts_with("aws:") {
            return Err(ApiError::invalid(format!(
                "Tag key '{key}' is not valid. Keys have 1 to {MAX_KEY} characters and do not begin with aws:"
            )));
        }
        if value.chars().count() > MAX_VALUE {
            return Err(ApiError::invalid(format!("Tag value exceeds the maximum length of {MAX_VALUE} characters")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(ApiError::invalid(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    match tags.len() > MAX_TAGS {
        true => Err(ApiError::new("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")),
        false => Ok(()),
    }
}
