//! What AWS has planned for an instance, in words.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;

use super::convert::time;

/// Of Spot: EC2 takes the instance back, two minutes after it says so.
const INTERRUPTED: [&str; 4] =
    ["marked-for-termination", "marked-for-stop", "marked-for-hibernation", "instance-terminated-by-price"];

/// By the instance's id.
pub(super) fn events(
    statuses: &[sdk::InstanceStatus],
    spot: &[sdk::SpotInstanceRequest],
) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for status in statuses {
        let Some(id) = status.instance_id() else { continue };
        all.entry(id.to_owned()).or_default().extend(status.events().iter().filter_map(event));
    }
    for request in spot {
        let Some((id, words)) = request.instance_id().zip(interruption(request)) else { continue };
        all.entry(id.to_owned()).or_default().push(words);
    }
    all.retain(|_, events| !events.is_empty());
    all
}

/// EC2 leaves an event in its answers for days after it is over and says so in its description.
fn event(event: &sdk::InstanceStatusEvent) -> Option<String> {
    let over =
        event.description().is_some_and(|text| text.starts_with("[Completed]") || text.starts_with("[Canceled]"));
    let code = event.code()?;
    let what = match code {
        sdk::EventCode::InstanceRetirement => "retirement",
        sdk::EventCode::InstanceStop => "stop",
        sdk::EventCode::InstanceReboot | sdk::EventCode::SystemReboot => "reboot",
        sdk::EventCode::SystemMaintenance => "maintenance",
        _ => "event",
    };
    // A retirement comes at any time up to its date; the others begin at theirs.
    let (word, at) = match code {
        sdk::EventCode::InstanceRetirement | sdk::EventCode::InstanceStop => {
            ("by", event.not_before().or(event.not_after()))
        }
        _ => ("on", event.not_before().or(event.not_before_deadline())),
    };
    let at = time(at).map(|at| format!(" {word} {}", day(at))).unwrap_or_default();
    (!over).then(|| format!("{what}{at} ({})", code.as_str()))
}

fn interruption(request: &sdk::SpotInstanceRequest) -> Option<String> {
    let status = request.status()?;
    let code = status.code().filter(|code| INTERRUPTED.contains(code))?;
    let at = time(status.update_time()).map(|at| format!(", told at {at:.0}")).unwrap_or_default();
    Some(format!("Spot takes it back{at} ({code})"))
}

fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> aws_smithy_types::DateTime {
        aws_smithy_types::DateTime::from_secs(text.parse::<Timestamp>().unwrap().as_second())
    }

    #[test]
    fn what_is_planned_is_said_with_its_day_and_what_is_over_is_not() {
        let event = |code, description: &str| {
            let event = sdk::InstanceStatusEvent::builder().code(code).description(description);
            event.not_before(at("2026-12-01T05:00:00Z")).build()
        };
        let status = sdk::InstanceStatus::builder()
            .instance_id("i-1")
            .events(event(sdk::EventCode::InstanceRetirement, "The instance is running on degraded hardware"))
            .events(event(sdk::EventCode::SystemReboot, "scheduled reboot"))
            .events(event(sdk::EventCode::SystemMaintenance, "[Completed] network maintenance"))
            .build();
        let quiet = sdk::InstanceStatus::builder().instance_id("i-2").build();
        let found = events(&[status, quiet], &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found["i-1"],
            ["retirement by 2026-12-01 (instance-retirement)", "reboot on 2026-12-01 (system-reboot)"]
        );
    }

    #[test]
    fn an_interruption_of_spot_is_an_event_and_its_ordinary_states_are_none() {
        let request = |id: &str, code: &str| {
            let status = sdk::SpotInstanceStatus::builder().code(code).update_time(at("2026-11-30T12:00:05Z")).build();
            sdk::SpotInstanceRequest::builder().instance_id(id).status(status).build()
        };
        let found = events(&[], &[request("i-1", "marked-for-termination"), request("i-2", "fulfilled")]);
        assert_eq!(found.len(), 1);
        assert_eq!(found["i-1"], ["Spot takes it back, told at 2026-11-30T12:00:05Z (marked-for-termination)"]);
    }
}
