//! What a deployment decides from the releases that the host has. Pure.

use std::collections::BTreeSet;

use crate::inventory::host_facts::{HostFacts, ReleaseFacts, ReleaseState};

/// How many releases stay on the host; the current one stays whatever its age.
const KEPT_RELEASES: usize = 5;

/// A release with the same content that is in service, or whose start was cut off. A number is never given to other
/// content: containers refer to the release's folder by its path.
pub(super) fn reusable(facts: &HostFacts, bundle_hash: &str) -> Option<u32> {
    let same = |release: &&ReleaseFacts| release.bundle_hash == bundle_hash;
    let current = facts.current().filter(same);
    let newest = facts.releases.last().filter(same).filter(|release| release.state == ReleaseState::Pending);
    current.or(newest).map(|release| release.number)
}

pub(super) fn next_number(facts: &HostFacts) -> u32 {
    facts.releases.last().map_or(1, |release| release.number + 1)
}

/// What to go back to when `release` fails: the current one, unless that is the very release.
pub(super) fn previous(facts: &HostFacts, release: u32) -> Option<u32> {
    facts.current_release.filter(|current| *current != release)
}

/// The release to go back to, or which ones there are.
pub(super) fn rollback_target(facts: &HostFacts, to: Option<u32>) -> Result<&ReleaseFacts, Vec<u32>> {
    let healthy = || facts.releases.iter().filter(|release| release.state == ReleaseState::Healthy);
    let current = facts.current_release.unwrap_or(u32::MAX);
    let target = match to {
        Some(number) => healthy().find(|release| release.number == number),
        None => healthy().rfind(|release| release.number < current),
    };
    target.ok_or_else(|| healthy().map(|release| release.number).filter(|number| *number != current).collect())
}

/// Releases to remove, and images that then belong to no release.
pub(super) fn to_prune(facts: &HostFacts) -> (Vec<u32>, Vec<String>) {
    let old = facts.releases.len().saturating_sub(KEPT_RELEASES);
    let goes = |(at, release): (usize, &ReleaseFacts)| at < old && Some(release.number) != facts.current_release;
    let (removed, kept): (Vec<_>, Vec<_>) = facts.releases.iter().enumerate().partition(|entry| goes(*entry));
    let images = |entries: &[(usize, &ReleaseFacts)]| -> BTreeSet<String> {
        entries.iter().flat_map(|(_, release)| &release.images).map(|image| image.reference.clone()).collect()
    };
    let unused = images(&removed).difference(&images(&kept)).cloned().collect();
    (removed.iter().map(|(_, release)| release.number).collect(), unused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::host_facts::PushedImage;

    fn release(number: u32, state: ReleaseState, hash: &str) -> ReleaseFacts {
        let image = PushedImage {
            service: "ingest".to_owned(),
            reference: format!("ingest:{hash}"),
            id: "sha256:1".to_owned(),
        };
        ReleaseFacts {
            number,
            state,
            plan: "phase1".to_owned(),
            bundle_hash: hash.to_owned(),
            created_at: String::new(),
            by: String::new(),
            images: vec![image],
        }
    }

    fn facts(current: Option<u32>, releases: Vec<ReleaseFacts>) -> HostFacts {
        HostFacts { current_release: current, releases, ..HostFacts::default() }
    }

    use ReleaseState::{Failed, Healthy, Pending};

    #[test]
    fn a_release_is_reused_when_in_service_or_cut_off_and_never_with_other_content() {
        let of = |current, releases: Vec<ReleaseFacts>| reusable(&facts(current, releases), "a");
        assert_eq!(of(Some(1), vec![release(1, Healthy, "a")]), Some(1));
        assert_eq!(of(None, vec![release(1, Pending, "a")]), Some(1));
        assert_eq!(of(Some(1), vec![release(1, Healthy, "b"), release(2, Pending, "a")]), Some(2));
        assert_eq!(of(Some(1), vec![release(1, Healthy, "b"), release(2, Failed, "a")]), None);
        assert_eq!(of(Some(2), vec![release(1, Healthy, "a"), release(2, Healthy, "b")]), None);
        assert_eq!(of(None, vec![release(1, Pending, "b")]), None);
        assert_eq!(next_number(&facts(Some(1), vec![release(1, Healthy, "b"), release(2, Failed, "a")])), 3);
    }

    #[test]
    fn rollback_goes_to_the_newest_healthy_release_before_the_current() {
        let all = facts(
            Some(4),
            vec![release(1, Healthy, "a"), release(2, Healthy, "b"), release(3, Failed, "c"), release(4, Healthy, "d")],
        );
        assert_eq!(rollback_target(&all, None).unwrap().number, 2);
        assert_eq!(rollback_target(&all, Some(1)).unwrap().number, 1);
        assert_eq!(rollback_target(&all, Some(3)).unwrap_err(), [1, 2]);
        assert!(rollback_target(&facts(None, vec![]), None).is_err());
    }

    #[test]
    fn pruning_keeps_five_the_current_one_and_shared_images() {
        let mut all: Vec<_> = (1..=8).map(|number| release(number, Healthy, &format!("h{number}"))).collect();
        all[1].images = all[7].images.clone();
        let (releases, images) = to_prune(&facts(Some(1), all.clone()));
        assert_eq!((releases, images), (vec![2, 3], vec!["ingest:h3".to_owned()]));
        assert_eq!(to_prune(&facts(Some(8), all[..5].to_vec())), (vec![], vec![]));
    }
}
