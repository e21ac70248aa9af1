//! Instances stopped, started, rebooted, terminated.

use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::addresses;
use super::error::ApiError;
use super::instances::{State, named};
use super::now_in_words;
use super::work::Work;
use crate::lightsail::now;

pub fn stop(call: &mut Call<'_>) -> Answer {
    let ids = required(call)?;
    for id in &ids {
        let instance = call.region.instance(id)?;
        if instance.disable_api_stop {
            let message = format!(
                "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again."
            );
            return Err(ApiError::new("OperationNotPermitted", message));
        }
        match instance.state {
            State::Running | State::Stopping | State::Stopped => {}
            _ => return Err(cannot(call, id, "stopped")),
        }
        if instance.spot_request.is_some() {
            let message = format!(
                "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot \
                 Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests."
            );
            return Err(ApiError::new("UnsupportedOperation", message));
        }
    }
    let mut changes = Vec::new();
    for id in ids {
        changes.push(change(call, &id, State::Running, State::Stopping)?);
        if changes.last().is_some_and(|change| change["PreviousState"]["Name"] == "running") {
            by_user(call, &id, "Client.UserInitiatedShutdown")?;
            call.start(Work::Stop { instance: id });
        }
    }
    Ok(json!({ "StoppingInstances": changes }))
}

pub fn start(call: &mut Call<'_>) -> Answer {
    let ids = required(call)?;
    for id in &ids {
        match call.region.instance(id)?.state {
            State::Stopped | State::Running | State::Pending => {}
            _ => return Err(cannot(call, id, "started")),
        }
    }
    let mut changes = Vec::new();
    for id in ids {
        let was_stopped = call.region.instance(&id)?.state == State::Stopped;
        changes.push(change(call, &id, State::Stopped, State::Pending)?);
        if was_stopped {
            prepare_start(call, &id)?;
            call.start(Work::Start { instance: id });
        }
    }
    Ok(json!({ "StartingInstances": changes }))
}

/// Another public address than before, unless there is an Elastic IP.
fn prepare_start(call: &mut Call<'_>, id: &str) -> Result<(), ApiError> {
    let instance = call.region.instance(id)?;
    let wants = instance.wants_public_address && instance.elastic(call.region).is_none();
    let address = if wants { Some(addresses::dynamic(call)?) } else { None };
    let instance = call.region.instance_mut(id)?;
    instance.dynamic_address = address;
    instance.launched_at = now();
    instance.booted_at = None;
    instance.transition_reason = String::new();
    instance.state_reason = None;
    Ok(())
}

/// A rebooting instance stays `running`.
pub fn reboot(call: &mut Call<'_>) -> Answer {
    let ids = required(call)?;
    for id in &ids {
        if call.region.instance(id)?.state != State::Running {
            return Err(cannot(call, id, "rebooted"));
        }
    }
    for instance in ids {
        call.start(Work::Reboot { instance });
    }
    Ok(json!({}))
}

/// All of the named ones, or none if one of them is protected.
pub fn terminate(call: &mut Call<'_>) -> Answer {
    let ids = required(call)?;
    if let Some(id) = ids.iter().find(|id| call.region.instances.get(*id).is_some_and(|it| it.disable_api_termination))
    {
        let message = format!(
            "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."
        );
        return Err(ApiError::new("OperationNotPermitted", message));
    }
    let mut changes = Vec::new();
    for id in ids {
        let before = call.region.instance(&id)?.state;
        let after = if before == State::Terminated { State::Terminated } else { State::ShuttingDown };
        changes.push(json!({ "InstanceId": id, "PreviousState": before.view(), "CurrentState": after.view() }));
        if !before.is_ending() {
            by_user(call, &id, "Client.UserInitiatedShutdown")?;
            call.region.instance_mut(&id)?.state = State::ShuttingDown;
            call.start(Work::Terminate { instance: id });
        }
    }
    Ok(json!({ "TerminatingInstances": changes }))
}

fn required(call: &Call<'_>) -> Result<Vec<String>, ApiError> {
    let ids = named(call, "InstanceIds")?;
    if ids.is_empty() { Err(ApiError::missing("InstanceId")) } else { Ok(ids) }
}

fn cannot(call: &Call<'_>, id: &str, what: &str) -> ApiError {
    let state = call.region.instances.get(id).map_or("terminated", |instance| instance.state.name());
    let message = format!("The instance '{id}' is not in a state from which it can be {what}. Its state is '{state}'.");
    ApiError::new("IncorrectInstanceState", message)
}

/// Where the instance is in `from` already left, nothing changes.
fn change(call: &mut Call<'_>, id: &str, from: State, to: State) -> Result<Value, ApiError> {
    let instance = call.region.instance_mut(id)?;
    let before = instance.state;
    if before == from {
        instance.state = to;
    }
    Ok(json!({ "InstanceId": id, "PreviousState": before.view(), "CurrentState": instance.state.view() }))
}

fn by_user(call: &mut Call<'_>, id: &str, code: &str) -> Result<(), ApiError> {
    let instance = call.region.instance_mut(id)?;
    instance.transition_reason = format!("User initiated ({})", now_in_words());
    instance.state_reason = Some((code.into(), format!("{code}: User initiated shutdown")));
    Ok(())
}
