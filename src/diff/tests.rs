//! Decisions, one at a time: hand-made inventories in, what is wanted or refused out.

use super::host::Lockout;
use super::{Diff, DiskDiff, GrowthStage, InstanceDiff, LeftOverKind, PortsDiff, Refusal, ReleaseDiff, diff};
use crate::cloud::fake::{World, ports_of_new};
use crate::graph::fixture::vault;
use crate::inventory::{
    Gap, HostView, Inventory, OpenPort, ResourceName, RuleProtocol, RuleRange, Snapshot, TAG_USER_DATA, Tags,
};
use crate::steps::tests::planned;

/// What is there once the plan is up.
fn there() -> Inventory {
    let graph = vault(&[]);
    let mut world = World::new();
    for step in planned(&graph, &world) {
        world.perform(&step.action).expect("steps are listed in an order in which they can be done");
    }
    world.observe()
}

fn wanted(edits: &[(&str, &str)], inventory: &Inventory) -> Diff {
    diff(&vault(edits), inventory).unwrap_or_else(|refusals| panic!("{refusals:#?}"))
}

fn refused(edits: &[(&str, &str)], inventory: &Inventory) -> Refusal {
    let refusals = diff(&vault(edits), inventory).expect_err("it must be refused");
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    refusals.into_iter().next().expect("one")
}

const LARGER: &[(&str, &str)] = &[("size_gb = 80", "size_gb = 160")];

fn disk(diff: &Diff) -> &DiskDiff {
    &diff.hosts[0].disks[0]
}

fn snapshot(inventory: &mut Inventory, complete: bool) {
    let disk = inventory.disks[0].clone();
    inventory.snapshots.push(Snapshot {
        cloud: disk.cloud,
        name: ResourceName::new("vault-box-data-to-160gb"),
        tags: disk.tags,
        from_disk: Some(disk.name),
        size_gb: 80,
        complete,
        created_at: None,
    });
}

#[test]
fn what_is_there_is_as_planned() {
    let diff = wanted(&[], &there());
    assert!(diff.is_empty(), "{diff:#?}");
}

#[test]
fn a_growth_is_taken_up_at_every_stage() {
    let mut inventory = there();
    assert!(matches!(disk(&wanted(LARGER, &inventory)), DiskDiff::Grow { stage: GrowthStage::Attached { .. }, .. }));
    inventory.disks[0].attached_to = None;
    let detached = |diff: &Diff, expected| match disk(diff) {
        DiskDiff::Grow { stage: GrowthStage::Detached { taken, .. }, .. } => *taken == expected,
        _ => false,
    };
    assert!(detached(&wanted(LARGER, &inventory), false));
    snapshot(&mut inventory, false);
    assert!(detached(&wanted(LARGER, &inventory), false), "a copy that is being made is waited for");
    inventory.snapshots[0].complete = true;
    assert!(detached(&wanted(LARGER, &inventory), true));
    let mut larger = inventory.disks[0].clone();
    larger.name = ResourceName::new("vault-box-data-2");
    larger.size_gb = 160;
    inventory.disks.push(larger);
    let diff = wanted(LARGER, &inventory);
    assert!(matches!(disk(&diff), DiskDiff::Create { exists: true, name, .. } if name.as_str() == "vault-box-data-2"));
}

#[test]
fn a_copy_of_a_disk_that_was_used_since_is_not_taken_for_it() {
    let mut inventory = there();
    snapshot(&mut inventory, true);
    let refusal = refused(LARGER, &inventory);
    assert!(refusal.message.contains("has been in use since"), "{refusal:?}");
    assert!(
        refusal.remedy.contains("delete-disk-snapshot --disk-snapshot-name vault-box-data-to-160gb"),
        "{refusal:?}"
    );
}

#[test]
fn a_disk_does_not_shrink_or_leave_its_zone() {
    let refusal = refused(&[("size_gb = 80", "size_gb = 40")], &there());
    assert!(refusal.message.contains("cannot shrink") && refusal.remedy.contains("size_gb = 80"), "{refusal:?}");
    let refusal = refused(&[("static_ip", "zone = \"us-east-1b\"\nstatic_ip")], &there());
    assert!(refusal.remedy.contains("hosts.box.zone = \"us-east-1a\""), "{refusal:?}");
}

#[test]
fn what_could_be_either_of_two_is_refused() {
    let mut inventory = there();
    let mut second = inventory.disks[0].clone();
    second.name = ResourceName::new("other");
    inventory.disks.push(second);
    assert!(refused(&[], &inventory).message.contains("2 attached disks are tagged as this one"));
    inventory.disks.iter_mut().for_each(|d| d.attached_to = None);
    assert!(refused(&[], &inventory).message.contains("vault-box-data and other have 80 GB each"));
    let mut inventory = there();
    let mut second = inventory.instances[0].clone();
    second.name = ResourceName::new("other");
    inventory.instances.push(second);
    assert!(refused(&[], &inventory).message.contains("several instances are tagged as this host: vault-box, other"));
}

#[test]
fn what_is_not_tagged_is_not_taken() {
    let mut inventory = there();
    inventory.instances[0].tags.0.clear();
    let refusals = diff(&vault(&[]), &inventory).expect_err("foreign");
    assert!(refusals.iter().any(|r| r.remedy.contains("aws lightsail tag-resource --resource-name vault-box")));
    let mut inventory = there();
    inventory.disks[0].tags.0.clear();
    inventory.disks[0].attached_to = None;
    let refusal = refused(&[], &inventory);
    assert!(refusal.remedy.contains("aws lightsail tag-resource --resource-name vault-box-data"), "{refusal:?}");
    let mut inventory = there();
    inventory.disks[0].attached_to = Some(ResourceName::new("somewhere"));
    assert!(refused(&[], &inventory).remedy.contains("detach it there first"));
}

#[test]
fn another_image_size_or_zone_replaces_and_says_why() {
    let reasons = |edits: &[(&str, &str)]| {
        let mut inventory = there();
        inventory.disks.clear();
        match &wanted(edits, &inventory).hosts[0].instance {
            InstanceDiff::Replace(r) => (r.new.to_string(), r.reasons.join(", ")),
            other => panic!("{other:?}"),
        }
    };
    let new = "vault-box-2".to_owned();
    assert_eq!(reasons(&[("medium", "large")]), (new.clone(), "size medium_3_0 → large_3_0".into()));
    assert_eq!(reasons(&[("ubuntu_24_04", "debian_12")]), (new.clone(), "image ubuntu_24_04 → debian_12".into()));
    let zone = reasons(&[("static_ip", "zone = \"us-east-1b\"\nstatic_ip")]);
    assert_eq!(zone, (new, "zone us-east-1a → us-east-1b".into()));
}

#[test]
fn a_host_that_says_nothing_is_made_sure_of() {
    let mut inventory = there();
    for view in inventory.hosts.values_mut() {
        *view = HostView::Unseen(Gap("no route".into()));
    }
    let diff = wanted(&[], &inventory);
    assert!(matches!(disk(&diff), DiskDiff::Mount { .. }), "{diff:#?}");
    assert!(matches!(diff.release, ReleaseDiff::Deploy { first: false, .. }), "{diff:#?}");
}

#[test]
fn a_file_system_smaller_than_its_disk_is_grown() {
    let mut inventory = there();
    for view in inventory.hosts.values_mut() {
        if let HostView::Seen(facts) = view {
            facts.disks[0].extent_bytes = Some(1 << 30);
        }
    }
    let diff = wanted(&[], &inventory);
    assert!(matches!(disk(&diff), DiskDiff::Mount { reason, .. } if reason.contains("smaller")), "{diff:#?}");
}

fn lockout(inventory: &Inventory, from: &str) -> Option<Lockout> {
    match &wanted(&[("203.0.113.0/24", from)], inventory).hosts[0].ports {
        PortsDiff::Put { lockout, .. } => lockout.clone(),
        other => panic!("{other:?}"),
    }
}

fn connected_from(inventory: &mut Inventory, address: Option<&str>) {
    for view in inventory.hosts.values_mut() {
        if let HostView::Seen(facts) = view {
            facts.operator_address = address.map(|a| a.parse().expect("an address"));
        }
    }
}

#[test]
fn who_would_be_locked_out_is_asked() {
    let mut inventory = there();
    connected_from(&mut inventory, Some("203.0.113.9"));
    assert_eq!(lockout(&inventory, "203.0.113.8/30"), None, "still admitted");
    let operator = "203.0.113.9".parse().ok();
    assert_eq!(lockout(&inventory, "198.51.100.0/24"), Some(Lockout { operator }));
    connected_from(&mut inventory, Some("192.0.2.1"));
    assert_eq!(lockout(&inventory, "198.51.100.0/24"), None, "was not admitted before");
    connected_from(&mut inventory, None);
    assert_eq!(lockout(&inventory, "203.0.113.0/25"), Some(Lockout { operator: None }), "unknown, and fewer");
    assert_eq!(lockout(&inventory, "203.0.0.0/16"), None, "unknown, and more");
}

#[test]
fn the_open_firewall_of_an_unfinished_instance_is_nobodys() {
    let mut inventory = there();
    connected_from(&mut inventory, None);
    inventory.instances[0].ports = ports_of_new();
    assert_eq!(lockout(&inventory, "198.51.100.0/24"), None);
    inventory.instances[0].tags.0.remove(TAG_USER_DATA);
    assert_eq!(
        lockout(&inventory, "198.51.100.0/24"),
        Some(Lockout { operator: None }),
        "an adopted one is somebody's"
    );
}

#[test]
fn another_host_key_refuses_everything() {
    let mut inventory = there();
    for view in inventory.hosts.values_mut() {
        *view = HostView::Mistaken(Gap("host box (192.0.2.1) shows another host key than the pinned one".into()));
    }
    let refusal = refused(&[], &inventory);
    assert!(refusal.message.contains("another host key") && refusal.remedy.contains("find out which"), "{refusal:?}");
}

#[test]
fn a_host_taken_out_of_the_plan_is_left_over_with_its_disks() {
    let mut inventory = there();
    let mut other = inventory.instances[0].clone();
    other.name = ResourceName::new("vault-old");
    other.tags = Tags::for_node(&"vault".parse().expect("a name"), "hosts.old");
    inventory.instances.push(other);
    let mut disk = inventory.disks[0].clone();
    disk.name = ResourceName::new("vault-old-data");
    disk.attached_to = Some(ResourceName::new("vault-old"));
    disk.tags = Tags::for_node(&"vault".parse().expect("a name"), "hosts.old.disks.data");
    inventory.disks.push(disk);
    let left: Vec<_> = wanted(&[], &inventory).left_over.into_iter().map(|l| (l.kind, l.name.to_string())).collect();
    let expected = [(LeftOverKind::Instance, "vault-old"), (LeftOverKind::Disk, "vault-old-data")];
    assert_eq!(left, expected.map(|(kind, name)| (kind, name.to_owned())));
}

/// Seen, shown, closed: a plan asks for TCP and UDP alone, and what it does not name is closed.
#[test]
fn rules_of_other_protocols_are_closed() {
    let mut inventory = there();
    let foreign = |protocol, from, to| OpenPort {
        range: RuleRange { from, to },
        protocol,
        from: ["0.0.0.0/0".parse().expect("a net")].into(),
        aliases: Default::default(),
    };
    inventory.instances[0].ports.push(foreign(RuleProtocol::Icmp, 8, -1));
    inventory.instances[0].ports.push(foreign(RuleProtocol::Other("gre".into()), 0, 0));
    let PortsDiff::Put { closes, opens, lockout } = &wanted(&[], &inventory).hosts[0].ports else {
        panic!("nothing is closed")
    };
    assert_eq!(closes, &["0/gre from 0.0.0.0/0", "icmp type 8 from 0.0.0.0/0"]);
    assert!(opens.is_empty() && lockout.is_none());

    // All protocols from where the operator is: its end would be theirs.
    inventory.instances[0].ports = vec![foreign(RuleProtocol::All, 0, 65535)];
    let away = &[("203.0.113.0/24", "198.51.100.0/24")];
    let PortsDiff::Put { closes, lockout, .. } = &wanted(away, &inventory).hosts[0].ports else {
        panic!("nothing is closed")
    };
    assert!(closes == &["all protocols from 0.0.0.0/0"] && lockout.is_some());
}

#[test]
fn a_host_that_holds_the_database_of_others_is_not_taken_away() {
    let mut inventory = there();
    for view in inventory.hosts.values_mut() {
        if let HostView::Seen(facts) = view {
            facts.holds_database = Some("db".into());
        }
    }
    assert!(wanted(&[], &inventory).is_empty());
    assert!(wanted(&[("port = 443", "port = 444")], &inventory).hosts.len() == 1, "its firewall is another matter");
    let resized: &[(&str, &str)] = &[("medium_3_0", "large_3_0")];
    for edit in [resized, LARGER] {
        let refusal = refused(edit, &inventory);
        assert!(refusal.message.contains("holds the database (service db)"), "{refusal:?}");
    }
}
