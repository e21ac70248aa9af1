//! How a migration is to go: what the plan's `[migrate]` says, and what the user said, which counts more.

use std::path::PathBuf;

use jiff::{Timestamp, Zoned};

use super::StartArgs;
use crate::error::CommandError;
use crate::migrate::saga::{Cutover, Mode};
use crate::plan::{CutoverTime, FindingCode, Migrate, MigrateMode, Rate, TimeOfDay};

pub struct Options {
    pub mode: Mode,
    pub cutover: Cutover,
    /// Codes of warnings and losses that are agreed to.
    pub accepted: Vec<String>,
    pub max_rate: Option<Rate>,
}

/// `now` is the user's clock.
pub fn options(
    args: &StartArgs,
    time: Option<CutoverTime>,
    plan: &Migrate,
    now: &Zoned,
) -> Result<Options, CommandError> {
    let mode = match (args.offline, args.online, plan.mode) {
        (true, ..) | (false, false, MigrateMode::Offline) => Mode::Offline,
        (false, true, _) | (false, false, MigrateMode::Online) => Mode::Online,
    };
    let cutover = cutover(time.unwrap_or(plan.cutover), now)?;
    let accepted: Vec<String> = plan.accept.iter().chain(&args.accept).map(FindingCode::to_string).collect();
    Ok(Options { mode, cutover, accepted, max_rate: args.max_rate.or(plan.max_rate) })
}

fn cutover(time: CutoverTime, now: &Zoned) -> Result<Cutover, CommandError> {
    match time {
        CutoverTime::Auto => Ok(Cutover::Auto),
        CutoverTime::Manual => Ok(Cutover::Manual),
        CutoverTime::At(moment) if moment > now.timestamp() => Ok(Cutover::At(moment)),
        CutoverTime::At(moment) => Err(CommandError::usage(format!("the time of the cutover, {moment}, has passed"))
            .hint(format!("it is {} now; `auto` switches as soon as all is ready", now.timestamp()))),
        CutoverTime::Next(time) => next(time, now).map(Cutover::At),
    }
}

/// In the night in which clocks skip it, as much later as they skip.
fn next(time: TimeOfDay, now: &Zoned) -> Result<Timestamp, CommandError> {
    let hour = i8::try_from(time.hour).unwrap_or_default();
    let minute = i8::try_from(time.minute).unwrap_or_default();
    let of_day = |day: jiff::civil::Date| day.at(hour, minute, 0, 0).to_zoned(now.time_zone().clone());
    let today = of_day(now.date()).map_err(CommandError::usage)?;
    let moment =
        if today > *now { today } else { now.date().tomorrow().and_then(of_day).map_err(CommandError::usage)? };
    Ok(moment.timestamp())
}

/// `--cutover WHEN`, of one word or two; what a shell makes of `at 02:30` is two.
#[derive(Debug, Default)]
pub struct CutoverArg {
    pub time: Option<CutoverTime>,
    /// A second word that is no time: the plan, which stands behind the flag.
    pub plan: Option<PathBuf>,
}

impl CutoverArg {
    pub fn parse(words: &[String]) -> Result<Self, CommandError> {
        let (text, plan) = match words {
            [] => return Ok(Self::default()),
            [at, time] if at == "at" => (format!("at {time}"), None),
            [when, plan, ..] => (when.clone(), Some(plan.into())),
            [when] => (when.clone(), None),
        };
        let time = CutoverTime::parse(&text).map_err(|error| {
            let remedy = error.remedy.clone().unwrap_or_default();
            CommandError::usage(format!("--cutover: {error}: {}", error.rule)).hint(remedy)
        })?;
        Ok(Self { time: Some(time), plan })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(time: &str, now: &str) -> String {
        let time = CutoverTime::parse(time).unwrap();
        match cutover(time, &now.parse().unwrap()) {
            Ok(Cutover::At(moment)) => moment.to_string(),
            Ok(other) => format!("{other:?}"),
            Err(error) => error.text(),
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one_on_the_users_clock() {
        let evening = "2026-11-21T23:30:00+01:00[Europe/Berlin]";
        assert_eq!(moment("at 02:30", evening), "2026-11-22T01:30:00Z");
        assert_eq!(moment("at 23:31", evening), "2026-11-21T22:31:00Z");
        assert_eq!(moment("at 23:30", evening), "2026-11-22T22:30:00Z", "not now: a day later");
        // Clocks skip from 02:00 to 03:00.
        assert_eq!(moment("at 02:30", "2026-03-28T12:00:00+01:00[Europe/Berlin]"), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn an_instant_is_itself_and_must_be_to_come() {
        let now = "2026-11-21T10:00:00+00:00[UTC]";
        assert_eq!(moment("at 2026-11-21T11:30:00+01:00", now), "2026-11-21T10:30:00Z");
        assert!(moment("at 2026-11-21T10:00:00Z", now).contains("has passed"));
        assert_eq!((moment("auto", now), moment("manual", now)), ("Auto".into(), "Manual".into()));
    }

    #[test]
    fn the_words_of_the_flag_are_told_from_the_plan_behind_it() {
        let parse = |words: &[&str]| {
            CutoverArg::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
                .map(|arg| (arg.time.map(|time| time.to_string()), arg.plan))
                .map_err(|error| error.text())
        };
        assert_eq!(parse(&["at", "02:30"]), Ok((Some("at 02:30".into()), None)));
        assert_eq!(parse(&["at 02:30"]), Ok((Some("at 02:30".into()), None)));
        assert_eq!(parse(&["manual", "p.toml"]), Ok((Some("manual".into()), Some("p.toml".into()))));
        assert_eq!(parse(&[]), Ok((None, None)));
        assert!(parse(&["at", "25:00"]).unwrap_err().contains("`at 25:00` is not a time for the cutover"));
    }
}
