//! Burstable sizes: how much processor their price includes, and what unlimited credits may cost beyond it.
//! Source: Amazon EC2 User Guide, "Key concepts for burstable performance instances"
//! (docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html), read 2026-11, and
//! the guide's source (github.com/awsdocs/amazon-ec2-user-guide), compared row by row. The EC2 API tells that a type is
//! burstable, not its baseline.

use crate::plan::Credits;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    pub vcpu: u32,
    /// Of each vCPU, averaged over 24 hours.
    pub percent: f64,
}

/// T3, T3a and T4g are alike.
const T3: [(&str, Baseline); 7] = [
    ("nano", baseline(2, 5.0)),
    ("micro", baseline(2, 10.0)),
    ("small", baseline(2, 20.0)),
    ("medium", baseline(2, 20.0)),
    ("large", baseline(2, 30.0)),
    ("xlarge", baseline(4, 40.0)),
    ("2xlarge", baseline(8, 40.0)),
];
const T2: [(&str, Baseline); 7] = [
    ("nano", baseline(1, 5.0)),
    ("micro", baseline(1, 10.0)),
    ("small", baseline(1, 20.0)),
    ("medium", baseline(2, 20.0)),
    ("large", baseline(2, 30.0)),
    ("xlarge", baseline(4, 22.5)),
    ("2xlarge", baseline(8, 17.0)),
];

const fn baseline(vcpu: u32, percent: f64) -> Baseline {
    Baseline { vcpu, percent }
}

/// What AWS gives a size for which nobody chose; None: it is not burstable.
pub fn default_credits(size: &str) -> Option<Credits> {
    of(size)?;
    Some(if family(size)? == "t2" { Credits::Standard } else { Credits::Unlimited })
}

/// Of an EC2 instance type; None: it is not burstable.
pub fn of(size: &str) -> Option<Baseline> {
    let (family, size) = size.split_once('.')?;
    let table = match family {
        "t2" => T2,
        "t3" | "t3a" | "t4g" => T3,
        _ => return None,
    };
    table.iter().find(|(name, _)| *name == size).map(|(_, baseline)| *baseline)
}

/// `t3` of `t3.medium`.
pub fn family(size: &str) -> Option<&str> {
    size.split_once('.').map(|(family, _)| family)
}

impl Baseline {
    /// The vCPUs that are billed beside the instance while all of them run at 100 %.
    pub fn beyond(self) -> f64 {
        f64::from(self.vcpu) * (1.0 - self.percent / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_the_sizes_own() {
        assert_eq!(of("t3.medium"), Some(baseline(2, 20.0)));
        assert_eq!(of("t4g.2xlarge"), Some(baseline(8, 40.0)));
        assert_eq!(of("t2.xlarge"), Some(baseline(4, 22.5)));
        assert_eq!((of("m7g.large"), of("t3.metal"), of("medium_3_0")), (None, None, None));
        assert!((of("t2.2xlarge").unwrap().beyond() - 6.64).abs() < 1e-9);
    }

    #[test]
    fn only_t2_is_made_with_a_limit() {
        let said = ["t2.micro", "t3.micro", "t3a.micro", "t4g.micro", "m7g.large"].map(default_credits);
        let (standard, unlimited) = (Some(Credits::Standard), Some(Credits::Unlimited));
        assert_eq!(said, [standard, unlimited, unlimited, unlimited, None]);
    }
}
