//! Looks at an instance.

use aws_sdk_ec2::types as sdk;

use super::done;
use crate::cloud::api::{CloudError, Probe};
use crate::cloud::ec2::convert::{Resource as _, is_for, tags};
use crate::cloud::ec2::errors::{error, refused, taken};
use crate::cloud::ec2::ids::Kind;
use crate::cloud::ec2::instance::{credits, is_terminated, needs_tokens, profile, size, state};
use crate::cloud::ec2::submit::HOP_LIMIT;
use crate::cloud::ec2::{Ec2, lists};
use crate::inventory::{InstanceState, ResourceName};
use crate::plan::Credits;
use crate::steps::{CloudAction, InstanceSpec};

pub(super) async fn probe(ec2: &Ec2, action: &CloudAction) -> Result<Probe, CloudError> {
    let name = match action {
        CloudAction::CreateInstance(spec) => &spec.name,
        CloudAction::StartInstance { name }
        | CloudAction::StopInstance { name }
        | CloudAction::DeleteInstance { name }
        | CloudAction::ResizeInstance { name, .. } => name,
        CloudAction::RequireTokens { instance }
        | CloudAction::SetCredits { instance, .. }
        | CloudAction::SetProfile { instance, .. }
        | CloudAction::SetFirewall { instance, .. }
        | CloudAction::Protect { instance, .. } => instance,
        _ => return Err(super::not_of_ec2(action)),
    };
    let Some(found) = ec2.instance(name).await? else {
        return Ok(done(matches!(action, CloudAction::DeleteInstance { .. })));
    };
    match action {
        CloudAction::CreateInstance(spec) => created(ec2, spec, &found),
        CloudAction::DeleteInstance { .. } => Ok(deleted(&found)),
        _ if found.is_gone() => Ok(Probe::Absent),
        CloudAction::StartInstance { .. } => Ok(running(&found, InstanceState::Running)),
        CloudAction::StopInstance { .. } => Ok(running(&found, InstanceState::Stopped)),
        CloudAction::ResizeInstance { size: wanted, .. } => Ok(or_settled(size(&found) == wanted, &found)),
        CloudAction::SetProfile { profile: wanted, .. } => {
            Ok(or_settled(profile(&found).as_ref() == Some(wanted), &found))
        }
        CloudAction::RequireTokens { .. } => Ok(tokens(&found)),
        CloudAction::SetFirewall { firewall, .. } => {
            let wanted = ec2.id(Kind::Firewall, firewall).await?;
            Ok(or_settled(is_behind(&found, &wanted), &found))
        }
        CloudAction::SetCredits { credits, .. } => Ok(or_settled(has_credits(ec2, &found, *credits).await?, &found)),
        CloudAction::Protect { on, .. } => Ok(or_settled(is_protected(ec2, &found).await? == *on, &found)),
        _ => Err(super::not_of_ec2(action)),
    }
}

fn created(ec2: &Ec2, spec: &InstanceSpec, found: &sdk::Instance) -> Result<Probe, CloudError> {
    if found.is_gone() {
        let made_here = ec2.ids.get(Kind::Instance, &spec.name).as_deref() == found.instance_id();
        return if made_here { Err(gave_up(&spec.name, found)) } else { Ok(Probe::Absent) };
    }
    if !is_for(&tags(found.tags()), &spec.tags) {
        return Err(taken(&spec.name));
    }
    Ok(running(found, InstanceState::Running))
}

/// EC2 took the call, and then could not start it: no capacity, a quota of volumes, a broken image.
fn gave_up(name: &ResourceName, found: &sdk::Instance) -> CloudError {
    let reason = found.state_reason();
    let code = reason.and_then(|r| r.code()).unwrap_or("terminated");
    let message = reason.and_then(|r| r.message()).unwrap_or("EC2 does not say why");
    refused("RunInstances", code, format!("{name} was made and ended at once: {message}"))
}

fn deleted(found: &sdk::Instance) -> Probe {
    match found.is_gone() {
        true if is_terminated(found) => Probe::Done,
        true => Probe::InProgress,
        false => Probe::Absent,
    }
}

/// An instance on its way to the other state must arrive there before it can be sent back.
fn running(found: &sdk::Instance, wanted: InstanceState) -> Probe {
    match (state(found), wanted) {
        (state, wanted) if state == wanted => Probe::Done,
        (InstanceState::Pending, InstanceState::Running) | (InstanceState::Stopping, InstanceState::Stopped) => {
            Probe::InProgress
        }
        _ => settled(found),
    }
}

fn or_settled(is: bool, found: &sdk::Instance) -> Probe {
    if is { Probe::Done } else { settled(found) }
}

/// An instance in between refuses changes: they wait.
pub(super) fn settled(found: &sdk::Instance) -> Probe {
    let word = match state(found) {
        InstanceState::Pending => "started",
        InstanceState::Stopping => "stopped",
        _ => return Probe::Absent,
    };
    Probe::NotYet { waiting_for: format!("{} to have {word}", found.name()) }
}

fn tokens(found: &sdk::Instance) -> Probe {
    let options = found.metadata_options();
    let hops = options.and_then(|options| options.http_put_response_hop_limit());
    match needs_tokens(found) && hops == Some(HOP_LIMIT) {
        true if options.and_then(|o| o.state()) == Some(&sdk::InstanceMetadataOptionsState::Pending) => {
            Probe::InProgress
        }
        is => or_settled(is, found),
    }
}

fn is_behind(found: &sdk::Instance, firewall: &str) -> bool {
    matches!(found.security_groups(), [only] if only.group_id() == Some(firewall))
}

async fn has_credits(ec2: &Ec2, found: &sdk::Instance, wanted: Credits) -> Result<bool, CloudError> {
    let told = lists::credits(&ec2.reads, found.instance_id.iter().cloned().collect()).await?;
    Ok(told.first().and_then(|told| credits(told.cpu_credits()?)) == Some(wanted))
}

async fn is_protected(ec2: &Ec2, found: &sdk::Instance) -> Result<bool, CloudError> {
    let call = ec2.reads.describe_instance_attribute().set_instance_id(found.instance_id.clone());
    let answer = call.attribute(sdk::InstanceAttributeName::DisableApiTermination).send().await;
    let answer = answer.map_err(|e| error("DescribeInstanceAttribute", e))?;
    Ok(answer.disable_api_termination.and_then(|on| on.value) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(state: sdk::InstanceStateName) -> sdk::Instance {
        let state = sdk::InstanceState::builder().name(state).build();
        sdk::Instance::builder().instance_id("i-1").state(state).build()
    }

    #[test]
    fn what_is_on_its_way_is_waited_for() {
        use sdk::InstanceStateName::{Pending, Running, ShuttingDown, Stopped, Stopping, Terminated};
        let starts = |state| running(&found(state), InstanceState::Running);
        assert_eq!(
            [starts(Running), starts(Pending), starts(Stopped)],
            [Probe::Done, Probe::InProgress, Probe::Absent]
        );
        assert_eq!(starts(Stopping), Probe::NotYet { waiting_for: "i-1 to have stopped".into() });
        let stops = |state| running(&found(state), InstanceState::Stopped);
        assert_eq!([stops(Stopped), stops(Stopping), stops(Running)], [Probe::Done, Probe::InProgress, Probe::Absent]);
        assert_eq!(stops(Pending), Probe::NotYet { waiting_for: "i-1 to have started".into() });
        let ends = |state| deleted(&found(state));
        assert_eq!(
            [ends(Terminated), ends(ShuttingDown), ends(Running)],
            [Probe::Done, Probe::InProgress, Probe::Absent]
        );
    }

    #[test]
    fn metadata_are_safe_once_ec2_has_applied_it() {
        let with = |tokens, hops, state| {
            let options = sdk::InstanceMetadataOptionsResponse::builder().http_tokens(tokens).state(state);
            let options = options.http_put_response_hop_limit(hops).build();
            tokens_of(sdk::Instance::builder().metadata_options(options).build())
        };
        fn tokens_of(found: sdk::Instance) -> Probe {
            tokens(&found)
        }
        use sdk::HttpTokensState::{Optional, Required};
        use sdk::InstanceMetadataOptionsState::{Applied, Pending};
        assert_eq!(with(Required, 2, Applied), Probe::Done);
        assert_eq!(with(Required, 2, Pending), Probe::InProgress);
        assert_eq!(with(Required, 1, Applied), Probe::Absent);
        assert_eq!(with(Optional, 2, Applied), Probe::Absent);
    }

    #[test]
    fn an_instance_is_behind_one_group_and_no_other() {
        let group = |id: &str| sdk::GroupIdentifier::builder().group_id(id).build();
        let with = |ids: &[&str]| {
            let groups = ids.iter().map(|id| group(id)).collect();
            sdk::Instance::builder().set_security_groups(Some(groups)).build()
        };
        assert!(is_behind(&with(&["sg-1"]), "sg-1"));
        assert!(!is_behind(&with(&["sg-1", "sg-2"]), "sg-1") && !is_behind(&with(&["sg-2"]), "sg-1"));
    }

    #[test]
    fn why_an_instance_ended_at_once_is_told() {
        let reason = sdk::StateReason::builder()
            .code("Client.VolumeLimitExceeded")
            .message("Client.VolumeLimitExceeded: Volume limit exceeded");
        let ended = sdk::Instance::builder().state_reason(reason.build()).build();
        let error = gave_up(&ResourceName::new("demo-vault"), &ended);
        assert_eq!(error.code, "Client.VolumeLimitExceeded");
        assert!(error.message.starts_with("demo-vault was made and ended at once"), "{error}");
    }
}
