//! Steps against a cloud in memory. Done in any order that they allow, and cut off anywhere, even twice: what is built
//! from what is then there ends in the same place, with the data.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Consent, Scope, Services, Step, StepId, build, check, losses, of_node, remove};
use crate::cloud::fake::World;
use crate::diff::diff;
use crate::graph::fixture::{edited, graph, vault};
use crate::graph::{Graph, NodeId};
use crate::inventory::{Inventory, ResourceName, RootData, RootDataKind};

/// What a run would do now; what must not run does not get here.
pub(crate) fn planned(graph: &Graph, world: &World) -> Vec<Step> {
    let inventory = world.observe();
    let diff = diff(graph, &inventory).unwrap_or_else(|refusals| panic!("{refusals:#?}"));
    let steps = build(graph, &inventory, &diff);
    assert_eq!(check(&steps, &inventory, &Consent::default()), []);
    assert_eq!(diff.is_empty(), steps.is_empty(), "{diff:#?}");
    steps
}

/// Does `count` steps, each time any of those whose needs are done.
fn perform(world: &mut World, steps: &[Step], count: usize, random: &mut StdRng) {
    let mut done = BTreeSet::new();
    for _ in 0..count.min(steps.len()) {
        let ready = |s: &&Step| !done.contains(&s.id) && s.needs.iter().all(|n| done.contains(n));
        let ready: Vec<_> = steps.iter().filter(ready).collect();
        let step = ready.choose(random).expect("some step is always ready");
        let result = world.perform(&step.action);
        result.unwrap_or_else(|error| panic!("{}: {error:?} after {done:#?}", step.id));
        done.insert(step.id.clone());
    }
}

/// From one state to the next, and how its steps are found.
pub(crate) struct Story<'a> {
    pub start: World,
    pub steps: &'a dyn Fn(&World) -> Vec<Step>,
}

impl Story<'_> {
    fn end(&self, mut world: World, random: &mut StdRng) -> World {
        let steps = (self.steps)(&world);
        perform(&mut world, &steps, usize::MAX, random);
        world
    }

    fn undisturbed(&self) -> World {
        self.end(self.start.clone(), &mut StdRng::seed_from_u64(0))
    }

    /// Every place to be cut off, and from there every place to be cut off again.
    pub fn converges(&self) -> World {
        let expected = self.undisturbed();
        let all = (self.steps)(&self.start);
        assert!(!all.is_empty(), "nothing to do is no story");
        for first in 0..=all.len() {
            let mut random = StdRng::seed_from_u64(first as u64);
            let mut world = self.start.clone();
            perform(&mut world, &all, first, &mut random);
            for second in 0..=(self.steps)(&world).len() {
                let mut again = world.clone();
                let steps = (self.steps)(&again);
                perform(&mut again, &steps, second, &mut random);
                let ended = self.end(again, &mut random);
                same(&ended.comparable(), &expected.comparable(), (first, second));
                same_data(&ended, &expected, (first, second));
            }
        }
        expected
    }
}

fn same(found: &Inventory, expected: &Inventory, cut: (usize, usize)) {
    assert_eq!(found, expected, "cut off after {cut:?} steps");
}

/// Every disk holds what it holds after an undisturbed run, and the last release was written to the disk in use.
fn same_data(found: &World, expected: &World, cut: (usize, usize)) {
    let born = |world: &World| {
        let disks = world.observe().disks;
        disks.iter().map(|d| world.file_system(d.name.as_str()).map(|f| f.born)).collect::<BTreeSet<_>>()
    };
    let kept = born(expected).len() == 1 && born(found).len() == 1;
    assert!(kept || expected.observe().disks.is_empty(), "cut off after {cut:?} steps: two origins of data");
}

pub(crate) fn up(graph: &Graph) -> World {
    let mut world = World::new();
    let steps = planned(graph, &world);
    perform(&mut world, &steps, usize::MAX, &mut StdRng::seed_from_u64(0));
    assert_eq!(planned(graph, &world), []);
    world
}

/// From the plan that is up to another.
fn changes(to: &Graph) -> World {
    let ended = Story { start: up(&vault(&[])), steps: &|world| planned(to, world) }.converges();
    assert_eq!(planned(to, &ended), [], "a second run finds nothing to do");
    ended
}

#[test]
fn from_nothing() {
    let graph = vault(&[]);
    Story { start: World::new(), steps: &|world| planned(&graph, world) }.converges();
}

/// Cut off at every place, and wanted otherwise since: another size, the one that it had, a larger disk.
#[test]
fn a_replacement_that_was_cut_off_leads_to_whatever_is_wanted_since() {
    let start = up(&vault(&[]));
    let large = vault(&[("medium_3_0", "large_3_0")]);
    let since = [
        vault(&[("medium_3_0", "xlarge_3_0")]),
        vault(&[]),
        vault(&[("medium_3_0", "large_3_0"), ("size_gb = 80", "size_gb = 160")]),
        vault(&[("medium_3_0", "xlarge_3_0"), ("size_gb = 80", "size_gb = 160")]),
    ];
    let all = planned(&large, &start);
    for (cut, (which, to)) in (0..=all.len()).flat_map(|cut| since.iter().enumerate().map(move |to| (cut, to))) {
        let mut random = StdRng::seed_from_u64(cut as u64);
        let mut world = start.clone();
        perform(&mut world, &all, cut, &mut random);
        // What was begun may have to be finished first.
        for _ in 0..2 {
            let steps = planned(to, &world);
            perform(&mut world, &steps, usize::MAX, &mut random);
        }
        assert_eq!(planned(to, &world), [], "cut off after {cut}, then {which}");
        let ended = world.observe();
        assert_eq!(ended.instances.len(), 1, "cut off after {cut}, then {which}");
        assert_eq!(ended.addresses[0].attached_to.as_ref(), Some(&ended.instances[0].name));
        let born = |world: &World| world.file_system("vault-box-data").map(|f| f.born);
        assert_eq!(born(&world), born(&start), "the data is there");
    }
}

#[test]
fn another_size_moves_disk_and_address() {
    let ended = changes(&vault(&[("medium_3_0", "large_3_0")])).observe();
    assert_eq!(ended.instances.len(), 1);
    assert_eq!(ended.instances[0].size, "large_3_0");
    assert_eq!(ended.disks[0].attached_to.as_ref(), Some(&ended.instances[0].name));
    assert_eq!(ended.addresses[0].attached_to.as_ref(), Some(&ended.instances[0].name));
    assert_eq!((ended.disks.len(), ended.snapshots.len()), (1, 1), "one copy was made before, by whichever run");
}

#[test]
fn a_larger_disk_is_a_grown_copy() {
    let ended = changes(&vault(&[("size_gb = 80", "size_gb = 160")]));
    let disks = ended.observe().disks;
    let used: Vec<_> = disks.iter().filter(|d| d.attached_to.is_some()).collect();
    assert_eq!((used.len(), used[0].size_gb, disks.len()), (1, 160, 2));
    assert_eq!(
        ended.file_system("vault-box-data").map(|f| f.born),
        ended.file_system(used[0].name.as_str()).map(|f| f.born)
    );
}

#[test]
fn a_larger_disk_on_a_larger_host() {
    changes(&vault(&[("size_gb = 80", "size_gb = 160"), ("medium_3_0", "large_3_0")]));
}

#[test]
fn another_disk_beside_a_larger_one() {
    let more = "[hosts.box.disks.more]\nsize_gb = 8\nmount = \"/srv/more\"\n\n[bundle]";
    let to = vault(&[("size_gb = 80", "size_gb = 160"), ("[bundle]", more)]);
    let start = up(&vault(&[]));
    let mut world = start.clone();
    perform(&mut world, &planned(&to, &start), usize::MAX, &mut StdRng::seed_from_u64(0));
    assert_eq!(planned(&to, &world), []);
}

#[test]
fn everything_small() {
    changes(&vault(&[
        ("port = 443", "port = 8443"),
        ("ops@", "night@"),
        ("warn = 20\n", ""),
        ("migrate = 5", "migrate = 10"),
        ("static_ip = true", "static_ip = false"),
    ]));
}

#[test]
fn another_release() {
    changes(&graph(&edited(&[]), "release-2"));
}

#[test]
fn everything_goes_but_the_data_and_comes_back_to_it() {
    let graph = vault(&[]);
    let start = up(&graph);
    let story = Story {
        start: start.clone(),
        steps: &|world| remove(&graph, &world.observe(), Scope::KeepData, Services::Stop).steps,
    };
    let down = story.converges();
    let left = down.observe();
    assert_eq!((left.disks.len(), left.instances.len(), left.addresses.len(), left.key_pairs.len()), (1, 0, 0, 0));
    let again = Story { start: down, steps: &|world| planned(&graph, world) }.converges();
    let born = |world: &World| world.file_system("vault-box-data").map(|f| f.born);
    assert_eq!(born(&again), born(&start), "the data is there again");
}

#[test]
fn everything_goes_with_the_data() {
    let graph = vault(&[]);
    let start = changes(&vault(&[("size_gb = 80", "size_gb = 160")]));
    let story =
        Story { start, steps: &|world| remove(&graph, &world.observe(), Scope::IncludeData, Services::Stop).steps };
    let left = story.converges().observe();
    assert!(left.disks.is_empty() && left.snapshots.is_empty() && left.instances.is_empty());
}

#[test]
fn what_is_left_over_goes_and_what_serves_stays() {
    let graph = vault(&[("size_gb = 80", "size_gb = 160")]);
    let start = changes(&graph);
    let story =
        Story { start, steps: &|world| remove(&graph, &world.observe(), Scope::LeftOver, Services::Stop).steps };
    let left = story.converges();
    assert_eq!((left.observe().disks.len(), left.observe().snapshots.len()), (1, 0));
    assert_eq!(planned(&graph, &left), []);
}

#[test]
fn hosts_that_cannot_be_observed_end_in_the_same_place() {
    let seeing = vault(&[("size_gb = 80", "size_gb = 160")]);
    let mut start = up(&vault(&[]));
    start.blind = true;
    let ended = Story { start, steps: &|world| planned(&seeing, world) }.converges();
    assert!(!planned(&seeing, &ended).is_empty(), "what cannot be seen is made sure of");
}

/// The independent lint sees what a wrong order would do.
#[test]
fn the_check_finds_steps_without_what_they_need() {
    let start = up(&vault(&[]));
    let to = vault(&[("medium_3_0", "large_3_0")]);
    let steps = planned(&to, &start);
    for careless in ["hosts.box.disks.data/detach", "hosts.box/delete_old"] {
        let mut steps = steps.clone();
        steps.iter_mut().filter(|s| s.id.0 == careless).for_each(|s| s.needs.clear());
        assert!(!check(&steps, &start.observe(), &Consent::default()).is_empty(), "{careless}");
    }
    let removal = remove(&to, &start.observe(), Scope::IncludeData, Services::Stop).steps;
    assert!(!check(&removal, &start.observe(), &Consent::default()).is_empty(), "data goes only when it is said");
    assert_eq!(check(&removal, &start.observe(), &Consent { include_data: true, ..Consent::default() }), []);
}

#[test]
fn a_host_taken_out_of_the_plan_goes_with_what_is_left_over() {
    let with = |name: &str| {
        let host = "[hosts.NAME]\nprovider = \"lightsail\"\nsize = \"medium_3_0\"\nimage = \"ubuntu_24_04\"\nzone = \"us-east-1a\"\n\
                    ports = []\n[hosts.NAME.disks.more]\nsize_gb = 8\nmount = \"/srv/more\"\n";
        vault(&[("[alerts]", &format!("{}[alerts]", host.replace("NAME", name)))])
    };
    let start = up(&with("second"));
    let graph = vault(&[]);
    let story =
        Story { start, steps: &|world| remove(&graph, &world.observe(), Scope::LeftOver, Services::Stop).steps };
    let left = story.converges();
    assert_eq!((left.observe().instances.len(), left.observe().disks.len()), (1, 1));
    assert_eq!(planned(&graph, &left), []);
}

/// The host of a migration goes by itself: others that were taken out of the plan have their owner's word to wait for.
#[test]
fn of_two_hosts_that_left_the_plan_one_goes_alone() {
    let host = "[hosts.NAME]\nprovider = \"lightsail\"\nsize = \"medium_3_0\"\nimage = \"ubuntu_24_04\"\nzone = \"us-east-1a\"\n\
                ports = []\n[hosts.NAME.disks.more]\nsize_gb = 8\nmount = \"/srv/more\"\n";
    let both = format!("{}{}[alerts]", host.replace("NAME", "database"), host.replace("NAME", "web"));
    let left = up(&vault(&[("[alerts]", &both)])).observe();
    let steps = remove(&vault(&[]), &left, Scope::LeftOver, Services::EndWithHost).steps;
    let own = of_node(&steps, &NodeId::new("hosts.database"));
    assert!(own.iter().any(|step| step.id.0.starts_with("hosts.database/delete_")), "{own:#?}");
    assert!(own.iter().any(|step| step.id.0.starts_with("hosts.database.disks.more/delete_")), "{own:#?}");
    assert!(own.iter().all(|step| step.node.as_str().starts_with("hosts.database")), "{own:#?}");
}

fn root_data(kind: RootDataKind, name: &str) -> RootData {
    RootData { kind, name: name.into() }
}

/// Cut off anywhere, the new instance ends with what the old one's root disk held.
#[test]
fn another_size_carries_what_lies_on_the_root_disk() {
    let mut start = up(&vault(&[]));
    let data = vec![root_data(RootDataKind::Volume, "kept"), root_data(RootDataKind::Folder, "/srv/more")];
    start.root_data.insert(ResourceName::new("vault-box"), data.clone());
    let to = vault(&[("medium_3_0", "large_3_0")]);
    let ended = Story { start, steps: &|world| planned(&to, world) }.converges();
    assert_eq!(ended.root_data.into_iter().collect::<Vec<_>>(), [(ResourceName::new("vault-box-2"), data)]);
}

/// The independent lint knows it too, and whoever takes the copy out of the steps is found out.
#[test]
fn what_cannot_be_carried_is_a_loss_that_somebody_must_agree_to() {
    let mut start = up(&vault(&[]));
    let to = vault(&[("medium_3_0", "large_3_0")]);
    let instance = ResourceName::new("vault-box");
    start.root_data.insert(instance.clone(), vec![root_data(RootDataKind::Volume, "kept")]);
    let mut careless = planned(&to, &start);
    careless.retain(|step| step.id != StepId("hosts.box/carry".into()));
    careless.iter_mut().for_each(|step| step.needs.retain(|need| need.0 != "hosts.box/carry"));
    let violations = check(&careless, &start.observe(), &Consent::default());
    assert!(violations.iter().any(|v| v.rule.contains("volume kept")), "{violations:#?}");

    start.root_data.insert(instance.clone(), vec![root_data(RootDataKind::AnonymousVolume, "f00d")]);
    let inventory = start.observe();
    let steps = build(&to, &inventory, &diff(&to, &inventory).expect("a diff"));
    let lost = losses(&steps, &inventory);
    assert_eq!((lost.len(), &lost[0].instance, lost[0].what.as_str()), (1, &instance, "anonymous volume f00d"));
    assert!(!check(&steps, &inventory, &Consent::default()).is_empty());
    let agreed = Consent { lost: [instance.clone()].into(), ..Consent::default() };
    assert_eq!(check(&steps, &inventory, &agreed), []);

    // Nobody could look: it may be anything. `down` asks the same.
    start.blind = true;
    let inventory = start.observe();
    let steps = build(&to, &inventory, &diff(&to, &inventory).expect("a diff"));
    assert_eq!(losses(&steps, &inventory)[0].instance, instance);
    let removal = remove(&to, &inventory, Scope::KeepData, Services::EndWithHost).steps;
    assert_eq!(losses(&removal, &inventory)[0].instance, instance);
}

/// Device paths are a disk's own: they do not follow the plan's order.
#[test]
fn a_disk_that_comes_before_another_takes_a_path_of_its_own() {
    let more = "[hosts.box.disks.aaa]\nsize_gb = 8\nmount = \"/srv/aaa\"\n\n[bundle]";
    let to = vault(&[("[bundle]", more)]);
    let mut world = up(&vault(&[]));
    let path = |world: &World, disk: &str| {
        world.observe().disks.iter().find(|d| d.name.as_str() == disk).and_then(|d| d.path.clone()).expect("attached")
    };
    let before = path(&world, "vault-box-data");
    let steps = planned(&to, &world);
    perform(&mut world, &steps, usize::MAX, &mut StdRng::seed_from_u64(0));
    assert_eq!((path(&world, "vault-box-data"), path(&world, "vault-box-aaa")), (before, "/dev/xvdg".to_owned()));
    assert_eq!(planned(&to, &world), []);
}

/// A disk that the plan does not name any more stays, detached, when its host is replaced.
#[test]
fn a_disk_taken_out_of_the_plan_survives_its_host() {
    let more = "[hosts.box.disks.more]\nsize_gb = 8\nmount = \"/srv/more\"\n\n[bundle]";
    let start = up(&vault(&[("[bundle]", more)]));
    let to = vault(&[("medium_3_0", "large_3_0")]);
    let mut world = start.clone();
    let steps = planned(&to, &start);
    perform(&mut world, &steps, usize::MAX, &mut StdRng::seed_from_u64(0));
    let disks = world.observe().disks;
    let more = disks.iter().find(|d| d.name.as_str() == "vault-box-more").expect("it is still there");
    assert!(more.attached_to.is_none() && world.file_system("vault-box-more").is_some());
    assert_eq!(planned(&to, &world), []);
}
