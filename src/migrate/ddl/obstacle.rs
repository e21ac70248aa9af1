//! What stands in the way back, in words for a person, and since when. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    pub since: Timestamp,
    /// The object, what is the matter with it, and what comes of that: one sentence, the same at each look.
    pub what: String,
    /// What the user can do.
    pub remedy: String,
}

/// What was in the way before is so since then.
pub fn since(found: Vec<(String, String)>, before: &[Obstacle], now: Timestamp) -> Vec<Obstacle> {
    let obstacle = |(what, remedy): (String, String)| {
        let known = before.iter().find(|one| subject(&one.what) == subject(&what));
        Obstacle { since: known.map_or(now, |one| one.since), what, remedy }
    };
    found.into_iter().map(obstacle).collect()
}

/// The object: a server's words about it may change.
fn subject(what: &str) -> &str {
    what.split(": ").next().unwrap_or(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_obstacle_stands_since_it_was_first_seen_whatever_is_said_of_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let said = |what: &str| vec![(what.to_owned(), String::new())];
        let first = since(said("TABLE public.t: no place for it"), &[], at(1));
        let then = since([said("TABLE public.t: another word"), said("TABLE public.u: new")].concat(), &first, at(2));
        assert_eq!(then.iter().map(|one| one.since).collect::<Vec<_>>(), [at(1), at(2)]);
    }
}
