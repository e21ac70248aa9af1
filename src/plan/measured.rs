//! Which metrics a host of a plan never has a value of, and why: an alarm on one would be silent for ever.

use super::model::{Host, Plan, Provider, VolumeType};
use super::names::NodeName;
use super::threshold::{Metric, Scope};

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmeasured {
    /// What the host does not have: it has no …
    pub lacks: &'static str,
    pub reason: &'static str,
    pub remedy: &'static str,
}

/// EC2 families that save up CPU time.
const BURSTABLE: [&str; 4] = ["t2", "t3", "t3a", "t4g"];

const NO_CPU_BURST: Unmeasured = Unmeasured {
    lacks: "burst capacity",
    reason: "only hosts in the cloud save up CPU time",
    remedy: "use `\"cpu.percent\"`",
};
const FIXED_CPU: Unmeasured = Unmeasured {
    lacks: "burst capacity",
    reason: "only sizes of the families t2, t3, t3a and t4g save up CPU time",
    remedy: "use `\"cpu.percent\"`",
};
const NO_DISK_BURST: Unmeasured = Unmeasured {
    lacks: "disks with a burst balance",
    reason: "BurstBalance exists for gp2, st1 and sc1 volumes only: on gp3, io1, io2 and on disks of Lightsail it never gets data",
    remedy: "use `\"disk.queue_depth\"`, which the host measures for every kind of disk",
};
const NO_BUNDLE: Unmeasured = Unmeasured {
    lacks: "services",
    reason: "requests, agents, plugs and rows are counted by the services of the bundle",
    remedy: "add `[bundle]`",
};
const OTHER_HOST: Unmeasured = Unmeasured {
    lacks: "services",
    reason: "requests, agents, plugs and rows are counted where the bundle runs",
    remedy: "name the bundle's host, or none",
};

/// None: it has values.
pub fn unmeasured(plan: &Plan, name: &NodeName, host: &Host, metric: Metric) -> Option<Unmeasured> {
    match metric {
        Metric::CpuBurstPercent => match host.provider {
            Provider::Lightsail => None,
            Provider::Ec2 => (!is_burstable(host)).then_some(FIXED_CPU),
            Provider::Ssh => Some(NO_CPU_BURST),
        },
        Metric::DiskBurstPercent => (!host.disks.values().any(|disk| bursts(disk.kind))).then_some(NO_DISK_BURST),
        _ if metric.scope() != Scope::Bundle => None,
        _ => match &plan.bundle {
            None => Some(NO_BUNDLE),
            Some(bundle) => (bundle.host != *name).then_some(OTHER_HOST),
        },
    }
}

/// Volumes that save up input and output. Those of Lightsail and of one's own have no type.
pub fn bursts(kind: Option<VolumeType>) -> bool {
    matches!(kind, Some(VolumeType::Gp2 | VolumeType::St1 | VolumeType::Sc1))
}

fn is_burstable(host: &Host) -> bool {
    let family = host.size.as_ref().and_then(|size| size.as_str().split('.').next());
    family.is_some_and(|family| BURSTABLE.contains(&family))
}
