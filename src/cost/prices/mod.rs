//! The price list that is compiled in: what AWS asks in a region, US dollars, on demand, as `refresh` beside this file
//! wrote it into `aws.txt`. Pure: a text and its reader. Invariant: a price is never one of another region.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::plan::{Region, VolumeType};

static LISTS: LazyLock<Vec<PriceList>> =
    LazyLock::new(|| parse(include_str!("aws.txt")).expect("a test reads the same text"));

/// AWS's name of a file of its Price List.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Offer {
    #[serde(rename = "AmazonEC2")]
    Ec2,
    #[serde(rename = "AmazonVPC")]
    Vpc,
    #[serde(rename = "AmazonRDS")]
    Rds,
    #[serde(rename = "AWSDataTransfer")]
    DataTransfer,
}

/// What a line of the text may say, and whose it is.
const KINDS: [(&str, Offer); 13] = [
    ("instance", Offer::Ec2),
    ("credits", Offer::Ec2),
    ("volume", Offer::Ec2),
    ("volume-iops", Offer::Ec2),
    ("volume-throughput", Offer::Ec2),
    ("snapshot", Offer::Ec2),
    ("address", Offer::Vpc),
    ("database", Offer::Rds),
    ("database-credits", Offer::Rds),
    ("database-storage", Offer::Rds),
    ("aurora-capacity", Offer::Rds),
    ("aurora-storage", Offer::Rds),
    ("traffic", Offer::DataTransfer),
];

/// Where the prices of one offer come from, and when they were AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// By AWS.
    pub published: Date,
    /// On that day they were AWS's current prices.
    pub read: Date,
    /// In words: `AWS Price List`.
    pub from: String,
}

/// All prices of one region.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceList {
    pub region: String,
    sources: BTreeMap<Offer, Source>,
    /// By kind and key, `instance t3.medium`.
    rates: BTreeMap<String, f64>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} of the price list, {text:?}: {what}")]
pub struct PriceListError {
    pub line: usize,
    pub text: String,
    pub what: &'static str,
}

/// None: infra has no prices of this region, and those of another are none.
pub fn of_region(region: &Region) -> Option<&'static PriceList> {
    LISTS.iter().find(|list| list.region == region.as_ref())
}

/// Of which there are prices.
pub fn regions() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|list| list.region.as_str())
}

/// Hours are those of an instance or, of credits, of a vCPU; months those of a GB, an operation a second, or a MiB/s.
impl PriceList {
    pub fn source(&self, offer: Offer) -> Option<&Source> {
        self.sources.get(&offer)
    }

    /// Linux in shared tenancy, an hour.
    pub fn instance(&self, size: &str) -> Option<f64> {
        self.rate("instance", size)
    }

    /// What credits beyond the earned ones cost, a vCPU and hour.
    pub fn credits(&self, family: &str) -> Option<f64> {
        self.rate("credits", family)
    }

    /// A GB and month.
    pub fn volume(&self, kind: VolumeType) -> Option<f64> {
        self.rate("volume", name(kind))
    }

    /// A provisioned operation a second and month; `tier` counts from 1, and only io2 has more than one.
    pub fn iops(&self, kind: VolumeType, tier: u8) -> Option<f64> {
        let tier = if tier > 1 { format!(".tier{tier}") } else { String::new() };
        self.rate("volume-iops", &format!("{}{tier}", name(kind)))
    }

    /// A MiB/s and month.
    pub fn throughput(&self, kind: VolumeType) -> Option<f64> {
        self.rate("volume-throughput", name(kind))
    }

    /// A stored GB and month.
    pub fn snapshot(&self) -> Option<f64> {
        self.rate("snapshot", "standard")
    }

    /// A public IPv4 address, an hour, attached or not.
    pub fn address(&self) -> Option<f64> {
        self.rate("address", "in-use")
    }

    /// PostgreSQL in one zone, an hour.
    pub fn database(&self, class: &str) -> Option<f64> {
        self.rate("database", class)
    }

    /// A vCPU and hour.
    pub fn database_credits(&self, family: &str) -> Option<f64> {
        self.rate("database-credits", family)
    }

    /// gp3 in one zone, a GB and month.
    pub fn database_storage(&self) -> Option<f64> {
        self.rate("database-storage", "gp3")
    }

    /// An ACU and hour.
    pub fn aurora_capacity(&self) -> Option<f64> {
        self.rate("aurora-capacity", "serverless-v2")
    }

    /// A stored GB and month.
    pub fn aurora_storage(&self) -> Option<f64> {
        self.rate("aurora-storage", "standard")
    }

    /// A GB to the internet, of the first that are not free.
    pub fn traffic(&self) -> Option<f64> {
        self.rate("traffic", "0")
    }

    fn rate(&self, kind: &str, key: &str) -> Option<f64> {
        self.rates.get(&format!("{kind} {key}")).copied()
    }
}

/// As AWS and the text write it.
fn name(kind: VolumeType) -> &'static str {
    match kind {
        VolumeType::Gp2 => "gp2",
        VolumeType::Gp3 => "gp3",
        VolumeType::Io1 => "io1",
        VolumeType::Io2 => "io2",
        VolumeType::St1 => "st1",
        VolumeType::Sc1 => "sc1",
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ec2 => "AmazonEC2",
            Self::Vpc => "AmazonVPC",
            Self::Rds => "AmazonRDS",
            Self::DataTransfer => "AWSDataTransfer",
        })
    }
}

impl Offer {
    const ALL: [Self; 4] = [Self::Ec2, Self::Vpc, Self::Rds, Self::DataTransfer];
}

/// The text's lines: `#` a remark; `region NAME`; of it `offer NAME published DATE read DATE from WORDS`; then
/// `KIND KEY DOLLARS`.
pub fn parse(text: &str) -> Result<Vec<PriceList>, PriceListError> {
    let mut lists: Vec<PriceList> = vec![];
    for (index, line) in text.lines().enumerate() {
        let wrong = |what| PriceListError { line: index + 1, text: line.to_owned(), what };
        let words: Vec<_> = line.split_whitespace().collect();
        match (words.as_slice(), lists.last_mut()) {
            ([], _) | (["#", ..], _) => {}
            (["region", region], _) => lists.push(begun(region, &lists).map_err(wrong)?),
            (_, None) => return Err(wrong("it is of no region")),
            (["offer", name, rest @ ..], Some(list)) => offer(list, name, rest).map_err(wrong)?,
            ([kind, key, dollars], Some(list)) => price(list, kind, key, dollars).map_err(wrong)?,
            _ => return Err(wrong("it is none of `region`, `offer` and a price")),
        }
    }
    Ok(lists)
}

fn begun(region: &str, lists: &[PriceList]) -> Result<PriceList, &'static str> {
    if lists.iter().any(|list| list.region == region) {
        return Err("the region was there before");
    }
    Ok(PriceList { region: region.to_owned(), sources: BTreeMap::new(), rates: BTreeMap::new() })
}

fn offer(list: &mut PriceList, name: &str, words: &[&str]) -> Result<(), &'static str> {
    let ["published", published, "read", read, "from", from @ ..] = words else {
        return Err("an offer says `published DATE read DATE from WORDS`");
    };
    let offer = Offer::ALL.into_iter().find(|offer| offer.to_string() == name).ok_or("no such offer is used")?;
    let date = |text: &str| text.parse::<Date>().map_err(|_| "a date is YYYY-MM-DD");
    let source = Source { published: date(published)?, read: date(read)?, from: from.join(" ") };
    list.sources.insert(offer, source).map_or(Ok(()), |_| Err("the offer was there before"))
}

fn price(list: &mut PriceList, kind: &str, key: &str, dollars: &str) -> Result<(), &'static str> {
    let (_, offer) = KINDS.iter().find(|(name, _)| *name == kind).ok_or("there is no such kind of price")?;
    if !list.sources.contains_key(offer) {
        return Err("its offer is not named before it");
    }
    let dollars = dollars.parse().ok().filter(|price: &f64| price.is_finite() && *price > 0.0);
    let dollars = dollars.ok_or("a price is a number above 0")?;
    list.rates.insert(format!("{kind} {key}"), dollars).map_or(Ok(()), |_| Err("the price was there before"))
}
