//! One evaluation of all rules: where each stands, what changed, what is to be said.

use jiff::Timestamp;

use super::evidence::Evidence;
use super::judge::judge;
use super::memory::{LISTEN, Memory, Said};
use super::notice::{Figure, Notice, NoticeId};
use super::rule::{Rule, RuleId};
use super::state::State;
use super::zone::{Level, Reason, Zone, whole};

#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// That of all rules together.
    pub whole: Zone,
    /// In the order of the rules.
    pub standings: Vec<Standing>,
    /// Since the last evaluation, rule by rule, oldest first.
    pub transitions: Vec<Transition>,
}

/// Where a rule stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub rule: RuleId,
    pub zone: Zone,
    /// When it entered the zone that it is in, or was in when it was last monitored.
    pub since: Option<Timestamp>,
    pub figures: Vec<Figure>,
}

/// A rule went from one zone to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub rule: RuleId,
    /// None: it was in none before.
    pub from: Option<Level>,
    pub to: Level,
    /// The end of the period that decided it.
    pub at: Timestamp,
}

impl State {
    /// Judges every period since the last time, however long ago. What is to be said comes to `pending`.
    pub fn evaluate(&mut self, rules: &[Rule], now: Timestamp) -> Assessment {
        self.tell_time(now);
        let (mut standings, mut transitions) = (vec![], vec![]);
        for rule in rules {
            let memory = self.memories.entry(rule.id()).or_default();
            memory.forget_level_beyond(rule.last_level());
            let mut turn = Turn { evidence: Evidence::new(rule, &self.windows), memory, now, notices: vec![] };
            transitions.extend(turn.follow());
            standings.push(turn.conclude());
            turn.notices.into_iter().for_each(|notice| self.outbox.add(notice));
        }
        self.tidy(rules, now);
        Assessment { whole: whole(standings.iter().map(|standing| &standing.zone)), standings, transitions }
    }
}

/// One rule in one evaluation.
struct Turn<'a> {
    evidence: Evidence<'a>,
    memory: &'a mut Memory,
    now: Timestamp,
    notices: Vec<Notice>,
}

impl Turn<'_> {
    fn follow(&mut self) -> Vec<Transition> {
        let mut transitions = vec![];
        for number in self.evidence.to_judge(self.memory.judged, self.last_over()) {
            let at = self.evidence.rule.period().end(number);
            self.memory.judged = Some(at);
            let Some(to) = judge(&self.evidence, self.memory, number) else { continue };
            transitions.push(Transition { rule: self.evidence.rule.id(), from: self.memory.level, to, at });
            self.memory.enter(to, at, self.evidence.rule.last_level());
            self.memory.hear(self.evidence.heard(self.memory.level, number));
            // It may have become safe by one condition while another is silent.
            if !self.memory.unmonitored {
                self.say(Said::Zone(to), to.into(), number, at);
            }
        }
        transitions
    }

    fn conclude(&mut self) -> Standing {
        let last = self.last_over();
        self.memory.hear(self.evidence.heard(self.memory.level, last));
        let zone = self.zone(last);
        match zone.level() {
            Some(level) => {
                self.memory.unmonitored_since = None;
                self.say(Said::Zone(level), zone.clone(), last, self.now);
                self.act(level);
            }
            None if self.is_silence(&zone) => self.say(Said::NotMonitored, zone.clone(), last, self.now),
            None => {}
        }
        let figures = self.figures(&zone, last);
        Standing { rule: self.evidence.rule.id(), zone, since: self.memory.since, figures }
    }

    fn last_over(&self) -> i64 {
        self.evidence.rule.period().last_over(self.now)
    }

    fn zone(&self, last: i64) -> Zone {
        match self.memory.level {
            Some(level) if !self.memory.unmonitored => level.into(),
            _ => Zone::NotMonitored(match self.evidence.silent(last) {
                Some((series, Some(since))) => Reason::Silent(series.clone(), since),
                Some((series, None)) => Reason::Never(series.clone()),
                None => Reason::TooFew,
            }),
        }
    }

    /// Whether it lasts so long that it is to be said. What entered its last zone and went silent before anything could be done
    /// is said at once: when it comes back, that is news, and there is something to do.
    fn is_silence(&mut self, zone: &Zone) -> bool {
        let rule = self.evidence.rule;
        let since = *self.memory.unmonitored_since.get_or_insert(self.now);
        let periods = match zone {
            // From the beginning values come, and as many as a zone needs are not there yet.
            Zone::NotMonitored(Reason::TooFew) => LISTEN + i64::from(rule.patience.of),
            _ => LISTEN,
        };
        let is_undone = self.memory.level == Some(rule.last_level()) && !self.memory.acted;
        is_undone || self.now.duration_since(since).as_secs() >= periods * rule.period().as_secs()
    }

    /// Once: not what was said last. That all is well from the beginning is no news.
    fn say(&mut self, said: Said, zone: Zone, number: i64, at: Timestamp) {
        let before = self.memory.said.replace(said);
        let is_news = before.is_some() || said != Said::Zone(Level::Safe);
        if before == Some(said) || !is_news {
            return;
        }
        let (rule, figures) = (self.evidence.rule.id(), self.figures(&zone, number));
        let from = match before {
            Some(Said::Zone(level)) => Some(level),
            Some(Said::NotMonitored) | None => None,
        };
        self.notices.push(Notice { id: NoticeId::NONE, rule, at, from, zone, action: None, figures });
    }

    /// What its last zone asks for goes with the notice that it is there: not with one of a zone that it has left meanwhile.
    fn act(&mut self, level: Level) {
        let rule = self.evidence.rule;
        if level < rule.last_level() || self.memory.acted {
            return;
        }
        if let Some(notice) = self.notices.last_mut() {
            notice.action = Some(rule.action);
            self.memory.acted = true;
        }
    }

    fn figures(&self, zone: &Zone, last: i64) -> Vec<Figure> {
        // Where nothing is wrong, the first limit is the one to know.
        let level = zone.level().filter(|level| *level > Level::Safe).unwrap_or(Level::Warning);
        let conditions = self.evidence.rule.conditions.iter().zip(self.evidence.latest_values(last));
        let figure = |(condition, value): (&super::Condition, Option<f64>)| Figure {
            series: condition.series.clone(),
            value: value.map(|value| (value * 1000.0).round() / 1000.0),
            limit: condition.limit(level).map(|limit| limit.enter),
            below: condition.below,
        };
        conditions.map(figure).collect()
    }
}
