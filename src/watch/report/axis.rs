//! Where an axis has its marks: days at midnight, values at round numbers.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Marks of an axis of time between unix seconds, at most so many, in UTC.
pub fn times(from: i64, until: i64, most: i64) -> Vec<i64> {
    let steps = [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY];
    let step = steps.into_iter().find(|step| (until - from) / step <= most).unwrap_or(28 * DAY);
    let first = from.div_euclid(step) * step;
    (0..=most + 1).map(|mark| first + mark * step).filter(|at| (from..=until).contains(at)).collect()
}

/// `Nov 3`; at other hours than midnight `14:00`.
pub fn time(at: i64) -> String {
    let format = if at.rem_euclid(DAY) == 0 { "%b %-d" } else { "%H:%M" };
    moment(at).map_or(String::new(), |moment| moment.to_zoned(TimeZone::UTC).strftime(format).to_string())
}

/// `Nov 3, 14:00`
pub fn day_and_time(at: i64) -> String {
    moment(at).map_or(String::new(), |moment| moment.to_zoned(TimeZone::UTC).strftime("%b %-d, %H:%M").to_string())
}

fn moment(at: i64) -> Option<Timestamp> {
    Timestamp::from_second(at).ok()
}

/// The ends of an axis of values, and how many marks fit between: round numbers around all of them, and zero if it is near.
pub fn values(least: f64, most: f64) -> (f64, f64, usize) {
    let least = if least > 0.0 && least < 0.6 * most { 0.0 } else { least };
    let span = if most > least { most - least } else { most.abs().max(1.0) };
    let step = round(span / 5.0);
    let (low, high) = ((least / step).floor(), (most / step - 1e-9).ceil());
    let high = if high > low { high } else { low + 1.0 };
    (low * step, high * step, (high - low) as usize + 1)
}

/// 1, 2 or 5 times a power of ten, not less.
fn round(size: f64) -> f64 {
    let power = 10_f64.powf(size.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| *step >= size * 0.999).unwrap_or(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_marked_at_midnight() {
        let start = 1_767_571_200 + 5 * HOUR;
        let marks = times(start, start + 10 * DAY, 6);
        assert!(marks.len() <= 6 && marks.iter().all(|at| at % DAY == 0), "{marks:?}");
        assert_eq!(time(1_767_571_200), "Jan 5");
        assert_eq!(time(1_767_571_200 + 3 * HOUR), "03:00");
    }

    #[test]
    fn values_end_at_round_numbers() {
        assert_eq!(values(3.0, 87.0).0, 0.0);
        let (low, high, marks) = values(3.0, 87.0);
        assert!(low == 0.0 && high >= 87.0 && (4..=7).contains(&marks));
        assert_eq!(values(0.0, 0.0), (0.0, 0.2, 2));
        assert!(values(41.0, 41.0).1 > 41.0);
        assert!(values(-5.0, 5.0).0 <= -5.0);
    }
}
