//! Every way through the saga: forwards, cut off anywhere, failed anywhere, undone from anywhere.

use jiff::Timestamp;

use super::{Cutover, Event, Mode, Next, Stage, Status, next};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a moment")
}

fn step(events: &mut Vec<Event>, mode: Mode) -> Next {
    let status = Status::replay(events.iter()).expect("what was written fits together");
    let next = next(&status, mode, Cutover::Auto, at(0));
    match next {
        Next::Run(stage) => {
            events.extend([Event::Started { stage }, Event::Done { stage, note: String::new() }]);
        }
        Next::Undo(stage) => events.extend([Event::UndoStarted { stage }, Event::Undone { stage }]),
        Next::AwaitFinish => events.push(Event::FinishAsked),
        Next::AwaitCutover => events.push(Event::CutoverAsked),
        Next::Nothing => {}
    }
    next
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
        let ran: Vec<_> =
            seen.iter().filter_map(|n| if let Next::Run(stage) = n { Some(*stage) } else { None }).collect();
        assert_eq!(ran, Stage::of(mode).collect::<Vec<_>>());
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
    assert_eq!(status.failure(), Some((Stage::Preflight, "no route")));
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
        assert_eq!(status.failure(), Some((failed, "full")));
        assert_eq!(next(&status, Mode::Offline, Cutover::Auto, at(0)), Next::Run(Stage::Prepare));
        let stuck = Event::Failed { stage: failed, error: "full, and stuck".into() };
        assert!(Status::replay(events.iter().chain([&stuck])).is_ok(), "more may be said of it");
        let begun: Vec<_> = Stage::of(Mode::Offline).take_while(|stage| *stage <= failed).collect();
        let undone = through(&mut [events.clone(), vec![Event::AbortAsked]].concat(), Mode::Offline);
        assert_eq!(undone, begun.iter().rev().map(|stage| Next::Undo(*stage)).collect::<Vec<_>>());
        events.push(Event::Started { stage: Stage::Prepare });
        assert_eq!(Status::replay(&events).expect("fits").failure(), None, "something was begun since");
        let again = through(&mut events, Mode::Offline);
        let ran: Vec<_> = again.iter().filter(|next| matches!(next, Next::Run(_))).collect();
        assert_eq!(ran.len(), Stage::of(Mode::Offline).filter(|stage| *stage >= Stage::Prepare).count());
    }
    assert!(!Stage::ALL.iter().any(|stage| stage.is_in_pause(Mode::Online)));
}

#[test]
fn undone_from_anywhere_leaves_nothing_standing() {
    let mut whole = vec![];
    through(&mut whole, Mode::Online);
    for length in 0..whole.len() {
        let mut events = whole[..length].to_vec();
        events.push(Event::AbortAsked);
        let undone = through(&mut events, Mode::Online);
        let mut order: Vec<_> =
            undone.iter().filter_map(|n| if let Next::Undo(stage) = n { Some(*stage) } else { None }).collect();
        assert_eq!(order.len(), undone.len(), "only undoing");
        order.reverse();
        assert!(order.is_sorted(), "the last stage first: {order:?}");
    }
}

#[test]
fn the_user_says_when_to_cut_over_unless_it_is_under_way() {
    let mut events = vec![];
    for stage in Stage::ALL.into_iter().take_while(|s| *s != Stage::Cutover) {
        events.extend([Event::Started { stage }, Event::Done { stage, note: String::new() }]);
    }
    let ask = |events: &[Event], cutover| next(&Status::replay(events).expect("fits"), Mode::Online, cutover, at(100));
    assert_eq!(ask(&events, Cutover::Manual), Next::AwaitCutover);
    assert_eq!(ask(&events, Cutover::Auto), Next::Run(Stage::Cutover));
    assert_eq!(ask(&events, Cutover::At(at(101))), Next::AwaitCutover, "its time has not come");
    for due in [100, 99] {
        assert_eq!(ask(&events, Cutover::At(at(due))), Next::Run(Stage::Cutover), "ready at or after its time");
    }
    let asked = [events.clone(), vec![Event::CutoverAsked]].concat();
    assert_eq!(ask(&asked, Cutover::At(at(200))), Next::Run(Stage::Cutover), "the user's word counts before its time");
    let begun = [events.clone(), vec![Event::Started { stage: Stage::Cutover }]].concat();
    assert_eq!(ask(&begun, Cutover::Manual), Next::Run(Stage::Cutover), "cut off in the middle: it goes on");
}

#[test]
fn a_host_is_held_from_prepare_to_the_cutover_and_while_it_goes_back() {
    let mut whole = vec![];
    through(&mut whole, Mode::Online);
    let held = |events: &[Event]| Status::replay(events).expect("fits").holds_host();
    let at = |wanted: &Event| whole.iter().position(|event| event == wanted).expect("it happened");
    let prepare = at(&Event::Started { stage: Stage::Prepare });
    let switched = at(&Event::Done { stage: Stage::Cutover, note: String::new() });
    for length in 0..=whole.len() {
        assert_eq!(held(&whole[..length]), length > prepare && length <= switched, "after {length} events");
    }
    let mut back = [whole[..switched].to_vec(), vec![Event::AbortAsked]].concat();
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
    assert!(Status::replay([&Event::Undone { stage: Stage::Copy }]).is_err());
}
