//! What the processors did, by the first line of /proc/stat. Pure.

use super::counter::{increase, percent};
use super::sample::{Reading, Why};

/// Ticks of all processors together. `guest` is part of `user` already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cpu {
    /// user, nice, system, irq, softirq.
    busy: u64,
    idle: u64,
    /// Idle while a request is out.
    iowait: u64,
    /// Another guest had the processor. None: the kernel is older than 2.6.11.
    steal: Option<u64>,
}

/// None: there is no such line, or it lacks even what the oldest kernels have.
pub fn parse(stat: &str) -> Option<Cpu> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let tick = |index: usize| ticks.get(index).copied();
    Some(Cpu {
        busy: tick(0)? + tick(1)? + tick(2)? + tick(5).unwrap_or(0) + tick(6).unwrap_or(0),
        idle: tick(3)?,
        iowait: tick(4).unwrap_or(0),
        steal: tick(7),
    })
}

/// Shares of the time that the processors themselves counted: no clock is needed.
pub fn between(before: Option<&Cpu>, now: Option<&Cpu>) -> Reading {
    let mut reading = Reading::default();
    let spent = match (before, now) {
        (_, None) => Err(Why::NotCounted),
        (None, Some(_)) => Err(Why::First),
        (Some(before), Some(now)) => Spent::between(before, now),
    };
    let share = |part: fn(&Spent) -> Result<u64, Why>| {
        let spent = spent.clone()?;
        percent(part(&spent)? as f64, spent.total() as f64).map_err(|_| Why::NoTime)
    };
    reading.host("cpu.percent", share(|spent| Ok(spent.busy)));
    reading.host("cpu.steal_percent", share(|spent| spent.steal.ok_or(Why::NotCounted)));
    reading.host("cpu.iowait_percent", share(|spent| Ok(spent.iowait)));
    reading
}

#[derive(Debug, Clone)]
struct Spent {
    busy: u64,
    idle: u64,
    iowait: u64,
    steal: Option<u64>,
}

impl Spent {
    fn between(before: &Cpu, now: &Cpu) -> Result<Self, Why> {
        let steal = match (before.steal, now.steal) {
            (Some(before), Some(now)) => Some(increase(before, now)?),
            _ => None,
        };
        Ok(Self {
            busy: increase(before.busy, now.busy)?,
            idle: increase(before.idle, now.idle)?,
            // proc(5): it may decrease under certain conditions.
            iowait: increase(before.iowait, now.iowait).unwrap_or(0),
            steal,
        })
    }

    fn total(&self) -> u64 {
        self.busy + self.idle + self.iowait + self.steal.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(before: &str, now: &str) -> Reading {
        between(parse(before).as_ref(), parse(now).as_ref())
    }

    #[test]
    fn what_this_kernel_wrote_is_read() {
        let reading = of(include_str!("recorded/stat.before"), include_str!("recorded/stat.now"));
        assert!(reading.value("cpu.percent").is_some_and(|percent| (0.0..=100.0).contains(&percent)));
        assert_eq!(reading.samples.len(), 3);
    }

    #[test]
    fn shares_are_those_of_vmstat() {
        let reading = of("cpu  100 0 100 800 50 0 0 0 0 0\n", "cpu  130 2 120 825 60 1 2 10 20 0\n");
        assert_eq!(reading.value("cpu.percent"), Some(55.0));
        assert_eq!(reading.value("cpu.steal_percent"), Some(10.0));
        assert_eq!(reading.value("cpu.iowait_percent"), Some(10.0));
    }

    #[test]
    fn old_kernels_lack_what_they_do_not_count() {
        let reading = of("cpu 100 0 100 800", "cpu 150 0 100 850");
        assert_eq!(reading.value("cpu.percent"), Some(50.0));
        assert_eq!(reading.why("cpu.steal_percent"), Some(Why::NotCounted));
    }

    #[test]
    fn no_time_a_reset_or_no_file_is_no_value() {
        let line = "cpu 100 0 100 800 50 0 0 0";
        assert_eq!(of(line, line).why("cpu.percent"), Some(Why::NoTime));
        assert_eq!(of(line, "cpu 90 0 100 900 50 0 0 0").why("cpu.percent"), Some(Why::CounterReset));
        assert_eq!(of(line, "cpu0 1 2 3 4").why("cpu.percent"), Some(Why::NotCounted));
        assert_eq!(of("", line).why("cpu.percent"), Some(Why::First));
        // Only this one may go back.
        assert_eq!(of(line, "cpu 150 0 100 850 40 0 0 0").value("cpu.iowait_percent"), Some(0.0));
    }
}
