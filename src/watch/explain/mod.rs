//! What a metric is, where it is measured, which alarm it has and what to do about it: one table, keyed by the names that
//! plans use. It knows nothing of a plan or of present values.

mod catalogue;

use serde::Serialize;

/// One metric. All of it is text for people; `name` is what plans say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Entry {
    pub name: &'static str,
    pub unit: &'static str,
    /// Bad when it is low; most are bad when they are high.
    pub below: bool,
    pub what: &'static str,
    pub measured: &'static [Source],
    /// What to do in each zone.
    pub warning: &'static str,
    pub migrate: &'static str,
    /// What people expect of it and is not so.
    pub caution: Option<&'static str>,
    /// What others call it: its names at AWS and in tools.
    pub also: &'static [&'static str],
}

/// Where a metric comes from, and the alarm that infra sets there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Source {
    pub of: Place,
    pub by: &'static str,
    /// None: infra sets none there.
    pub alarm: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    LightsailHost,
    Ec2Host,
    SshHost,
    EbsVolume,
    Rds,
    Aurora,
    LightsailDatabase,
    Bundle,
}

impl Place {
    pub fn word(self) -> &'static str {
        match self {
            Self::LightsailHost => "Lightsail host",
            Self::Ec2Host => "EC2 host",
            Self::SshHost => "server of your own",
            Self::EbsVolume => "EBS volume",
            Self::Rds => "RDS",
            Self::Aurora => "Aurora",
            Self::LightsailDatabase => "Lightsail database",
            Self::Bundle => "the bundle",
        }
    }
}

/// A name that no metric has, with the nearest that one has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric `{name}`")]
pub struct UnknownMetric {
    pub name: String,
    pub nearest: Option<&'static str>,
}

/// All of them, in the order of the table.
pub fn entries() -> &'static [Entry] {
    catalogue::CATALOGUE
}

/// Plans know it. The table may be ahead of them, or explain why they do not.
pub fn is_of_plans(entry: &Entry) -> bool {
    serde_json::from_value::<crate::plan::Metric>(entry.name.into()).is_ok()
}

/// By its name in plans, or by one that others give it, in any case of letters.
pub fn entry(name: &str) -> Result<&'static Entry, UnknownMetric> {
    let is_it = |entry: &&Entry| {
        entry.name.eq_ignore_ascii_case(name) || entry.also.iter().any(|other| other.eq_ignore_ascii_case(name))
    };
    entries().iter().find(is_it).ok_or_else(|| UnknownMetric { name: name.to_owned(), nearest: nearest(name) })
}

fn nearest(name: &str) -> Option<&'static str> {
    let likeness = |entry: &Entry| {
        let names = std::iter::once(&entry.name).chain(entry.also);
        names.map(|known| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase())).fold(0.0, f64::max)
    };
    let best = entries().iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    // As plans' own findings: less alike is a guess that misleads.
    (likeness(best) >= 0.75).then_some(best.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wherever the type is: the schema of plans has its names.
    fn of_plans() -> Vec<String> {
        let schema = serde_json::to_value(crate::plan::schema()).unwrap();
        let metric = schema["$defs"]["Metric"].clone();
        let listed = metric["enum"].as_array().cloned().unwrap_or_default();
        let described = metric["oneOf"].as_array().cloned().unwrap_or_default();
        let names = listed.into_iter().chain(described.into_iter().map(|one| one["const"].clone()));
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_metric_of_plans_is_explained() {
        let names = of_plans();
        assert!(names.len() >= 5, "{names:?}");
        for name in names {
            let entry = entry(&name).unwrap();
            assert!(entry.name == name && is_of_plans(entry), "{name} is not in the catalogue");
        }
    }

    #[test]
    fn nothing_is_there_twice_and_all_of_it_says_something() {
        let mut names: Vec<_> = entries().iter().flat_map(|e| std::iter::once(&e.name).chain(e.also)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "two entries of one name");
        for entry in entries() {
            assert!(!entry.measured.is_empty(), "{}", entry.name);
            let said = [entry.unit, entry.what, entry.warning, entry.migrate];
            assert!(said.iter().all(|text| !text.trim().is_empty()), "{}", entry.name);
        }
    }

    #[test]
    fn names_of_aws_lead_to_those_of_plans() {
        let name = |other: &str| entry(other).map(|entry| entry.name);
        assert_eq!(name("VolumeQueueLength"), Ok("disk.queue_depth"));
        assert_eq!(name("burstcapacitypercentage"), Ok("cpu.burst_percent"));
        assert_eq!(name("DISK.QUEUE_DEPTH"), Ok("disk.queue_depth"));
    }

    #[test]
    fn burst_balance_of_gp3_is_said_not_to_exist() {
        let caution = entry("BurstBalance").unwrap().caution.unwrap();
        assert!(caution.contains("gp3 has no BurstBalance"), "{caution}");
    }

    #[test]
    fn a_name_that_is_none_has_a_nearest_only_if_one_is_near() {
        assert_eq!(entry("disk.queue").unwrap_err().nearest, Some("disk.queue_depth"));
        assert_eq!(entry("weather").unwrap_err().nearest, None);
    }
}
