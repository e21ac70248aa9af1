//! Values as people read them.

use serde::{Deserialize, Serialize};

/// What a value counts. Bytes are decimal, as disks are sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Percent,
    Count,
    PerSecond,
    Milliseconds,
    Seconds,
    Bytes,
    BytesPerSecond,
}

impl Unit {
    /// `83 %`, `1.2 GB`, `12`
    pub fn value(self, value: f64) -> String {
        let (number, prefix) = self.scaled(value);
        let sign = self.sign();
        match (prefix, sign) {
            ("", "") => number,
            (prefix, "") => format!("{number}{prefix}"),
            (prefix, sign) => format!("{number} {prefix}{sign}"),
        }
    }

    /// What stands above an axis.
    pub fn axis(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Count => "count",
            Self::PerSecond => "per second",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes per second",
        }
    }

    /// The value at an axis, where the unit stands above: `83`, `1.2 G`.
    pub fn tick(self, value: f64) -> String {
        let (number, prefix) = self.scaled(value);
        format!("{number}{prefix}")
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Count => "",
            Self::PerSecond => "/s",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::BytesPerSecond => "B/s",
        }
    }

    fn scaled(self, value: f64) -> (String, &'static str) {
        let prefixes: &[(f64, &str)] = match self {
            Self::Percent | Self::Milliseconds | Self::Seconds => &[],
            _ => &[(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")],
        };
        let found = prefixes.iter().find(|(size, _)| value.abs() >= *size * 0.9995);
        let (size, prefix) = found.copied().unwrap_or((1.0, ""));
        (figures(value / size), prefix)
    }
}

/// Three figures where there is a fraction, without zeros that say nothing.
fn figures(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_figures_and_their_unit() {
        let said = [
            Unit::Percent.value(83.04),
            Unit::Bytes.value(1_234_000_000.0),
            Unit::BytesPerSecond.value(999_900.0),
            Unit::PerSecond.value(12_345.0),
            Unit::Count.value(1500.0),
            Unit::Count.value(-0.001),
            Unit::Milliseconds.value(1234.5),
        ];
        assert_eq!(said, ["83 %", "1.23 GB", "1 MB/s", "12.3 k/s", "1.5k", "0", "1234 ms"]);
    }
}
