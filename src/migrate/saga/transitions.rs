//! What a word of the user and each step of a switch change: the part of the replay that decides where the clients are.

use super::event::Event;
use super::stage::Stage;
use super::status::{Direction, GivenUp, Impossible, Progress, Status};
use super::switch::{Side, Step, Switching};
use super::user_command::{UserCommand, admit};

impl Status {
    /// A word is written by another process than the one that switches: one that came a moment too late changes nothing.
    /// False: that one.
    pub(super) fn ask(&mut self, word: UserCommand, consent: bool) -> bool {
        if admit(word, consent, self).is_err() {
            return false;
        }
        match word {
            UserCommand::Resume => {}
            UserCommand::Cutover => self.ask_cutover(consent),
            UserCommand::Abort => self.ask_abort(consent),
            UserCommand::Rollback => self.ask_rollback(consent),
            UserCommand::Finish => self.ask_finish(consent),
        }
        true
    }

    fn ask_cutover(&mut self, leave_rows: bool) {
        (self.direction, self.cutover_asked) = (Direction::Forward, true);
        self.given_up.old |= leave_rows;
        self.go_on_without(Side::New, leave_rows);
        // Once more, after a way back that ended at a server which is gone.
        let over = |progress: &Progress| matches!(progress, Progress::Done { .. } | Progress::UndoFailed { .. });
        self.stages.retain(|stage, progress| *stage < Stage::Cutover || !over(progress));
        // Undoing stopped at the first stage, and is not wanted any more.
        for progress in self.stages.values_mut().filter(|progress| matches!(progress, Progress::UndoFailed { .. })) {
            *progress = Progress::Done { note: String::new() };
        }
    }

    /// A consent is to what this word loses, and to nothing else.
    fn ask_abort(&mut self, leave_rows: bool) {
        if self.direction == Direction::Forward {
            self.direction = Direction::Aborting;
        }
        self.given_up = GivenUp { old: leave_rows, new: leave_rows };
        self.as_they_are(Side::Old);
    }

    fn ask_rollback(&mut self, leave_rows: bool) {
        self.direction = Direction::RollingBack;
        (self.finish_asked, self.refused) = (false, None);
        // Once the clients are back, what is left to undo may be at either.
        let undoing = self.at == Side::Old && self.switch.is_none();
        self.given_up = GivenUp { old: leave_rows && undoing, new: leave_rows };
        self.go_on_without(Side::Old, leave_rows);
        self.as_they_are(Side::Old);
    }

    fn ask_finish(&mut self, give_up_way_back: bool) {
        self.direction = Direction::Forward;
        (self.finish_asked, self.refused) = (true, None);
        self.given_up.old |= give_up_way_back;
        self.as_they_are(Side::New);
    }

    /// A switch that would be taken back to a server which the user has given up goes on instead.
    fn go_on_without(&mut self, to: Side, consent: bool) {
        if let Some(switch) = self.switch.as_mut().filter(|switch| consent && switch.to == to && switch.taken_back) {
            // Some of what it did may be taken back already.
            *switch = Switching::begun(to, Step::Pause);
        }
    }

    /// The clients are where the user wants them, and do not become healthy: they are left as they are.
    pub(super) fn as_they_are(&mut self, at: Side) {
        let stuck = |switch: &Switching| switch.is_over_the_point() && switch.to == at && switch.failed.is_some();
        if self.switch.as_ref().is_some_and(stuck) {
            self.switch = None;
        }
    }

    pub(super) fn step(&mut self, event: &Event, to: Side, step: Step) -> Result<(), Impossible> {
        let fits = match &self.switch {
            None if self.at == to => step == Step::Serve,
            None => step == Step::Drain,
            Some(switch) if switch.to == to => step.follows(switch.step),
            Some(switch) => switch.is_over_the_point() && step == Step::Drain,
        };
        if !fits {
            return Err(self.impossible(event));
        }
        self.switch = Some(Switching::begun(to, step));
        self.refused = None;
        if step == Step::Serve {
            self.over_the_point(to);
        }
        Ok(())
    }

    /// From here on there is one way on only, whatever was said a moment before.
    fn over_the_point(&mut self, to: Side) {
        (self.at, self.unwell) = (to, None);
        match (to, self.direction) {
            (Side::New, direction) => {
                self.has_served = true;
                self.pass_over_what_failed();
                if direction == Direction::Aborting {
                    self.direction = Direction::RollingBack;
                }
            }
            (Side::Old, _) => (self.direction, self.finish_asked) = (Direction::RollingBack, false),
        }
    }

    /// Without the old server some stages before could not be ended, and need not be.
    fn pass_over_what_failed(&mut self) {
        let open =
            |progress: &Progress| matches!(progress, Progress::Failed { .. } | Progress::Started | Progress::Overtaken);
        for (_, progress) in self.stages.range_mut(..Stage::Cutover).filter(|(_, progress)| open(progress)) {
            *progress = Progress::Done { note: "not ended: the old server is given up".to_owned() };
        }
    }

    pub(super) fn switch_failed(&mut self, event: &Event, to: Side, error: &str) -> Result<(), Impossible> {
        let Some(switch) = self.switch.as_mut().filter(|switch| switch.to == to) else {
            return Err(self.impossible(event));
        };
        switch.failed = Some(error.to_owned());
        let step = switch.step;
        switch.taken_back = step != Step::Serve;
        if step == Step::Serve {
            self.unwell = Some(error.to_owned());
        }
        if step == Step::Drain {
            // Nobody was stopped: there is nothing to take back.
            self.end_in_vain(to, Some(error.to_owned()));
        }
        Ok(())
    }

    pub(super) fn taking_back(&mut self, event: &Event, to: Side) -> Result<(), Impossible> {
        match self.switch.as_mut().filter(|switch| switch.to == to && !switch.is_over_the_point()) {
            Some(switch) => switch.taken_back = true,
            None => return Err(self.impossible(event)),
        }
        Ok(())
    }

    pub(super) fn taken_back(&mut self, event: &Event, to: Side) -> Result<(), Impossible> {
        match self.switch.take() {
            Some(switch) if switch.to == to && !switch.is_over_the_point() => {
                self.end_in_vain(to, switch.failed);
                Ok(())
            }
            other => {
                self.switch = other;
                Err(self.impossible(event))
            }
        }
    }

    /// The clients are where they were. None: it was not wanted any more.
    fn end_in_vain(&mut self, to: Side, error: Option<String>) {
        self.switch = None;
        let Some(error) = error else { return };
        match to {
            Side::New => {
                self.stages.insert(Stage::Cutover, Progress::Failed { error });
                if self.unwell.is_some() {
                    self.direction = Direction::RollingBack;
                }
            }
            Side::Old => (self.refused, self.direction) = (Some(error), Direction::Forward),
        }
        if self.unwell.is_some() {
            self.switch = Some(Switching::stuck(self.at, self.unwell.clone()));
        }
    }

    pub(super) fn switched(&mut self, event: &Event, to: Side) -> Result<(), Impossible> {
        if !self.switch.as_ref().is_some_and(|switch| switch.to == to && switch.is_over_the_point()) {
            return Err(self.impossible(event));
        }
        (self.switch, self.unwell) = (None, None);
        Ok(())
    }

    fn impossible(&self, event: &Event) -> Impossible {
        Impossible::new(event, format!("{:?} at {}", self.switch, self.at))
    }
}
