//! What an instance of EC2 may do by itself.

use crate::plan::{PlanName, Region};

/// Measurements of this plan, and nothing else: whoever gets into a container of the host gets these rights too.
pub fn policy(plan: &PlanName, region: &Region) -> String {
    let statement = serde_json::json!({
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": { "StringEquals": { "cloudwatch:namespace": format!("infra/{plan}"), "aws:RequestedRegion": region.as_str() } },
    });
    serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_allows_the_plans_own_measurements_and_nothing_else() {
        let text = policy(&"phase1".parse().unwrap(), &"us-east-1".parse().unwrap());
        let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
        let only = &policy["Statement"][0];
        assert_eq!(only["Action"], "cloudwatch:PutMetricData");
        assert_eq!(only["Condition"]["StringEquals"]["cloudwatch:namespace"], "infra/phase1");
    }
}
