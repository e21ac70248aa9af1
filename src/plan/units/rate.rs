//! How fast bytes may go.

use std::fmt;

use crate::plan::scalar::{ScalarError, text_scalar};

/// Bytes a second; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// At least 1.
    pub fn new(bytes_per_second: u64) -> Self {
        Self(bytes_per_second.max(1))
    }

    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        Self::read(text).ok_or_else(|| {
            ScalarError::new(text, "a rate", "a number and its unit: B/s, kB/s, MB/s or GB/s")
                .remedy("write it like `\"20MB/s\"`, `\"500kB/s\"` or `\"1.5GB/s\"`")
        })
    }

    fn read(text: &str) -> Option<Self> {
        let amount = text.strip_suffix("/s")?;
        let digits = amount.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &amount[digits.len()..] {
            "B" => 1.0,
            "kB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            _ => return None,
        };
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number: f64 = digits.parse().ok().filter(|_| plain)?;
        let bytes = number * unit;
        (1.0..1e15).contains(&bytes).then_some(Self(bytes as u64))
    }

    pub fn bytes_per_second(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 1_000_000_000.. => write!(f, "{}GB/s", bytes as f64 / 1e9),
            bytes @ 1_000_000.. => write!(f, "{}MB/s", bytes as f64 / 1e6),
            bytes @ 1000.. => write!(f, "{}kB/s", bytes as f64 / 1e3),
            bytes => write!(f, "{bytes}B/s"),
        }
    }
}

text_scalar!(
    Rate, pattern: r"^[0-9.]{1,20}(B|kB|MB|GB)/s$", max: 24,
    "rate: a number and its unit (B/s, kB/s, MB/s, GB/s)", examples: ["20MB/s", "500kB/s", "1.5GB/s"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written() {
        for (text, bytes) in [("20MB/s", 20_000_000), ("500kB/s", 500_000), ("1.5GB/s", 1_500_000_000), ("7B/s", 7)] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!((rate.0, rate.to_string().as_str()), (bytes, text));
        }
        for bad in ["", "20", "20MB", "MB/s", "-1MB/s", "0MB/s", "20 mb/s", "NaNMB/s", "infMB/s", "1e3MB/s", "20MiB/s"]
        {
            assert!(Rate::parse(bad).is_err(), "{bad}");
        }
    }
}
