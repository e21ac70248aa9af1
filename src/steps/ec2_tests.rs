//! Steps of EC2 against an account in memory: cut off anywhere, even twice, they end in the same place, with the data.

use super::tests::{Story, planned, up};
use super::{Action, CloudAction, Consent, Scope, Services, check, remove};
use crate::cloud::fake::World;
use crate::diff::{InstanceDiff, diff};
use crate::graph::Graph;
use crate::graph::fixture::ec2;
use crate::inventory::{InstanceState, VolumeSpec};
use crate::plan::{Credits, VolumeType};

fn changes(to: &Graph) -> World {
    let ended = Story { start: up(&ec2(&[])), steps: &|world| planned(to, world) }.converges();
    assert_eq!(planned(to, &ended), [], "a second run finds nothing to do");
    ended
}

/// What is there as somebody has left it, and whatever `up` does about it.
fn mended(by_hand: impl Fn(&mut World)) -> World {
    let graph = ec2(&[]);
    let mut start = up(&graph);
    by_hand(&mut start);
    let ended = Story { start, steps: &|world| planned(&graph, world) }.converges();
    assert_eq!(planned(&graph, &ended), []);
    ended
}

#[test]
fn from_nothing() {
    let graph = ec2(&[]);
    let made = Story { start: World::new(), steps: &|world| planned(&graph, world) }.converges().observe();
    let instance = &made.instances[0];
    let own = instance.ec2.as_ref().expect("it is EC2's");
    assert_eq!(
        (own.image_id.as_str(), own.subnet.as_str(), instance.zone.as_str()),
        ("ami-1", "subnet-a", "us-east-1a")
    );
    assert!(own.tokens_required && own.hop_limit == 2);
    assert_eq!(made.disks[0].volume, Some(VolumeSpec::GP3));
    assert_eq!(made.ec2.firewalls[0].ports.len(), 2, "one source a rule");
    assert!(made.contacts.is_empty() && made.alarms.is_empty(), "those are Lightsail's");
}

#[test]
fn another_size_is_the_same_machine() {
    let ended = changes(&ec2(&[("t3.medium", "t3.large")])).observe();
    let names: Vec<_> = ended.instances.iter().map(|i| (i.name.as_str(), i.size.as_str(), i.state)).collect();
    assert_eq!(names, [("vault-box", "t3.large", InstanceState::Running)]);
    assert!(ended.snapshots.is_empty(), "nothing had to be copied");
}

#[test]
fn a_volume_changes_where_it_is() {
    let to = ec2(&[("size_gb = 80\ntype = \"gp3\"", "size_gb = 160\ntype = \"io2\"\niops = 5000")]);
    let ended = changes(&to).observe();
    let [disk] = &ended.disks[..] else { panic!("{:#?}", ended.disks) };
    let fast = VolumeSpec { kind: VolumeType::Io2, iops: Some(5000), throughput: None };
    assert_eq!((disk.name.as_str(), disk.size_gb, disk.volume), ("vault-box-data", 160, Some(fast)));
    let seen = ended.facts(&"box".parse().expect("a name")).expect("seen");
    assert_eq!(seen.disks[0].extent_bytes, Some(160 << 30), "its file system has followed");
}

#[test]
fn a_larger_volume_on_a_larger_machine() {
    changes(&ec2(&[("t3.medium", "m7i.large"), ("size_gb = 80", "size_gb = 160")]));
}

#[test]
fn another_image_is_another_machine_with_the_same_volume_and_address() {
    let ended = changes(&ec2(&[("ubuntu_24_04", "debian_12"), ("size_gb = 80", "size_gb = 160")])).observe();
    assert_eq!(ended.instances.len(), 1);
    assert_eq!(ended.instances[0].ec2.as_ref().map(|own| own.image_id.as_str()), Some("ami-2"));
    assert_eq!(ended.disks[0].attached_to.as_ref(), Some(&ended.instances[0].name));
    assert_eq!(ended.disks[0].size_gb, 160);
    assert_eq!(ended.addresses[0].attached_to.as_ref(), Some(&ended.instances[0].name));
    assert_eq!(ended.ec2.firewalls.len(), 1, "the security group is the host's, not the machine's");
}

/// AWS publishes another every few weeks: no reason to take a machine down.
#[test]
fn a_newer_image_is_a_note() {
    let graph = ec2(&[]);
    let mut inventory = up(&graph).observe();
    inventory.ec2.images.insert("ubuntu_24_04/x86_64".into(), "ami-9".into());
    let diff = diff(&graph, &inventory).expect("a diff");
    assert!(diff.is_empty(), "{diff:#?}");
    assert_eq!(diff.hosts[0].ec2.as_ref().and_then(|ec2| ec2.newer_image.as_deref()), Some("ami-9"));
}

#[test]
fn everything_small() {
    let ended = changes(&ec2(&[
        ("port = 443", "port = 8443"),
        ("static_ip = true", "static_ip = false\ncredits = \"standard\""),
    ]));
    let seen = ended.observe();
    assert!(seen.addresses.is_empty());
    assert_eq!(seen.instances[0].ec2.as_ref().and_then(|own| own.credits), Some(Credits::Standard));
}

/// What is open stays so until what takes its place is.
#[test]
fn rules_open_before_others_close() {
    let start = up(&ec2(&[]));
    let steps = planned(&ec2(&[("port = 443", "port = 8443")]), &start);
    let close = steps.iter().find(|step| step.id.0 == "hosts.box.ports/close").expect("443 is closed");
    assert!(close.needs.iter().any(|need| need.0 == "hosts.box.ports/open"), "{steps:#?}");
}

#[test]
fn what_was_changed_by_hand_is_mended() {
    let own = |world: &World| world.observe().instances[0].ec2.clone().expect("it is EC2's");
    let as_made = own(&up(&ec2(&[])));
    for by_hand in [
        CloudAction::StopInstance { name: crate::inventory::ResourceName::new("vault-box") },
        CloudAction::DetachAddress { name: crate::inventory::ResourceName::new("vault-box-ip") },
    ] {
        let ended = mended(|world| {
            if matches!(by_hand, CloudAction::StopInstance { .. }) {
                world.end_services();
            }
            let action = Action::Cloud { at: crate::inventory::CloudKind::Ec2, action: by_hand.clone() };
            world.perform(&action).expect("it can be done by hand");
        });
        assert_eq!(ended.observe().instances[0].state, InstanceState::Running);
    }
    let ended = mended(|world| {
        let instance = world.instance_by_hand();
        (instance.tokens_required, instance.hop_limit, instance.profile) = (false, 1, None);
        instance.firewalls.clear();
    });
    assert_eq!(own(&ended), as_made);
}

#[test]
fn everything_goes_but_the_data_and_comes_back_to_it() {
    let graph = ec2(&[]);
    let start = up(&graph);
    let story = Story {
        start: start.clone(),
        steps: &|world| remove(&graph, &world.observe(), Scope::KeepData, Services::Stop).steps,
    };
    let down = story.converges();
    let left = down.observe();
    assert_eq!((left.disks.len(), left.instances.len(), left.addresses.len(), left.key_pairs.len()), (1, 0, 0, 0));
    assert_eq!((left.ec2.firewalls.len(), &left.ec2.profile), (0, &Default::default()));
    let again = Story { start: down, steps: &|world| planned(&graph, world) }.converges();
    let born = |world: &World| world.file_system("vault-box-data").map(|f| f.born);
    assert_eq!(born(&again), born(&start), "the data is there again");
}

#[test]
fn the_check_finds_steps_without_what_they_need() {
    let start = up(&ec2(&[]));
    let to = ec2(&[("t3.medium", "t3.large")]);
    let mut steps = planned(&to, &start);
    assert!(matches!(diff(&to, &start.observe()).expect("a diff").hosts[0].instance, InstanceDiff::Resize { .. }));
    steps.iter_mut().filter(|s| s.id.0 == "hosts.box/resize").for_each(|s| s.needs.clear());
    let found = check(&steps, &start.observe(), &Consent::default());
    assert!(found.iter().any(|v| v.rule.contains("while it may be running")), "{found:#?}");
    let mut removal = remove(&to, &start.observe(), Scope::KeepData, Services::Stop).steps;
    removal.iter_mut().filter(|s| s.id.0 == "hosts.box.ports/delete").for_each(|s| s.needs.clear());
    let found = check(&removal, &start.observe(), &Consent::default());
    assert!(found.iter().any(|v| v.rule.contains("the firewall of vault-box")), "{found:#?}");
}

/// Cut off between the instance and its security group, nothing would name that any more.
#[test]
fn a_host_taken_out_of_the_plan_goes_with_its_security_group() {
    let host = "[hosts.second]\nprovider = \"ec2\"\nsize = \"t3.medium\"\nimage = \"ubuntu_24_04\"\nzone = \"us-east-1a\"\nstatic_ip = true\n\
                ports = [{ port = 22, from = [\"203.0.113.0/24\"] }]\n[alerts]";
    let (start, graph) = (up(&ec2(&[("[alerts]", host)])), ec2(&[]));
    let story =
        Story { start, steps: &|world| remove(&graph, &world.observe(), Scope::LeftOver, Services::Stop).steps };
    let mut left = story.converges();
    let seen = left.observe();
    assert_eq!((seen.instances.len(), seen.addresses.len(), seen.ec2.firewalls.len()), (1, 1, 1));
    assert!(diff(&graph, &seen).expect("it may be").left_over.is_empty());

    left = up(&ec2(&[("[alerts]", host)]));
    let instance = crate::inventory::ResourceName::new("vault-second");
    for action in [
        CloudAction::DetachAddress { name: crate::inventory::ResourceName::new("vault-second-ip") },
        CloudAction::StopInstance { name: instance.clone() },
        CloudAction::Protect { instance: instance.clone(), on: false },
        CloudAction::DeleteInstance { name: instance },
    ] {
        left.perform(&Action::Cloud { at: crate::inventory::CloudKind::Ec2, action }).expect("it is done");
    }
    let named: Vec<_> =
        diff(&graph, &left.observe()).expect("it may be").left_over.into_iter().map(|one| one.name).collect();
    assert_eq!(named.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["vault-second-ip", "vault-second"]);
}
