//! What a reading holds: values with the name of their series, and what is missing, with the reason.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// What a value is of: `disk.queue_depth` of `vda`. As text `disk.queue_depth:vda`; no metric has a colon in its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    pub metric: Cow<'static, str>,
    /// The device, mount, container or endpoint. None: the host itself.
    pub of: Option<String>,
}

impl Series {
    pub fn of_host(metric: &'static str) -> Self {
        Self { metric: metric.into(), of: None }
    }

    pub fn new(metric: &'static str, of: impl Into<String>) -> Self {
        Self { metric: metric.into(), of: Some(of.into()) }
    }

    /// The reverse of its text.
    pub fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some((metric, of)) => Self { metric: metric.to_owned().into(), of: Some(of.to_owned()) },
            None => Self { metric: text.to_owned().into(), of: None },
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        self.of.as_ref().map_or(Ok(()), |of| write!(f, ":{of}"))
    }
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    pub series: Series,
    pub value: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Missing {
    pub series: Series,
    pub why: Why,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("there is no earlier reading to compare with")]
    First,
    #[error("its counter began anew")]
    CounterReset,
    #[error("no time has passed since the last reading")]
    NoTime,
    #[error("it is gone")]
    Gone,
    #[error("this kernel or server does not count it")]
    NotCounted,
    #[error("the counter says what cannot be")]
    Implausible,
    #[error("there was nothing to measure in this time")]
    Idle,
    #[error("it has not been watched for long enough")]
    TooSoon,
    #[error("it did not answer in time")]
    Silent,
    #[error("{0}")]
    Failed(String),
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// All that was found at one time.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Reading {
    pub samples: Vec<Sample>,
    pub missing: Vec<Missing>,
}

impl Reading {
    pub fn note(&mut self, series: Series, value: Result<f64, Why>) {
        match value {
            Ok(value) if value.is_finite() => self.samples.push(Sample { series, value }),
            Ok(_) => self.missing.push(Missing { series, why: Why::Implausible }),
            Err(why) => self.missing.push(Missing { series, why }),
        }
    }

    pub fn host(&mut self, metric: &'static str, value: Result<f64, Why>) {
        self.note(Series::of_host(metric), value);
    }

    pub fn add(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.missing.extend(other.missing);
    }

    #[cfg(test)]
    pub fn value(&self, series: &str) -> Option<f64> {
        self.samples.iter().find(|sample| sample.series.to_string() == series).map(|sample| sample.value)
    }

    #[cfg(test)]
    pub fn why(&self, series: &str) -> Option<Why> {
        self.missing.iter().find(|missing| missing.series.to_string() == series).map(|missing| missing.why.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_survives_its_text() {
        for series in [Series::of_host("cpu.percent"), Series::new("disk.used_percent", "/srv/a:b")] {
            assert_eq!(Series::parse(&series.to_string()), series);
        }
    }

    #[test]
    fn a_value_that_is_no_number_is_missing() {
        let mut reading = Reading::default();
        reading.host("x", Ok(f64::NAN));
        assert_eq!(reading.why("x"), Some(Why::Implausible));
    }
}
