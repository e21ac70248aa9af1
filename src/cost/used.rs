//! Which prices an estimate rests on, and how old they are.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::prices::{self, Offer};
use crate::plan::Region;

/// AWS changes few prices of what exists; new sizes and new tiers come several times a year.
const OLD_DAYS: i32 = 90;

/// Prices from one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PricesUsed {
    /// `Lightsail instances`, `AmazonEC2`.
    pub of: String,
    /// Where they come from, in words.
    pub from: String,
    /// When whoever published them did so, where that is known.
    pub published: Option<Date>,
    /// On that day they were the current ones.
    pub read: Date,
    pub age_days: i32,
    /// By now others may count.
    pub old: bool,
}

impl PricesUsed {
    /// Read at `read`, told at `now`.
    pub fn new(of: impl Into<String>, from: impl Into<String>, read: Date, now: Timestamp) -> Self {
        let age_days = (day(now) - read).get_days().max(0);
        let old = age_days > OLD_DAYS;
        Self { of: of.into(), from: from.into(), published: None, read, age_days, old }
    }
}

/// In UTC, as all days here.
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Those of the list that is compiled in; empty where it does not have the region.
pub fn of_offers(region: &Region, offers: &[Offer], now: Timestamp) -> Vec<PricesUsed> {
    let Some(list) = prices::of_region(region) else { return vec![] };
    let used = offers.iter().filter_map(|offer| {
        let source = list.source(*offer)?;
        let used = PricesUsed::new(offer.to_string(), source.from.as_str(), source.read, now);
        Some(PricesUsed { published: Some(source.published), ..used })
    });
    used.collect()
}

/// What a person should know of the prices.
pub fn notes(region: Option<&Region>, offers: &[Offer], used: &[PricesUsed]) -> Vec<String> {
    let region = region.filter(|_| !offers.is_empty());
    let absent = region.filter(|region| prices::of_region(region).is_none()).map(|region| {
        let known: Vec<_> = prices::regions().collect();
        format!(
            "infra has no AWS prices of {region}, and does not take those of another region (it has {}): what costs there \
             is unknown. In infra's source `src/cost/prices/refresh {region}` fetches them",
            known.join(", ")
        )
    });
    let oldest = used.iter().filter(|used| used.old && used.published.is_some()).max_by_key(|used| used.age_days);
    let old = region.zip(oldest).map(|(region, used)| {
        format!(
            "the prices of {} are {} days old, and others may count by now. In infra's source \
             `src/cost/prices/refresh {region}` fetches today's; a newer infra has newer ones",
            used.of, used.age_days
        )
    });
    absent.into_iter().chain(old).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        name.to_owned().try_into().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn prices_are_as_old_as_the_day_on_which_they_were_read() {
        let read = "2026-09-01".parse().unwrap();
        let of = |now| PricesUsed::new("AmazonEC2", "AWS Price List", read, at(now));
        assert_eq!((of("2026-11-30T12:00:00Z").age_days, of("2026-11-30T12:00:00Z").old), (90, false));
        assert_eq!((of("2026-12-01T00:00:00Z").age_days, of("2026-12-01T00:00:00Z").old), (91, true));
        assert_eq!(of("2026-08-01T00:00:00Z").age_days, 0, "a clock that is behind makes no prices of tomorrow");
    }

    #[test]
    fn old_ones_are_told_with_the_command_that_fetches_new_ones() {
        let region = region("us-east-1");
        let offers = [Offer::Rds, Offer::Vpc];
        let used = of_offers(&region, &offers, at("2046-01-01T00:00:00Z"));
        assert_eq!(used.iter().map(|used| used.of.as_str()).collect::<Vec<_>>(), ["AmazonRDS", "AmazonVPC"]);
        let notes = notes(Some(&region), &offers, &used);
        assert!(notes.len() == 1 && notes[0].contains("`src/cost/prices/refresh us-east-1`"), "{notes:?}");
        let fresh = of_offers(&region, &offers, at("2026-01-01T00:00:00Z"));
        assert_eq!(super::notes(Some(&region), &offers, &fresh), Vec::<String>::new());
    }

    #[test]
    fn a_region_without_prices_is_told() {
        let region = region("eu-west-9");
        let used = of_offers(&region, &[Offer::Rds], at("2026-11-30T00:00:00Z"));
        assert_eq!(used, vec![]);
        let said = notes(Some(&region), &[Offer::Rds], &used);
        assert!(said.len() == 1 && said[0].contains("no AWS prices of eu-west-9"), "{said:?}");
        assert_eq!(notes(Some(&region), &[], &used), Vec::<String>::new(), "nothing there is priced by AWS's list");
    }
}
