//! Tags put on and taken off, and all of them at once.

use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::filters::{matches, one, page};
use super::input::Tags;

/// Kinds of resources that the account has, by what their ids begin with.
const KINDS: [&str; 9] = ["i", "vol", "snap", "eipalloc", "sg", "key", "sir", "sgr", "eni"];

/// Whether all of these resources are the account's: others are MiniStack's.
pub fn are_ours<'a>(mut ids: impl Iterator<Item = &'a str>) -> bool {
    ids.all(|id| id.rsplit_once('-').is_some_and(|(kind, _)| KINDS.contains(&kind)))
}

pub fn create(call: &mut Call<'_>) -> Answer {
    let tags = call.input.tags()?;
    change(call, |held| held.extend(tags.clone()))
}

/// A tag whose value is named goes only if it has that; without tags all of them go.
pub fn delete(call: &mut Call<'_>) -> Answer {
    let named: Vec<(String, Option<String>)> = call
        .input
        .list("Tags")
        .map(|tag| Ok((tag.text("Key")?.to_owned(), tag.maybe("Value").map(str::to_owned))))
        .collect::<Result<_, ApiError>>()?;
    change(call, |held| {
        held.retain(|key, value| {
            let goes = |(name, of): &(String, Option<String>)| name == key && of.as_ref().is_none_or(|of| of == value);
            !(named.is_empty() || named.iter().any(goes))
        });
    })
}

fn change(call: &mut Call<'_>, edit: impl Fn(&mut Tags)) -> Answer {
    for id in call.input.texts("Resources") {
        let (_, held) = call.region.tags_mut(&id).ok_or_else(|| missing(&id))?;
        edit(held);
    }
    Ok(json!({}))
}

fn missing(id: &str) -> ApiError {
    let code = match id.rsplit_once('-').map(|(kind, _)| kind) {
        Some("i") => "InvalidInstanceID.NotFound",
        Some("vol") => "InvalidVolume.NotFound",
        Some("snap") => "InvalidSnapshot.NotFound",
        Some("sg") => "InvalidGroup.NotFound",
        Some("eipalloc") => "InvalidAllocationID.NotFound",
        _ => "InvalidID",
    };
    ApiError::new(code, format!("The ID '{id}' is not valid"))
}

/// Id, kind and tags of whatever has tags.
fn all(region: &Region) -> Vec<(String, &'static str, Tags)> {
    let mut ids: Vec<String> = region.instances.keys().chain(region.volumes.keys()).cloned().collect();
    ids.extend(region.snapshots.keys().chain(region.addresses.keys()).chain(region.groups.keys()).cloned());
    ids.extend(region.spot_requests.keys().cloned());
    ids.extend(region.key_pairs.values().map(|pair| pair.id.clone()));
    ids.extend(region.groups.values().flat_map(|group| group.rules.iter().map(|rule| rule.id.clone())));
    ids.extend(region.instances.values().map(|instance| instance.interface.id.clone()));
    let mut copy = region.clone();
    let tagged = ids.into_iter().filter_map(|id| {
        let (kind, tags) = copy.tags_mut(&id)?;
        (!tags.is_empty()).then(|| (id, kind, tags.clone()))
    });
    tagged.collect()
}

pub fn describe(call: &Call<'_>) -> Answer {
    let mut shown: Vec<Value> = Vec::new();
    for (id, kind, tags) in all(call.region) {
        for (key, value) in &tags {
            let only = Tags::from([(key.clone(), value.clone())]);
            let of = |name: &str| match name {
                "resource-id" => one(&id),
                "resource-type" => one(kind),
                "key" => one(key),
                "value" => one(value),
                _ => None,
            };
            if matches(call.input, &only, of)? {
                shown.push(json!({ "ResourceId": id, "ResourceType": kind, "Key": key, "Value": value }));
            }
        }
    }
    page(call, "Tags", shown)
}
