//! A model of everything that can happen to a migration from `prepare` on: the user's words at any moment, effects that fail
//! before or after they have worked, a process that dies before or after them, servers that are gone for good, clients that do
//! not become healthy. All sequences of up to seven of these are gone through, by the very transitions that the journal and the
//! runner use; the world around them is a few facts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use jiff::Timestamp;

use super::{Cutover, Event, Mode, Next, Progress, Side, Stage, Status, Step, UserCommand, admit, next};

/// Words, failures, deaths and losses in one story: in every run of the tests, and in the one that takes minutes.
const SOME: usize = 5;
const MOST: usize = 7;
/// Words after which a story must have ended, without another failure.
const WORDS: usize = 3;

/// What is outside of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    location: Side,
    running: bool,
    /// For anybody but infra.
    closed: [bool; 2],
    gone: [bool; 2],
    /// The clients do not become healthy with the new database.
    sick: bool,
    /// The database that the clients are not at lacks nothing.
    carried: bool,
    /// The new database has every row of the copy.
    copied: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Agent {
    /// It starts, or asks what comes next.
    Asks,
    /// Written down, and not known whether it has worked.
    Does(Effect),
    /// It goes on with the step after this one, unless something else is wanted by now.
    Goes(Side, Step),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Effect {
    Run(Stage),
    Undo(Stage),
    Step(Side, Step),
    TakeBack(Side),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    mode: Mode,
    status: Status,
    world: World,
    agent: Agent,
}

impl State {
    /// This stage is the next.
    fn before(first: Stage, mode: Mode) -> Self {
        let world = World {
            location: Side::Old,
            running: true,
            closed: [false; 2],
            gone: [false; 2],
            sick: false,
            carried: false,
            copied: false,
        };
        let mut state = Self { mode, status: Status::default(), world, agent: Agent::Asks };
        for stage in Stage::ALL.into_iter().take_while(|stage| *stage < first) {
            state.write(&Event::Started { stage });
            state.work(Effect::Run(stage));
            state.end(Effect::Run(stage), true);
        }
        state
    }

    /// As good as the state itself, for some hundred thousand of them.
    fn key(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(self)
    }

    fn next(&self) -> Next {
        next(&self.status, self.mode, Cutover::Manual, Timestamp::UNIX_EPOCH)
    }

    fn write(&mut self, event: &Event) {
        self.status.apply(event).unwrap_or_else(|error| panic!("{error}\n{self:?}"));
    }

    fn up(&self, side: Side) -> bool {
        !self.world.gone[side as usize]
    }

    /// There, or not needed by the user's word.
    fn spared(&self, side: Side) -> bool {
        self.up(side) || self.status.given_up.has(side)
    }

    /// What the agent is about to do is written down. None: it waits, or is done.
    fn asked(&self) -> Option<Self> {
        let mut state = self.clone();
        let next = self.next();
        if let Agent::Goes(to, step) = self.agent
            && matches!(next, Next::Switch { to: still, .. } if still == to)
            && let Some(step) = step.on().nth(1)
        {
            state.write(&Event::Step { to, step });
            state.agent = Agent::Does(Effect::Step(to, step));
            return Some(state);
        }
        next.begun(&self.status).iter().for_each(|event| state.write(event));
        state.agent = Agent::Does(match next {
            Next::Run(stage) => Effect::Run(stage),
            Next::Undo(stage) => Effect::Undo(stage),
            Next::TakeBack { to } => Effect::TakeBack(to),
            Next::Switch { to, from } => {
                state.write(&Event::Step { to, step: from });
                Effect::Step(to, from)
            }
            Next::AwaitCutover | Next::AwaitFinish | Next::Nothing => return None,
        });
        Some(state)
    }

    fn can(&self, effect: Effect) -> bool {
        let (old, new) = (self.spared(Side::Old), self.spared(Side::New));
        match effect {
            Effect::Run(Stage::Guard) => true,
            Effect::Run(Stage::Finish) => self.up(Side::New) && old,
            Effect::Run(_) => self.up(Side::Old) && self.up(Side::New),
            Effect::Undo(_) => old && new,
            Effect::TakeBack(to) => self.was_in_drain() || self.spared(to.other()),
            Effect::Step(to, Step::Serve) => self.up(to) && !(self.world.sick && to == Side::New),
            Effect::Step(_, Step::Point) => true,
            // Without the old server nothing but this is looked at.
            Effect::Step(Side::New, Step::Drain) if self.status.given_up.old => self.world.copied,
            Effect::Step(to, _) => self.up(to) && self.spared(to.other()),
        }
    }

    /// Nobody was stopped.
    fn was_in_drain(&self) -> bool {
        self.status.switch.as_ref().is_some_and(|switch| switch.step == Step::Drain)
    }

    /// What it does as far as it can; whether that is all of it.
    fn try_to(&mut self, effect: Effect) -> bool {
        let can = self.can(effect);
        match effect {
            // Started, and not healthy.
            Effect::Step(to, Step::Serve) if self.up(to) => self.work(effect),
            // The clients come first.
            Effect::Undo(_) if !can && self.up(Side::Old) => {
                (self.world.running, self.world.closed[Side::Old as usize]) = (true, false);
            }
            Effect::Run(Stage::Finish) if self.up(Side::New) => self.work(effect),
            _ if can => self.work(effect),
            _ => {}
        }
        can
    }

    fn waits_offline(&self) -> bool {
        let prepared = |progress: &Progress| {
            matches!(progress, Progress::Started | Progress::Done { .. } | Progress::Failed { .. })
        };
        let prepared = self.status.stages.get(&Stage::Prepare).is_some_and(prepared);
        self.mode == Mode::Offline && prepared && self.status.at == Side::Old && !self.status.has_served
    }

    /// What it does to the world, whether or not that is written down.
    fn work(&mut self, effect: Effect) {
        let offline = self.mode == Mode::Offline;
        let (gone, waits, in_drain) = (self.world.gone, self.waits_offline(), self.was_in_drain());
        let world = &mut self.world;
        match effect {
            Effect::Run(Stage::Prepare) => {
                world.copied = false;
                if offline {
                    (world.running, world.closed[Side::Old as usize]) = (false, true);
                }
            }
            Effect::Run(Stage::Copy) => world.copied = true,
            Effect::Run(Stage::Finish) => world.running = true,
            Effect::Run(_) | Effect::Step(_, Step::Drain) => {}
            Effect::Undo(stage) => {
                if !gone[Side::Old as usize] {
                    (world.running, world.closed[Side::Old as usize]) = (true, false);
                }
                world.copied &= stage != Stage::Schema;
                if stage == Stage::Cutover {
                    world.closed[Side::New as usize] = false;
                }
            }
            Effect::Step(_, Step::Pause) => world.running = false,
            Effect::Step(to, Step::Fence) => world.closed[to.other() as usize] = true,
            Effect::Step(_, Step::Carry) => world.carried = true,
            Effect::Step(to, Step::Open) => world.closed[to as usize] = false,
            Effect::Step(to, Step::Point) => world.location = to,
            Effect::Step(_, Step::Serve) => world.running = true,
            Effect::TakeBack(_) if in_drain => {}
            Effect::TakeBack(to) => {
                let from = to.other();
                let waits = waits && to == Side::New;
                (world.location, world.running, world.closed[from as usize]) = (from, !waits, waits);
                if to == Side::Old {
                    world.closed[to as usize] = true;
                }
            }
        }
        if self.world.running {
            self.world.carried = false;
        }
    }

    /// What the runner writes, and whether it goes on with the same switch.
    fn end(&mut self, effect: Effect, worked: bool) {
        self.agent = Agent::Asks;
        let (note, error) = (String::new(), String::new());
        match (effect, worked) {
            (Effect::Run(stage), true) => self.write(&Event::Done { stage, note }),
            (Effect::Run(stage), false) => {
                self.write(&Event::Failed { stage, error });
                self.serve_again(stage);
            }
            (Effect::Undo(stage), true) => self.write(&Event::Undone { stage, left: note }),
            (Effect::Undo(stage), false) => self.write(&Event::UndoFailed { stage, error }),
            (Effect::TakeBack(to), true) => {
                let failed = self.status.switch.as_ref().is_some_and(|switch| switch.failed.is_some());
                self.write(&Event::TakenBack { to });
                if failed {
                    self.serve_again(Stage::Cutover);
                }
            }
            // It is tried again.
            (Effect::TakeBack(_), false) => {}
            (Effect::Step(to, Step::Serve), true) => {
                self.write(&Event::Switched { to });
                if to == Side::New {
                    self.write(&Event::Done { stage: Stage::Cutover, note });
                }
            }
            (Effect::Step(to, step), true) => self.agent = Agent::Goes(to, step),
            (Effect::Step(to, step), false) => {
                self.write(&Event::SwitchFailed { to, error });
                if (to, step) == (Side::New, Step::Serve) && !self.status.given_up.old && !self.status.finish_asked {
                    self.write(&Event::RollbackAsked { leave_rows: false, offline: false });
                }
                if step == Step::Drain {
                    self.serve_again(Stage::Cutover);
                }
            }
        }
    }

    /// Offline nobody waits for a person to come.
    fn serve_again(&mut self, stage: Stage) {
        if !stage.is_in_pause(self.mode) || self.status.at == Side::New || self.status.has_served || self.world.running
        {
            return;
        }
        self.write(&Event::Served);
        if self.up(Side::Old) {
            (self.world.running, self.world.closed[Side::Old as usize], self.world.carried) = (true, false, false);
        }
    }

    fn is_served(&self) -> bool {
        self.world.running && self.up(self.world.location) && !self.world.closed[self.world.location as usize]
    }

    /// Somewhere, and nobody has agreed to lose them: who undoes the migration gives up what was copied.
    fn has_rows(&self) -> bool {
        let is_undone = |progress: &Progress| matches!(progress, Progress::Undone { .. });
        let agreed = self.status.wanted() == Side::Old
            && (self.status.given_up.old || self.status.stages.values().any(is_undone));
        self.up(Side::Old) || self.status.has_rows() && self.world.copied && self.up(Side::New) && !agreed
    }

    /// Everything that can happen now, and whether it is one of those that are counted.
    fn moves(&self) -> Vec<(Self, usize)> {
        let mut moves = vec![];
        for word in UserCommand::ALL {
            for consent in [false, true] {
                if let Ok(Some(event)) = admit(word, consent, &self.status) {
                    let mut state = self.clone();
                    state.write(&event);
                    moves.push((state, 1));
                }
            }
        }
        for side in [Side::Old, Side::New] {
            // Of both nothing is left that could serve.
            if self.up(side) && self.up(side.other()) {
                let mut state = self.clone();
                state.world.gone[side as usize] = true;
                moves.push((state, 1));
            }
        }
        if !self.world.sick {
            let mut state = self.clone();
            state.world.sick = true;
            moves.push((state, 1));
        }
        let Agent::Does(effect) = self.agent else {
            moves.extend(self.asked().map(|state| (state, 0)));
            return moves;
        };
        let mut died = self.clone();
        died.agent = Agent::Asks;
        let mut failed = self.clone();
        failed.end(effect, false);
        moves.extend([(died, 1), (failed, 1)]);
        let mut done = self.clone();
        if done.try_to(effect) {
            let mut died = done.clone();
            died.agent = Agent::Asks;
            let mut failed = done.clone();
            failed.end(effect, false);
            done.end(effect, true);
            moves.extend([(died, 1), (failed, 1), (done, 0)]);
        } else {
            done.end(effect, false);
            moves.push((done, 0));
        }
        moves
    }

    /// Nothing else fails: it goes on until it waits, is over, or has failed because it must.
    fn settled(&self) -> Self {
        let mut state = Self { agent: Agent::Asks, ..self.clone() };
        let mut seen = HashSet::new();
        loop {
            let Some(mut asked) = state.asked() else { return state };
            let Agent::Does(effect) = asked.agent else { unreachable!("it was asked") };
            let worked = asked.try_to(effect);
            asked.end(effect, worked);
            state = asked;
            // It fails, is tried again, and fails.
            if !worked && !seen.insert(state.key()) {
                return state;
            }
        }
    }

    /// Nothing is said of the clients that is not so.
    fn assert_true(&self) {
        let (status, world) = (&self.status, &self.world);
        let told = world.location == status.at || status.switch.is_some() && !world.running;
        assert!(told, "the clients are not where it says\n{self:?}");
        let settled = if status.at == Side::New { status.is_done(Stage::Cutover) } else { !status.has_served };
        let rests = status.switch.is_none() && settled;
        if rests && self.mode == Mode::Online {
            assert!(world.running, "nobody is said to wait\n{self:?}");
        }
        if self.agent == Agent::Does(Effect::Step(status.at, Step::Serve)) {
            let spared = status.given_up.has(status.at.other());
            // A second time they are there already.
            assert!(
                world.carried || world.running || spared,
                "rows stay behind, and nobody has agreed to it\n{self:?}"
            );
        }
        if self.next() == Next::Nothing {
            let end = if status.direction == super::Direction::Forward { Side::New } else { Side::Old };
            assert_eq!(world.location, end, "{self:?}");
            assert_eq!(status.failure(), None, "it is over\n{self:?}");
            let closed = world.closed[end as usize] && self.up(end);
            assert!(!closed && (world.running || !self.up(end)), "over, and nobody serves\n{self:?}");
        }
    }

    /// Nothing else fails: somebody serves, and a word leads to an end in which somebody does.
    fn assert_a_way_out(&self, known: &mut HashSet<u64>) {
        let rest = self.settled();
        if !known.insert(rest.key()) {
            return;
        }
        let server_is_gone = !rest.up(rest.world.location) || !rest.up(rest.status.at);
        // By the user's own choice.
        let waits = rest.waits_offline() && rest.status.direction == super::Direction::Forward;
        assert!(rest.is_served() || server_is_gone || waits, "nobody serves\n{self:?}\n{rest:?}");
        let mut stories = VecDeque::from([(rest, 0)]);
        while let Some((state, said)) = stories.pop_front() {
            if state.next() == Next::Nothing && (state.is_served() || !self.has_rows()) {
                return;
            }
            if said == WORDS {
                continue;
            }
            for word in UserCommand::ALL {
                for consent in [false, true] {
                    let mut after = state.clone();
                    if let Ok(event) = admit(word, consent, &state.status) {
                        event.iter().for_each(|event| after.write(event));
                        stories.push_back((after.settled(), said + 1));
                    }
                }
            }
        }
        panic!("no word leads out\n{self:?}\n{:?}", self.settled());
    }
}

/// How many states there are within so many moves that are counted.
fn explore(begin: State, most: usize) -> usize {
    let mut fewest = HashMap::from([(begin.key(), 0)]);
    let (mut begun_anew, mut known) = (HashSet::new(), HashSet::new());
    let mut waiting = VecDeque::from([(begin, 0)]);
    while let Some((state, counted)) = waiting.pop_front() {
        state.assert_true();
        if begun_anew.insert(State { agent: Agent::Asks, ..state.clone() }.key()) {
            state.assert_a_way_out(&mut known);
        }
        for (state, cost) in state.moves() {
            let counted = counted + cost;
            let before = if counted > most { Some(0) } else { fewest.get(&state.key()).copied() };
            if before.is_some_and(|before| before <= counted) {
                continue;
            }
            fewest.insert(state.key(), counted);
            if cost == 0 { waiting.push_front((state, counted)) } else { waiting.push_back((state, counted)) }
        }
    }
    fewest.len()
}

/// The stages before are much alike: with each of them on the way a few suffice.
fn gone_through(mode: Mode, most: usize) {
    for (first, most) in [(Stage::Prepare, 3), (Stage::Cutover, most)] {
        let states = explore(State::before(first, mode), most);
        println!("{mode:?}, {most} from {first} on: {states} states");
        assert!(states > 1000, "{states} states: what was gone through is not what can happen");
    }
}

#[test]
fn somebody_serves_and_a_word_leads_out_online() {
    gone_through(Mode::Online, SOME);
}

#[test]
fn somebody_serves_and_a_word_leads_out_offline() {
    gone_through(Mode::Offline, SOME);
}

#[test]
#[ignore = "minutes"]
fn somebody_serves_and_a_word_leads_out_after_any_seven() {
    for mode in [Mode::Online, Mode::Offline] {
        gone_through(mode, MOST);
    }
}
