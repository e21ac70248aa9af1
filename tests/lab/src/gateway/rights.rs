//! What a caller may call, as a policy of IAM would have it: by the names of actions alone. Resources and conditions of a policy
//! are not looked at.

use axum::body::Body;
use axum::http::Response;

use super::identify::{Protocol, Target};
use super::respond;
use crate::settings::Settings;

/// A service's name in policies, where it is not the one that requests are signed for.
const PREFIXES: [(&str, &str); 1] = [("monitoring", "cloudwatch")];
/// Who one is, one may always ask.
const ALWAYS: &str = "sts:GetCallerIdentity";

/// The action as policies write it: `ec2:RunInstances`.
pub fn action(target: &Target) -> String {
    let prefix = PREFIXES.iter().find(|(service, _)| *service == target.service).map(|(_, prefix)| *prefix);
    format!("{}:{}", prefix.unwrap_or(&target.service), target.operation)
}

/// The action that this key has no right to. Keys that nothing is said of may do everything.
pub fn denied(settings: &Settings, key: &str, target: &Target) -> Option<String> {
    let action = action(target);
    let rights = settings.rights.get(key)?;
    (action != ALWAYS && !rights.contains(&action)).then_some(action)
}

/// What AWS answers.
pub fn refusal(target: &Target, key: &str, action: &str) -> Response<Body> {
    let (status, code) = match target.protocol {
        Protocol::Ec2 => (403, "UnauthorizedOperation"),
        Protocol::Json | Protocol::Cbor => (400, "AccessDeniedException"),
        Protocol::Query | Protocol::Rest => (403, "AccessDenied"),
    };
    let user = format!("arn:aws:iam::000000000000:user/{key}");
    let message = format!(
        "User: {user} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
    );
    respond::error(target.protocol, status, code, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_call_what_its_policy_names() {
        let target = |service: &str, operation: &str| Target {
            service: service.into(),
            operation: operation.into(),
            region: "us-east-1".into(),
            mutating: false,
            protocol: Protocol::Json,
            signed: true,
        };
        let rights = ["ec2:RunInstances".to_owned(), "cloudwatch:PutMetricAlarm".to_owned()].into();
        let settings = Settings { rights: [("lab".to_owned(), rights)].into(), ..Settings::default() };
        let denied = |key, service, operation| denied(&settings, key, &target(service, operation));
        assert_eq!(denied("lab", "ec2", "RunInstances"), None);
        assert_eq!(denied("lab", "monitoring", "PutMetricAlarm"), None);
        assert_eq!(denied("lab", "sts", "GetCallerIdentity"), None);
        assert_eq!(denied("lab", "ec2", "StopInstances").as_deref(), Some("ec2:StopInstances"));
        assert_eq!(denied("owner", "ec2", "StopInstances"), None, "nothing is said of it");
    }
}
