//! Whether a rule enters or leaves a zone at the end of a period.

use jiff::Timestamp;

use super::evidence::Evidence;
use super::limit::Verdict;
use super::memory::Memory;
use super::zone::Level;

/// The zone that it changes to with this period.
pub fn judge(evidence: &Evidence<'_>, memory: &Memory, number: i64) -> Option<Level> {
    worse(evidence, memory, number).or_else(|| match memory.level {
        None => first(evidence, number),
        Some(Level::Safe) => None,
        Some(level) => better(evidence, memory, level, number),
    })
}

fn worse(evidence: &Evidence<'_>, memory: &Memory, number: i64) -> Option<Level> {
    let worse = [Level::Migrate, Level::Warning].into_iter().filter(|level| Some(*level) > memory.level);
    worse
        .filter(|level| evidence.rule.has(*level))
        .find(|level| evidence.holds(*level, Verdict::Past, number, memory.better_at))
}

/// Before it was in any zone it is safe as soon as its values cannot bring it into another.
fn first(evidence: &Evidence<'_>, number: i64) -> Option<Level> {
    let against = |verdict| matches!(verdict, Verdict::Between | Verdict::Clear);
    let count = evidence.count(Level::Warning, number, None, against);
    (count >= evidence.rule.patience.enough_against()).then_some(Level::Safe)
}

fn better(evidence: &Evidence<'_>, memory: &Memory, level: Level, number: i64) -> Option<Level> {
    let rule = evidence.rule;
    let cooldown = i64::try_from(rule.cooldown.as_secs()).unwrap_or(i64::MAX);
    let is_cool = |at: Timestamp| rule.period().end(number).duration_since(at).as_secs() >= cooldown;
    if !memory.worse_at.is_none_or(is_cool) || !evidence.holds(level, Verdict::Clear, number, memory.worse_at) {
        return None;
    }
    let is_safe = level == Level::Warning || evidence.holds(Level::Warning, Verdict::Clear, number, memory.worse_at);
    Some(if is_safe { Level::Safe } else { Level::Warning })
}
