//! What an EC2 host costs a month, by its parts: instance, volumes, address, traffic. Each is None where the region's list
//! does not have the price.

use serde::{Deserialize, Serialize};

use super::{CostRange, HOURS, Monthly, PriceList, burst};
use crate::plan::{Credits, VolumeType};

/// What gp3 has without being asked. Source: Amazon EBS pricing.
const GP3_IOPS: u32 = 3_000;
const GP3_THROUGHPUT: u32 = 125;
/// Where io2's price for an operation falls; the list names one usage type a tier, and not its bounds.
/// Source: Amazon EBS pricing.
const IO2_TIERS: [(u32, u32); 3] = [(0, 32_000), (32_000, 64_000), (64_000, u32::MAX)];
/// To the internet, free each month, of all regions and services together. Source: Amazon EC2 On-Demand pricing.
const FREE_GB: u32 = 100;
const TB: u32 = 1_024;

/// On demand all month. With unlimited credits: at the least within its baseline, at the most with every vCPU at 100 %.
pub fn instance(list: &PriceList, size: &str, credits: Option<Credits>) -> Option<CostRange> {
    let least = Monthly(list.instance(size)? * HOURS);
    let most = match credits {
        Some(Credits::Unlimited) => least + surplus(list, size)?,
        Some(Credits::Standard) | None => least,
    };
    Some(CostRange { least, most })
}

/// What unlimited credits cost at the most; None also for a size that is not burstable.
pub fn surplus(list: &PriceList, size: &str) -> Option<Monthly> {
    let beyond = burst::of(size)?.beyond();
    Some(Monthly(beyond * list.credits(burst::family(size)?)? * HOURS))
}

/// How a burstable size's credits are kept, in words; None for other sizes.
pub fn credits_in_words(list: Option<&PriceList>, size: &str, credits: Credits) -> Option<String> {
    let baseline = burst::of(size)?;
    let percent = baseline.percent;
    Some(match (credits, list.and_then(|list| surplus(list, size))) {
        (Credits::Standard, _) => {
            format!("credits are limited: slowed down to {percent} % of each vCPU when they are used up")
        }
        (Credits::Unlimited, Some(most)) => {
            format!(
                "credits are unlimited: above {percent} % on average up to {most} more, if every vCPU ran at 100 % all month"
            )
        }
        (Credits::Unlimited, None) => {
            format!("credits are unlimited: above {percent} % on average it costs more, infra does not know how much")
        }
    })
}

/// Capacity, and what is provisioned beyond what comes with it. None too where io1 or io2 does not say its operations.
pub fn volume(
    list: &PriceList,
    kind: VolumeType,
    size_gb: u32,
    iops: Option<u32>,
    throughput: Option<u32>,
) -> Option<Monthly> {
    let capacity = f64::from(size_gb) * list.volume(kind)?;
    Some(Monthly(capacity + operations(list, kind, iops)? + transfer(list, kind, throughput)?))
}

fn operations(list: &PriceList, kind: VolumeType, iops: Option<u32>) -> Option<f64> {
    match kind {
        VolumeType::Gp2 | VolumeType::St1 | VolumeType::Sc1 => Some(0.0),
        VolumeType::Gp3 => beyond(iops, GP3_IOPS, || list.iops(kind, 1)),
        VolumeType::Io1 => Some(f64::from(iops?) * list.iops(kind, 1)?),
        VolumeType::Io2 => {
            let iops = iops?;
            let tiers = (1..).zip(IO2_TIERS).filter(|(_, (from, _))| iops > *from);
            tiers.map(|(tier, (from, to))| Some(f64::from(iops.min(to) - from) * list.iops(kind, tier)?)).sum()
        }
    }
}

fn transfer(list: &PriceList, kind: VolumeType, throughput: Option<u32>) -> Option<f64> {
    match kind {
        VolumeType::Gp3 => beyond(throughput, GP3_THROUGHPUT, || list.throughput(kind)),
        _ => Some(0.0),
    }
}

/// Nothing within what is included, also where the price of more is not known.
fn beyond(wanted: Option<u32>, included: u32, each: impl Fn() -> Option<f64>) -> Option<f64> {
    match wanted.unwrap_or(included).saturating_sub(included) {
        0 => Some(0.0),
        more => Some(f64::from(more) * each()?),
    }
}

/// A public IPv4 address, static or not, attached or not.
pub fn address(list: &PriceList) -> Option<Monthly> {
    Some(Monthly(list.address()? * HOURS))
}

/// A snapshot of so many stored GB; it holds the used blocks only, so this is the most.
pub fn snapshot(list: &PriceList, gb: u32) -> Option<Monthly> {
    Some(Monthly(f64::from(gb) * list.snapshot()?))
}

/// What leaves for the internet. No plan says how much that is, so it is in no sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    pub free_gb: u32,
    /// Of each 100 GB beyond these.
    pub per_100_gb: Monthly,
    /// Of 1,024 GB, the free ones among them.
    pub first_tb: Monthly,
}

pub fn traffic(list: &PriceList) -> Option<Traffic> {
    let gb = list.traffic()?;
    let first_tb = Monthly(gb * f64::from(TB - FREE_GB));
    Some(Traffic { free_gb: FREE_GB, per_100_gb: Monthly(gb * 100.0), first_tb })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::prices;

    const LIST: &str = "region us-east-1
offer AmazonEC2 published 2026-11-01 read 2026-11-02 from a test
offer AmazonVPC published 2026-11-01 read 2026-11-02 from a test
offer AWSDataTransfer published 2026-11-01 read 2026-11-02 from a test
instance t3.medium 0.0416
instance t3.small 0.0208
instance m7g.large 0.0816
credits t3 0.05
volume gp2 0.1
volume gp3 0.08
volume io1 0.125
volume io2 0.125
volume st1 0.045
volume-iops gp3 0.005
volume-iops io1 0.065
volume-iops io2 0.065
volume-iops io2.tier2 0.0455
volume-iops io2.tier3 0.03185
volume-throughput gp3 0.04
snapshot standard 0.05
address in-use 0.005
traffic 0 0.09
";

    fn list() -> PriceList {
        prices::parse(LIST).unwrap().remove(0)
    }

    fn said(cost: Option<Monthly>) -> String {
        cost.map_or("unknown".into(), |cost| cost.to_string())
    }

    #[test]
    fn an_instance_costs_by_the_hour() {
        let of = |size, credits| instance(&list(), size, credits).map(|c| (c.least.to_string(), c.most.to_string()));
        let range = |least: &str, most: &str| Some((least.to_owned(), most.to_owned()));
        assert_eq!(of("m7g.large", None), range("$59.57", "$59.57"));
        assert_eq!(of("t3.medium", Some(Credits::Standard)), range("$30.37", "$30.37"));
        assert_eq!(of("t3.medium", Some(Credits::Unlimited)), range("$30.37", "$88.77"), "1.6 vCPU at 0.05");
        assert_eq!(of("m9z.large", None), None);
    }

    #[test]
    fn credits_are_told_with_what_they_may_cost() {
        let of = |size, credits| credits_in_words(Some(&list()), size, credits);
        assert_eq!(
            of("t3.small", Credits::Unlimited).unwrap(),
            "credits are unlimited: above 20 % on average up to $58.40 more, if every vCPU ran at 100 % all month"
        );
        assert!(of("t3.small", Credits::Standard).unwrap().contains("slowed down to 20 %"));
        assert!(of("t4g.small", Credits::Unlimited).unwrap().contains("does not know"));
        assert_eq!(of("m7g.large", Credits::Unlimited), None);
    }

    #[test]
    fn a_volume_costs_by_its_size_and_what_is_provisioned() {
        let of = |kind, gb, iops, throughput| said(volume(&list(), kind, gb, iops, throughput));
        assert_eq!(of(VolumeType::Gp3, 100, None, None), "$8.00");
        assert_eq!(of(VolumeType::Gp3, 100, Some(3_000), Some(125)), "$8.00");
        assert_eq!(of(VolumeType::Gp3, 500, Some(6_000), Some(250)), "$60.00", "40 + 3,000 × 0.005 + 125 × 0.04");
        assert_eq!(of(VolumeType::Gp2, 100, None, None), "$10.00");
        assert_eq!(of(VolumeType::St1, 500, None, None), "$22.50");
        assert_eq!(of(VolumeType::Sc1, 500, None, None), "unknown");
    }

    #[test]
    fn provisioned_operations_cost_by_tier() {
        let of = |kind, iops| said(volume(&list(), kind, 100, iops, None));
        assert_eq!(of(VolumeType::Io1, Some(10_000)), "$662.50");
        assert_eq!(of(VolumeType::Io1, None), "unknown");
        assert_eq!(of(VolumeType::Io2, Some(32_000)), "$2092.50");
        assert_eq!(
            of(VolumeType::Io2, Some(70_000)),
            "$3739.60",
            "12.50 + 32,000 × 0.065 + 32,000 × 0.0455 + 6,000 × 0.03185"
        );
        assert_eq!(of(VolumeType::Io2, None), "unknown");
    }

    #[test]
    fn what_is_included_needs_no_price() {
        let text: String =
            LIST.lines().filter(|line| !line.contains("-iops")).map(|line| format!("{line}\n")).collect();
        let list = prices::parse(&text).unwrap().remove(0);
        assert_eq!(said(volume(&list, VolumeType::Gp3, 100, Some(3_000), None)), "$8.00");
        assert_eq!(said(volume(&list, VolumeType::Gp3, 100, Some(3_001), None)), "unknown");
    }

    #[test]
    fn addresses_snapshots_and_traffic() {
        assert_eq!((said(address(&list())), said(snapshot(&list(), 80))), ("$3.65".into(), "$4.00".into()));
        let traffic = traffic(&list()).unwrap();
        assert_eq!(
            (traffic.free_gb, said(Some(traffic.per_100_gb)), said(Some(traffic.first_tb))),
            (100, "$9.00".into(), "$83.16".into())
        );
    }
}
