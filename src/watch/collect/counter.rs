//! How far a counter went between two readings. Pure.

use std::time::Duration;

use super::sample::Why;

/// Shorter than this, the kernel's own steps (a jiffy is up to 10 ms) are larger than what is measured.
const SHORTEST: Duration = Duration::from_millis(100);

/// A counter of 64 bits: it does not come round, so a smaller value means that it began anew.
pub fn increase(before: u64, now: u64) -> Result<u64, Why> {
    now.checked_sub(before).ok_or(Why::CounterReset)
}

/// A counter of milliseconds that the kernel keeps in 32 bits, and comes round after 49 days of one request at a time. A
/// step back of more than half the circle is one round; less is a new beginning.
pub fn increase_32(before: u64, now: u64) -> Result<u64, Why> {
    const ROUND: u64 = 1 << 32;
    if now >= before {
        return Ok(now - before);
    }
    let increase = (before < ROUND).then(|| now + ROUND - before).filter(|increase| *increase < ROUND / 2);
    increase.ok_or(Why::CounterReset)
}

pub fn seconds(elapsed: Duration) -> Result<f64, Why> {
    if elapsed < SHORTEST { Err(Why::NoTime) } else { Ok(elapsed.as_secs_f64()) }
}

pub fn per_second(increase: u64, elapsed: Duration) -> Result<f64, Why> {
    Ok(increase as f64 / seconds(elapsed)?)
}

/// `part` of `whole`, in percent. Nothing of nothing is no share.
pub fn percent(part: f64, whole: f64) -> Result<f64, Why> {
    if whole > 0.0 { Ok(100.0 * part / whole) } else { Err(Why::Idle) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_round_is_told_from_a_new_beginning() {
        assert_eq!(increase_32(u64::from(u32::MAX) - 5, 4), Ok(10));
        assert_eq!(increase_32(5_000, 4), Err(Why::CounterReset));
        assert_eq!(increase_32(1 << 40, 4), Err(Why::CounterReset));
        assert_eq!(increase(5, 4), Err(Why::CounterReset));
    }

    #[test]
    fn no_time_gives_no_rate() {
        assert_eq!(per_second(5, Duration::ZERO), Err(Why::NoTime));
        assert_eq!(per_second(5, Duration::from_secs(2)), Ok(2.5));
    }

    proptest! {
        /// Whatever the kernel counts up to, its 32 bits give the true step.
        #[test]
        fn a_counter_of_32_bits_gives_the_true_step(start: u64, step in 0_u64..1 << 31) {
            let (before, now) = (start & 0xffff_ffff, start.wrapping_add(step) & 0xffff_ffff);
            prop_assert_eq!(increase_32(before, now), Ok(step));
        }

        /// Two readings never give more than lies between them, nor less than nothing.
        #[test]
        fn a_reset_gives_no_value(before: u64, now: u64) {
            match increase(before, now) {
                Ok(step) => prop_assert_eq!(before + step, now),
                Err(why) => prop_assert!(now < before && why == Why::CounterReset),
            }
        }
    }
}
