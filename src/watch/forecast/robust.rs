//! Statistics that a few wild values do not move.

/// None of nothing. Reorders its input.
pub fn median(values: &mut [f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value at this share of the order, without interpolation but for the median of an even count.
pub fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let count = values.len();
    if count == 0 {
        return None;
    }
    let place = share * (count - 1) as f64;
    let low = place.floor() as usize;
    let (_, &mut lower, above) = values.select_nth_unstable_by(low, f64::total_cmp);
    let upper = above.iter().copied().min_by(f64::total_cmp).unwrap_or(lower);
    Some(lower + (upper - lower) * (place - low as f64))
}

/// Half of the values are not further from their median than this.
pub fn spread(values: &[f64]) -> f64 {
    let mut copy = values.to_vec();
    let Some(middle) = median(&mut copy) else { return 0.0 };
    copy.iter_mut().for_each(|value| *value = (*value - middle).abs());
    median(&mut copy).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let mut values = [5.0, 1.0, 3.0, 2.0];
        assert_eq!(median(&mut values), Some(2.5));
        assert_eq!([0.0, 1.0].map(|share| quantile(&mut values, share)), [Some(1.0), Some(5.0)]);
        assert_eq!(median(&mut []), None);
    }

    #[test]
    fn one_wild_value_does_not_move_the_spread() {
        assert_eq!(spread(&[1.0, 2.0, 3.0, 4.0, 1e9]), 1.0);
        assert_eq!(spread(&[]), 0.0);
    }
}
