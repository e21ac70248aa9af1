//! Every way through the saga: forwards, cut off anywhere, failed anywhere, undone from anywhere.

use jiff::Timestamp;

use super::{Cutover, Event, Mode, Next, Progress, Side, Stage, Status, Step, UserCommand, admit, next};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a moment")
}

fn step(events: &mut Vec<Event>, mode: Mode) -> Next {
    let status = Status::replay(events.iter()).expect("what was written fits together");
    let next = next(&status, mode, Cutover::Auto, at(0));
    events.extend(next.begun(&status));
    match next {
        Next::Run(stage) => events.push(Event::Done { stage, note: String::new() }),
        Next::Undo(stage) => events.push(Event::Undone { stage, left: String::new() }),
        Next::Switch { to, from } => {
            events.extend(from.on().map(|step| Event::Step { to, step }));
            events.push(Event::Switched { to });
            if to == Side::New {
                events.push(Event::Done { stage: Stage::Cutover, note: String::new() });
            }
        }
        Next::TakeBack { to } => events.push(Event::TakenBack { to }),
        Next::AwaitFinish => events.push(Event::FinishAsked { give_up_way_back: false }),
        Next::AwaitCutover => events.push(Event::CutoverAsked { leave_rows: false }),
        Next::Nothing => {}
    }
    next
}

/// What a stage, or the switch, does.
fn ran(seen: &[Next]) -> Vec<Stage> {
    let stage = |next: &Next| match next {
        Next::Run(stage) => Some(*stage),
        Next::Switch { to: Side::New, .. } => Some(Stage::Cutover),
        _ => None,
    };
    seen.iter().filter_map(stage).collect()
}

fn through(events: &mut Vec<Event>, mode: Mode) -> Vec<Next> {
    let mut seen = vec![];
    loop {
        match step(events, mode) {
            Next::Nothing => return seen,
            next => seen.push(next),
        }
        assert!(seen.len() < 100, "it does not end: {seen:?}");
    }
}

#[test]
fn forwards_in_the_order_of_the_stages() {
    for mode in [Mode::Online, Mode::Offline] {
        let seen = through(&mut vec![], mode);
        assert_eq!(ran(&seen), Stage::of(mode).collect::<Vec<_>>());
        assert_eq!(seen.iter().filter(|n| **n == Next::AwaitFinish).count(), 1);
    }
}

#[test]
fn cut_off_before_or_after_each_write_it_goes_on_there() {
    let mut whole = vec![];
    through(&mut whole, Mode::Online);
    for length in 0..=whole.len() {
        let mut events = whole[..length].to_vec();
        through(&mut events, Mode::Online);
        let done = |events: &[Event]| Status::replay(events).expect("fits").stages;
        assert_eq!(done(&events), done(&whole), "cut off after {length} events");
    }
}

#[test]
fn a_failed_stage_is_tried_again_and_said() {
    let mut events = vec![Event::Started { stage: Stage::Preflight }];
    events.push(Event::Failed { stage: Stage::Preflight, error: "no route".into() });
    let status = Status::replay(&events).expect("fits");
    assert_eq!(status.failure(), Some(("preflight", "no route")));
    assert_eq!(next(&status, Mode::Online, Cutover::Auto, at(0)), Next::Run(Stage::Preflight));
    through(&mut events, Mode::Online);
    assert_eq!(Status::replay(&events).expect("fits").failure(), None);
}

#[test]
fn offline_after_a_failure_the_clients_run_and_the_pause_begins_anew() {
    for failed in Stage::of(Mode::Offline).filter(|stage| stage.is_in_pause(Mode::Offline)) {
        let mut events = vec![];
        for stage in Stage::of(Mode::Offline).take_while(|stage| *stage < failed) {
            events.extend([Event::Started { stage }, Event::Done { stage, note: String::new() }]);
        }
        events.extend([Event::Started { stage: failed }, Event::Failed { stage: failed, error: "full".into() }]);
        events.push(Event::Served);
        let status = Status::replay(&events).expect("fits");
        assert_eq!(status.failure(), Some((failed.name(), "full")));
        assert_eq!(next(&status, Mode::Offline, Cutover::Auto, at(0)), Next::Run(Stage::Prepare));
        let stuck = Event::Failed { stage: failed, error: "full, and stuck".into() };
        assert!(Status::replay(events.iter().chain([&stuck])).is_ok(), "more may be said of it");
        let begun: Vec<_> = Stage::of(Mode::Offline).take_while(|stage| *stage <= failed).collect();
        let undone =
            through(&mut [events.clone(), vec![Event::AbortAsked { leave_rows: false }]].concat(), Mode::Offline);
        assert_eq!(undone, begun.iter().rev().map(|stage| Next::Undo(*stage)).collect::<Vec<_>>());
        events.push(Event::Started { stage: Stage::Prepare });
        assert_eq!(Status::replay(&events).expect("fits").failure(), None, "something was begun since");
        let again = through(&mut events, Mode::Offline);
        assert_eq!(ran(&again).len(), Stage::of(Mode::Offline).filter(|stage| *stage >= Stage::Prepare).count());
    }
    assert!(!Stage::ALL.iter().any(|stage| stage.is_in_pause(Mode::Online)));
}

#[test]
fn undone_from_anywhere_leaves_nothing_standing() {
    let mut whole = vec![];
    through(&mut whole, Mode::Online);
    for length in 0..whole.len() {
        let mut events = whole[..length].to_vec();
        let status = Status::replay(&events).expect("fits");
        let word = if status.at == Side::Old { UserCommand::Abort } else { UserCommand::Rollback };
        let Ok(Some(event)) = admit(word, true, &status) else { panic!("{word:?} after {length} events") };
        events.push(event);
        let undone = through(&mut events, Mode::Online);
        let mut order: Vec<_> =
            undone.iter().filter_map(|n| if let Next::Undo(stage) = n { Some(*stage) } else { None }).collect();
        assert!(undone.iter().all(|next| !matches!(next, Next::Run(_))), "only undoing, and the way back: {undone:?}");
        assert_eq!(Status::replay(&events).expect("fits").at, Side::Old);
        order.reverse();
        assert!(order.is_sorted(), "the last stage first: {order:?}");
    }
}

#[test]
fn the_user_says_when_to_cut_over_unless_it_is_under_way() {
    let mut events = vec![];
    let over = Next::Switch { to: Side::New, from: Step::Drain };
    for stage in Stage::ALL.into_iter().take_while(|s| *s != Stage::Cutover) {
        events.extend([Event::Started { stage }, Event::Done { stage, note: String::new() }]);
    }
    let ask = |events: &[Event], cutover| next(&Status::replay(events).expect("fits"), Mode::Online, cutover, at(100));
    assert_eq!(ask(&events, Cutover::Manual), Next::AwaitCutover);
    assert_eq!(ask(&events, Cutover::Auto), over);
    assert_eq!(ask(&events, Cutover::At(at(101))), Next::AwaitCutover, "its time has not come");
    for due in [100, 99] {
        assert_eq!(ask(&events, Cutover::At(at(due))), over, "ready at or after its time");
    }
    let asked = [events.clone(), vec![Event::CutoverAsked { leave_rows: false }]].concat();
    assert_eq!(ask(&asked, Cutover::At(at(200))), over, "the user's word counts before its time");
    let begun = [events.clone(), vec![Event::Started { stage: Stage::Cutover }]].concat();
    assert_eq!(ask(&begun, Cutover::Manual), over, "cut off in the middle: it goes on");
}

#[test]
fn a_host_is_held_from_prepare_to_the_cutover_and_while_it_goes_back() {
    let mut whole = vec![];
    through(&mut whole, Mode::Online);
    let held = |events: &[Event]| Status::replay(events).expect("fits").holds_host();
    let at = |wanted: &Event| whole.iter().position(|event| event == wanted).expect("it happened");
    let prepare = at(&Event::Started { stage: Stage::Prepare });
    let switched = at(&Event::Switched { to: Side::New });
    for length in 0..=whole.len() {
        assert_eq!(held(&whole[..length]), length > prepare && length <= switched, "after {length} events");
    }
    let mut back =
        [whole[..=switched].to_vec(), vec![Event::RollbackAsked { leave_rows: false, offline: false }]].concat();
    assert!(held(&back));
    through(&mut back, Mode::Online);
    assert!(!held(&back), "all is undone");
}

#[test]
fn what_cannot_have_happened_is_refused() {
    let done = Event::Done { stage: Stage::Copy, note: String::new() };
    assert!(Status::replay([&done]).is_err(), "ended without having begun");
    let started = Event::Started { stage: Stage::Copy };
    assert!(Status::replay([&started, &done, &started]).is_err(), "done is done");
    assert!(Status::replay([&Event::Undone { stage: Stage::Copy, left: String::new() }]).is_err());
    let carry = Event::Step { to: Side::New, step: Step::Carry };
    assert!(Status::replay([&carry]).is_err(), "nobody was paused");
    assert!(Status::replay([&Event::Switched { to: Side::New }]).is_err());
    assert!(Status::replay([&Event::TakenBack { to: Side::Old }]).is_err());
}

/// A journal of before the steps of a switch were in it.
#[test]
fn a_migration_of_before_stands_where_it_stood() {
    let lines = ["started", "done"].map(|event| format!(r#"{{"event":"{event}","stage":"cutover"}}"#));
    let asked = [r#"{"event":"finish_asked"}"#, r#"{"event":"cutover_asked"}"#].map(str::to_owned);
    let events: Vec<Event> = asked.iter().rev().take(1).chain(&lines).map(|line| read(line)).collect();
    let status = Status::replay(&events).expect("fits");
    assert!(status.is_cut_over() && status.has_served && status.switch.is_none());
    assert_eq!(read(&asked[0]), Event::FinishAsked { give_up_way_back: false });
    assert_eq!(read(r#"{"event":"undone","stage":"copy"}"#), Event::Undone { stage: Stage::Copy, left: String::new() });
}

fn read(line: &str) -> Event {
    serde_json::from_str(line).expect("an event")
}

#[test]
fn what_fails_before_the_clients_are_started_stands_where_it_was_and_afterwards_where_it_is() {
    let ready: Vec<Event> = Stage::ALL
        .into_iter()
        .take_while(|stage| *stage != Stage::Cutover)
        .flat_map(|stage| [Event::Started { stage }, Event::Done { stage, note: String::new() }])
        .collect();
    for to in [Side::New, Side::Old] {
        for failing in Step::ALL {
            let mut events = ready.clone();
            if to == Side::Old {
                step(&mut events, Mode::Online);
                events.push(Event::RollbackAsked { leave_rows: false, offline: false });
            } else {
                events.push(Event::Started { stage: Stage::Cutover });
            }
            events.extend(Step::ALL.into_iter().filter(|step| *step <= failing).map(|step| Event::Step { to, step }));
            events.push(Event::SwitchFailed { to, error: "no".into() });
            let next =
                |events: &[Event]| next(&Status::replay(events).expect("fits"), Mode::Online, Cutover::Auto, at(0));
            match failing {
                Step::Serve => assert_eq!(next(&events), Next::Switch { to, from: Step::Serve }),
                Step::Drain => {}
                _ => {
                    assert_eq!(next(&events), Next::TakeBack { to }, "{failing:?}");
                    events.push(Event::TakenBack { to });
                }
            }
            let status = Status::replay(&events).expect("fits");
            let stands = if failing == Step::Serve { to } else { to.other() };
            assert_eq!(status.at, stands, "{failing:?}");
            let why = match (to, failing) {
                (Side::Old, Step::Serve) | (Side::New, _) => status.failure().map(|(_, error)| error),
                (Side::Old, _) => status.refused.as_deref(),
            };
            assert_eq!(why, Some("no"), "{to} {failing:?}");
            if to == Side::Old && failing != Step::Serve {
                assert_eq!(next(&events), Next::Run(Stage::Guard), "the way back is kept");
            }
            if to == Side::New && failing != Step::Serve {
                assert!(matches!(status.stages.get(&Stage::Cutover), Some(Progress::Failed { .. })));
            }
        }
    }
}
