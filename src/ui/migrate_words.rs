//! What the user can say to a migration, by where it stands, and what comes of it.

use super::migrate_status::{is_gone, is_overtaken, is_stopped};
use crate::agent::Report;
use crate::migrate::saga::{Direction, Next, Side, Stage};

/// What the user can say now, and what comes of it.
pub fn words(report: &Report) -> Vec<(&'static str, &'static str)> {
    const ABORT: (&str, &str) = ("abort", "undoes everything");
    const ROLLBACK: (&str, &str) = ("rollback", "goes back to the old database with every row");
    const HOME: (&str, &str) =
        ("rollback --offline", "goes back with every row: the clients wait while all of it is copied back");
    const AGAIN: (&str, &str) = ("rollback", "tries again, when what was in the way is gone");
    const GIVE_UP: (&str, &str) = ("finish --give-up-way-back", "stays with the new database");
    const LEAVE: (&str, &str) = ("rollback --leave-rows", "goes back without what does not come over");
    let status = &report.status;
    let rollback = if report.comes_home { HOME } else { ROLLBACK };
    let again = if report.comes_home { HOME } else { AGAIN };
    let back = if status.is_cut_over() { rollback } else { ABORT };
    match report.next {
        Next::Nothing => vec![],
        _ if report.waits_for_operator() => vec![("resume", "does what only your side can, and goes on"), back],
        _ if is_stopped(report) => stopped(report, back),
        Next::AwaitCutover => vec![("cutover", "switches the clients now"), ABORT],
        Next::AwaitFinish if status.given_up.old => vec![GIVE_UP],
        Next::AwaitFinish if status.refused.is_some() => vec![again, LEAVE, ("finish", "gives up the way back")],
        Next::AwaitFinish if is_gone(report) => vec![LEAVE, ("finish", "stays with the new database")],
        Next::AwaitFinish => vec![("finish", "gives up the way back"), rollback],
        Next::TakeBack { to: Side::New } => {
            vec![("cutover --leave-rows", "goes over, if the old server is gone for good")]
        }
        Next::TakeBack { to: Side::Old } => {
            vec![("rollback --leave-rows", "goes back, if the new server is gone for good")]
        }
        Next::Switch { .. } | Next::Undo(_) => vec![],
        Next::Run(_) if !report.running => vec![("resume", "goes on")],
        Next::Run(Stage::Copy) => vec![("limit RATE", "copies slower or faster"), ABORT],
        Next::Run(_) => vec![back],
    }
}

/// After a failure: what goes on, what goes back, and what ends it where a server is gone for good.
fn stopped(report: &Report, back: (&'static str, &'static str)) -> Vec<(&'static str, &'static str)> {
    let status = &report.status;
    let anew = is_overtaken(status);
    let mut words =
        vec![("resume", if anew { "pauses the clients and begins anew" } else { "goes on where it stopped" })];
    match (status.direction, status.at) {
        (Direction::Forward, Side::Old) => {
            words.push(back);
            let over = ("cutover --leave-rows", "goes over, if the old server is gone for good");
            words.extend(status.has_rows().then_some(over));
        }
        (Direction::Forward, Side::New) if status.given_up.old || status.stages.contains_key(&Stage::Finish) => {
            words.push(("finish --give-up-way-back", "ends it, if the old server is gone for good"));
        }
        (Direction::Forward, Side::New) => words.extend([back, ("finish", "gives up the way back")]),
        (Direction::RollingBack, Side::New) => {}
        (_, Side::Old) if status.switch.is_some() => {
            words.push(("rollback", "leaves the clients as they are, and cleans up"));
        }
        _ => words.push(("abort --leave-rows", "ends it; what is at a server that is gone for good stays there")),
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::migrate_status::fixture::{report, until};
    use super::*;

    #[test]
    fn the_way_home_is_named_by_its_word() {
        let guarded = report(&until(Stage::Guard), Next::AwaitFinish, true);
        let said = |report: &Report| words(report).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        assert_eq!(said(&guarded), ["finish", "rollback"]);
        let mut home = Report { comes_home: true, ..guarded };
        assert_eq!(said(&home), ["finish", "rollback --offline"]);
        home.status.refused = Some("a disk was full".to_owned());
        assert_eq!(said(&home), ["rollback --offline", "rollback --leave-rows", "finish"]);
    }
}
