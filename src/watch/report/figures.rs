//! The figures that stand beside a chart, for those who want numbers and those who see no chart.

use crate::watch::forecast::Sample;

const DAY: i64 = 86_400;

/// Of one line over the report's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    pub last: f64,
    pub median: f64,
    pub lowest: Sample,
    pub highest: Sample,
}

/// Of one day in UTC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayFigures {
    /// Its midnight.
    pub day: i64,
    pub lowest: f64,
    pub median: f64,
    pub highest: f64,
}

/// None where nothing was measured.
pub fn figures(samples: &[Sample], from: i64, until: i64) -> Option<Figures> {
    let within = within(samples, from, until);
    Some(Figures {
        last: within.last()?.value,
        median: median(&within)?,
        lowest: within.iter().copied().min_by(|a, b| a.value.total_cmp(&b.value))?,
        highest: within.iter().copied().max_by(|a, b| a.value.total_cmp(&b.value))?,
    })
}

/// Days on which something was measured.
pub fn days(samples: &[Sample], from: i64, until: i64) -> Vec<DayFigures> {
    let within = within(samples, from, until);
    let of_a_day = within.chunk_by(|a, b| a.at.div_euclid(DAY) == b.at.div_euclid(DAY));
    let day = |samples: &[Sample]| {
        let values = samples.iter().map(|sample| sample.value);
        Some(DayFigures {
            day: samples.first()?.at.div_euclid(DAY) * DAY,
            lowest: values.clone().fold(f64::MAX, f64::min),
            median: median(samples)?,
            highest: values.fold(f64::MIN, f64::max),
        })
    };
    of_a_day.filter_map(day).collect()
}

fn within(samples: &[Sample], from: i64, until: i64) -> Vec<Sample> {
    samples.iter().filter(|s| (from..=until).contains(&s.at) && s.value.is_finite()).copied().collect()
}

fn median(samples: &[Sample]) -> Option<f64> {
    let mut values: Vec<_> = samples.iter().map(|sample| sample.value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
