//! Samples to as many places as a chart has: the median of each, and between which values it went. Places without a sample
//! stay empty.

use crate::watch::forecast::Sample;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub at: i64,
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

/// Runs of places with nothing missing between them. A single missing sample is no gap.
pub fn runs(samples: &[Sample], from: i64, until: i64, places: i64) -> Vec<Vec<Place>> {
    let within: Vec<_> = samples.iter().filter(|s| (from..=until).contains(&s.at) && s.value.is_finite()).collect();
    let usual = usual_distance(&within);
    let width = ((until - from) / places.max(1)).max(usual).max(1);
    let of_a_place = within.chunk_by(|a, b| (a.at - from) / width == (b.at - from) / width);
    let places: Vec<_> = of_a_place.filter_map(place).collect();
    places.chunk_by(|a, b| b.at - a.at < 2 * width + width / 2).map(<[Place]>::to_vec).collect()
}

fn usual_distance(samples: &[&Sample]) -> i64 {
    let mut distances: Vec<_> = samples.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    let middle = distances.len() / 2;
    if distances.is_empty() { 0 } else { *distances.select_nth_unstable(middle).1 }
}

fn place(samples: &[&Sample]) -> Option<Place> {
    let mut values: Vec<_> = samples.iter().map(|sample| sample.value).collect();
    values.sort_by(f64::total_cmp);
    Some(Place {
        at: samples.get(samples.len() / 2)?.at,
        least: *values.first()?,
        median: values[values.len() / 2],
        most: *values.last()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_parts_runs_and_a_lost_sample_does_not() {
        let at = (0..100).filter(|step| *step != 50 && !(70..80).contains(step));
        let samples: Vec<_> = at.map(|step| Sample { at: step * 300, value: step as f64 }).collect();
        let runs = runs(&samples, 0, 30_000, 1000);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [69, 20]);
    }

    #[test]
    fn many_samples_become_few_places_that_keep_the_extremes() {
        let samples: Vec<_> =
            (0..26_000).map(|step| Sample { at: step * 300, value: if step == 777 { 99.0 } else { 1.0 } }).collect();
        let runs = runs(&samples, 0, 7_800_000, 200);
        assert_eq!(runs.len(), 1);
        assert!(runs[0].len() <= 201);
        assert_eq!(runs[0].iter().map(|place| place.most).fold(0.0, f64::max), 99.0);
    }
}
