//! Metrics of instances: measured from the machines' CPU time, or set by hand.
//!
//! Burst capacity follows AWS's model: a bundle earns minutes of full CPU at its baseline, spends what it uses above
//! nothing, and holds at most a day's earnings. A new instance starts with all of it, unlike AWS's, so that alarms in the
//! lab are quiet until something happens.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::catalog::Bundle;
use super::error::ApiError;
use crate::machines::MachineId;

/// Two days of samples, one a minute.
const KEPT_SAMPLES: usize = 2 * 24 * 60;
/// CloudWatch's limit for one answer.
const MAX_DATAPOINTS: f64 = 1440.0;

macro_rules! metrics {
    ($($name:ident $statistic:literal $unit:literal,)+) => {
        /// A metric of an instance, by AWS's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[expect(non_camel_case_types, reason = "AWS's own names")]
        pub enum Metric {
            $($name,)+
        }

        impl Metric {
            pub fn of_instance(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The statistic that alarms on it use.
            pub fn statistic(self) -> &'static str {
                match self {
                    $(Self::$name => $statistic,)+
                }
            }

            pub fn unit(self) -> &'static str {
                match self {
                    $(Self::$name => $unit,)+
                }
            }
        }
    };
}

metrics! {
    CPUUtilization "Average" "Percent",
    NetworkIn "Sum" "Bytes",
    NetworkOut "Sum" "Bytes",
    StatusCheckFailed "Sum" "Count",
    StatusCheckFailed_Instance "Sum" "Count",
    StatusCheckFailed_System "Sum" "Count",
    BurstCapacityTime "Average" "Seconds",
    BurstCapacityPercentage "Average" "Percent",
    MetadataNoToken "Sum" "Count",
    DiskReadOps "Sum" "Count",
    DiskWriteOps "Sum" "Count",
    DiskReadBytes "Sum" "Bytes",
    DiskWriteBytes "Sum" "Bytes",
    DiskTotalReadTime "Sum" "Seconds",
    DiskTotalWriteTime "Sum" "Seconds",
    DiskQueueLength "Average" "Count",
}

/// One look at a machine.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    at: f64,
    cpu_seconds: f64,
    cpu_percent: f64,
    /// Seconds of one full vCPU, all vCPUs together.
    burst_seconds: f64,
    burst_percent: f64,
}

/// What has been measured and what has been set, by machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Samples {
    measured: BTreeMap<MachineId, VecDeque<Sample>>,
    set: BTreeMap<MachineId, BTreeMap<Metric, f64>>,
}

/// A period and the values in it.
#[derive(Debug, Clone, Copy)]
pub struct Datapoint {
    at: f64,
    pub average: f64,
    minimum: f64,
    maximum: f64,
    sum: f64,
    count: f64,
}

impl Samples {
    /// Adds a look at a machine. Without a measurement the machine counts as idle.
    pub fn record(&mut self, machine: &MachineId, bundle: &Bundle, cpu_seconds: Option<f64>, at: f64) {
        let samples = self.measured.entry(machine.clone()).or_default();
        let cpus = f64::from(bundle.cpus);
        let capacity = cpus * bundle.baseline / 100.0 * 24.0 * 3600.0;
        let cpu_seconds = cpu_seconds.unwrap_or(0.0);
        let (used, elapsed, before) = match samples.back() {
            Some(last) => ((cpu_seconds - last.cpu_seconds).max(0.0), (at - last.at).max(0.001), last.burst_seconds),
            None => (0.0, 1.0, capacity),
        };
        let earned = cpus * bundle.baseline / 100.0 * elapsed;
        let burst_seconds = (before + earned - used).clamp(0.0, capacity);
        samples.push_back(Sample {
            at,
            cpu_seconds,
            cpu_percent: (used / elapsed / cpus * 100.0).min(100.0),
            burst_seconds,
            burst_percent: burst_seconds / capacity * 100.0,
        });
        if samples.len() > KEPT_SAMPLES {
            samples.pop_front();
        }
    }

    /// From now on this metric has this value; `None` returns to what is measured.
    pub fn set(&mut self, machine: &MachineId, metric: Metric, value: Option<f64>) {
        let values = self.set.entry(machine.clone()).or_default();
        match value {
            Some(value) => values.insert(metric, value),
            None => values.remove(&metric),
        };
    }

    /// Stopping loses all burst capacity that was saved; a deleted machine has no metrics.
    pub fn forget(&mut self, machine: &MachineId) {
        self.measured.remove(machine);
        self.set.remove(machine);
    }

    /// One datapoint a period in which there is something.
    pub fn datapoints(&self, machine: &MachineId, metric: Metric, start: f64, end: f64, period: f64) -> Vec<Datapoint> {
        let set = self.set.get(machine).and_then(|values| values.get(&metric)).copied();
        let mut points = Vec::new();
        let mut at = start;
        while at < end && points.len() < 2000 {
            let values = match set {
                Some(value) => vec![value],
                None => self.values(machine, metric, at, at + period),
            };
            points.extend(summarize(at, &values));
            at += period;
        }
        points
    }

    fn values(&self, machine: &MachineId, metric: Metric, from: f64, to: f64) -> Vec<f64> {
        let samples = self.measured.get(machine).into_iter().flatten();
        let value = |sample: &Sample| match metric {
            Metric::CPUUtilization => sample.cpu_percent,
            Metric::BurstCapacityTime => sample.burst_seconds,
            Metric::BurstCapacityPercentage => sample.burst_percent,
            _ => 0.0,
        };
        samples.filter(|sample| (from..to).contains(&sample.at)).map(value).collect()
    }
}

fn summarize(at: f64, values: &[f64]) -> Option<Datapoint> {
    let count = f64::from(u32::try_from(values.len()).ok()?);
    let sum: f64 = values.iter().sum();
    let minimum = values.iter().copied().reduce(f64::min)?;
    let maximum = values.iter().copied().reduce(f64::max)?;
    Some(Datapoint { at, average: sum / count, minimum, maximum, sum, count })
}

pub fn get(call: &Call<'_>, samples: &Samples, now: f64) -> Answer {
    let instance = call.instance()?;
    let name = call.input.text("metricName")?;
    let metric =
        Metric::of_instance(name).ok_or_else(|| ApiError::invalid(format!("The metric is not valid: {name}")))?;
    let (start, end) = (call.input.number("startTime")?, call.input.number("endTime")?);
    let period = f64::from(call.input.size("period")?);
    if start >= end || period < 60.0 || period % 60.0 != 0.0 || (end - start) / period > MAX_DATAPOINTS {
        return Err(ApiError::invalid(
            "startTime must be before endTime, and period a multiple of 60 with at most 1440 datapoints",
        ));
    }
    // Nothing is known of an instance before it was made, nor of the future.
    let start = start.max((instance.identity.created_at / period).floor() * period);
    let points = samples.datapoints(&instance.machine, metric, start, end.min(now), period);
    let same_unit = call.input.text("unit")? == metric.unit();
    let statistics = call.input.texts("statistics");
    let data: Vec<Value> = points.iter().filter(|_| same_unit).map(|point| point.view(&statistics, metric)).collect();
    Ok(json!({ "metricName": metric.name(), "metricData": data }))
}

impl Datapoint {
    fn view(&self, statistics: &[String], metric: Metric) -> Value {
        let mut view = json!({ "timestamp": self.at, "unit": metric.unit() });
        for statistic in statistics {
            let (member, value) = match statistic.as_str() {
                "Minimum" => ("minimum", self.minimum),
                "Maximum" => ("maximum", self.maximum),
                "Sum" => ("sum", self.sum),
                "SampleCount" => ("sampleCount", self.count),
                _ => ("average", self.average),
            };
            view[member] = json!(value);
        }
        view
    }
}
