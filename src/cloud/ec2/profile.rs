//! What the plan's instances may do by themselves: IAM's part. A role with one policy, and the instance profile in which an
//! instance gets the role; all of one name. IAM tells a policy percent-encoded.

use aws_sdk_iam::Client;
use aws_sdk_iam::types as sdk;
use percent_encoding::percent_decode_str;

use super::errors::{error, taken};
use crate::cloud::api::{CloudError, CloudErrorKind, Probe};
use crate::inventory::{Profile, ResourceName, TAG_PLAN, Tags};
use crate::plan::PlanName;
use crate::steps::{POLICY, ProfileCall, TRUST};

pub(super) async fn observe(client: &Client, name: &ResourceName, plan: &PlanName) -> Result<Profile, CloudError> {
    let (role, policy, profile) =
        tokio::try_join!(role(client, name), policy(client, name), instance_profile(client, name))?;
    let strange = |found: Option<&Tags>| found.is_some_and(|tags| !tags.is_plan(plan));
    Ok(Profile {
        foreign: strange(role.as_ref()) || strange(profile.as_ref().map(|profile| &profile.tags)),
        role: role.is_some(),
        policy,
        has_role: profile.as_ref().is_some_and(|profile| profile.has_role),
        profile: profile.is_some(),
    })
}

struct InstanceProfile {
    tags: Tags,
    has_role: bool,
}

async fn role(client: &Client, name: &ResourceName) -> Result<Option<Tags>, CloudError> {
    let answer = client.get_role().role_name(name.as_str()).send().await.map_err(|e| error("GetRole", e));
    Ok(known(answer)?.and_then(|answer| answer.role).map(|role| tags(role.tags())))
}

async fn policy(client: &Client, name: &ResourceName) -> Result<Option<String>, CloudError> {
    let call = client.get_role_policy().role_name(name.as_str()).policy_name(POLICY);
    let answer = call.send().await.map_err(|e| error("GetRolePolicy", e));
    Ok(known(answer)?.map(|answer| document(&answer.policy_document)))
}

async fn instance_profile(client: &Client, name: &ResourceName) -> Result<Option<InstanceProfile>, CloudError> {
    let answer = client.get_instance_profile().instance_profile_name(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("GetInstanceProfile", e)))?;
    Ok(answer.and_then(|answer| answer.instance_profile).map(|profile| InstanceProfile {
        tags: tags(profile.tags()),
        has_role: profile.roles().iter().any(|role| role.role_name() == name.as_str()),
    }))
}

/// What is not found is not there.
fn known<T>(result: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn document(encoded: &str) -> String {
    percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

fn same_document(one: &str, other: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    parsed(one).is_some_and(|one| Some(one) == parsed(other))
}

fn tags(found: &[sdk::Tag]) -> Tags {
    Tags(found.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
}

fn sdk_tags(tags: &Tags) -> Vec<sdk::Tag> {
    let tag = |(key, value)| sdk::Tag::builder().key(key).value(value).build().expect("a tag has a key and a value");
    tags.0.iter().map(tag).collect()
}

pub(super) async fn submit(client: &Client, name: &ResourceName, part: &ProfileCall) -> Result<(), CloudError> {
    let made = match part {
        ProfileCall::CreateRole { .. }
        | ProfileCall::PutPolicy { .. }
        | ProfileCall::DeletePolicy
        | ProfileCall::DeleteRole => submit_role(client, name.as_str(), part).await,
        _ => submit_profile(client, name.as_str(), part).await,
    };
    // Its role, or profile, was made a moment ago, and not every part of IAM knows it yet.
    made.map_err(|error| match (error.kind, part) {
        (CloudErrorKind::NotFound, ProfileCall::PutPolicy { .. } | ProfileCall::AddRole) => {
            CloudError { kind: CloudErrorKind::Transient, ..error }
        }
        _ => error,
    })
}

async fn submit_role(client: &Client, name: &str, part: &ProfileCall) -> Result<(), CloudError> {
    match part {
        ProfileCall::CreateRole { tags } => {
            let call = client
                .create_role()
                .role_name(name)
                .description("what instances of this plan may do by themselves: made by infra")
                .assume_role_policy_document(TRUST)
                .set_tags(Some(sdk_tags(tags)));
            call.send().await.map(drop).map_err(|e| error("CreateRole", e))
        }
        ProfileCall::PutPolicy { policy } => {
            let call = client.put_role_policy().role_name(name).policy_name(POLICY).policy_document(policy);
            call.send().await.map(drop).map_err(|e| error("PutRolePolicy", e))
        }
        ProfileCall::DeletePolicy => {
            let call = client.delete_role_policy().role_name(name).policy_name(POLICY);
            call.send().await.map(drop).map_err(|e| error("DeleteRolePolicy", e))
        }
        _ => client.delete_role().role_name(name).send().await.map(drop).map_err(|e| error("DeleteRole", e)),
    }
}

async fn submit_profile(client: &Client, name: &str, part: &ProfileCall) -> Result<(), CloudError> {
    match part {
        ProfileCall::CreateProfile { tags } => {
            let call = client.create_instance_profile().instance_profile_name(name).set_tags(Some(sdk_tags(tags)));
            call.send().await.map(drop).map_err(|e| error("CreateInstanceProfile", e))
        }
        ProfileCall::AddRole => {
            let call = client.add_role_to_instance_profile().instance_profile_name(name).role_name(name);
            call.send().await.map(drop).map_err(|e| error("AddRoleToInstanceProfile", e))
        }
        ProfileCall::RemoveRole => {
            let call = client.remove_role_from_instance_profile().instance_profile_name(name).role_name(name);
            call.send().await.map(drop).map_err(|e| error("RemoveRoleFromInstanceProfile", e))
        }
        _ => {
            let call = client.delete_instance_profile().instance_profile_name(name);
            call.send().await.map(drop).map_err(|e| error("DeleteInstanceProfile", e))
        }
    }
}

pub(super) async fn probe(client: &Client, name: &ResourceName, part: &ProfileCall) -> Result<Probe, CloudError> {
    let done = match part {
        ProfileCall::CreateRole { tags } => made(name, role(client, name).await?, tags)?,
        ProfileCall::CreateProfile { tags } => {
            made(name, instance_profile(client, name).await?.map(|profile| profile.tags), tags)?
        }
        ProfileCall::PutPolicy { policy: wanted } => {
            policy(client, name).await?.is_some_and(|found| same_document(&found, wanted))
        }
        ProfileCall::AddRole => instance_profile(client, name).await?.is_some_and(|profile| profile.has_role),
        ProfileCall::RemoveRole => !instance_profile(client, name).await?.is_some_and(|profile| profile.has_role),
        ProfileCall::DeleteProfile => instance_profile(client, name).await?.is_none(),
        ProfileCall::DeletePolicy => policy(client, name).await?.is_none(),
        ProfileCall::DeleteRole => role(client, name).await?.is_none(),
    };
    Ok(if done { Probe::Done } else { Probe::Absent })
}

/// The name is there: is it this plan's?
fn made(name: &ResourceName, found: Option<Tags>, wanted: &Tags) -> Result<bool, CloudError> {
    match found {
        Some(found) if found.get(TAG_PLAN) == wanted.get(TAG_PLAN) => Ok(true),
        Some(_) => Err(taken(name)),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let written = r#"{"Version":"2012-10-17","Statement":[{"Action":"cloudwatch:PutMetricData"}]}"#;
        let told = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Action%22%3A%22cloudwatch%3APutMetricData%22%7D%5D%7D";
        assert_eq!(document(told), written);
        assert!(same_document(written, &written.replace(',', ", ")));
        assert!(!same_document(written, "{}") && !same_document("no", "no"));
    }

    #[test]
    fn a_role_of_the_name_is_made_only_if_it_is_the_plans() {
        let name = ResourceName::new("demo-host");
        let of = |plan: &str| Tags([(TAG_PLAN.to_owned(), plan.to_owned())].into());
        assert!(made(&name, Some(of("demo")), &of("demo")).unwrap());
        assert!(!made(&name, None, &of("demo")).unwrap());
        assert_eq!(made(&name, Some(of("other")), &of("demo")).unwrap_err().kind, CloudErrorKind::NameTaken);
        assert_eq!(made(&name, Some(Tags::default()), &of("demo")).unwrap_err().kind, CloudErrorKind::NameTaken);
    }
}
