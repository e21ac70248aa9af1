//! What EC2 refuses or asks for, one decision at a time.

use super::{Refusal, diff};
use crate::cloud::fake::World;
use crate::graph::fixture::ec2;
use crate::inventory::{Ec2Subnet, Inventory, Modification, ModificationState, Vpc};
use crate::steps::tests::up;

fn refused(edits: &[(&str, &str)], inventory: &Inventory) -> Refusal {
    let refusals = diff(&ec2(edits), inventory).expect_err("it must be refused");
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    refusals.into_iter().next().expect("one")
}

fn nothing() -> Inventory {
    World::new().observe()
}

#[test]
fn a_machine_goes_where_the_plan_says_and_otherwise_into_the_default_network() {
    let mut inventory = nothing();
    inventory.ec2.vpcs.push(Vpc { id: "vpc-2".into(), name: Some("production".into()), is_default: false });
    for (id, zone) in [("subnet-c", "us-east-1c"), ("subnet-d", "us-east-1d"), ("subnet-e", "us-east-1d")] {
        let name = Some(format!("name of {id}"));
        let (id, zone) = (id.to_owned(), zone.to_owned());
        inventory.ec2.subnets.push(Ec2Subnet { id, name, vpc: "vpc-2".into(), zone, is_default: false });
    }
    let place = |text: &str| {
        let with = format!("static_ip = true\n{text}");
        let diff = diff(&ec2(&[("static_ip = true", &with)]), &inventory);
        diff.map(|diff| {
            diff.hosts[0].ec2.as_ref().map(|ec2| format!("{}/{}/{}", ec2.vpc, ec2.subnet, ec2.zone)).unwrap_or_default()
        })
    };
    assert_eq!(place("").unwrap(), "vpc-1/subnet-a/us-east-1a");
    assert_eq!(place("zone = \"us-east-1b\"").unwrap(), "vpc-1/subnet-b/us-east-1b");
    assert_eq!(place("vpc = \"production\"\nzone = \"us-east-1c\"").unwrap(), "vpc-2/subnet-c/us-east-1c");
    assert_eq!(place("subnet = \"name of subnet-d\"").unwrap(), "vpc-2/subnet-d/us-east-1d");
    let said = |text: &str| place(text).unwrap_err().remove(0);
    assert!(said("vpc = \"prod\"").remedy.contains("vpc-2 (production)"));
    assert!(said("vpc = \"production\"").message.contains("no subnet in us-east-1a"));
    assert!(said("vpc = \"production\"").remedy.contains("us-east-1c, us-east-1d"));
    assert!(said("vpc = \"production\"\nzone = \"us-east-1d\"").message.contains("2 subnets could be meant"));
    assert!(said("subnet = \"subnet-c\"\nzone = \"us-east-1a\"").message.contains("is in us-east-1c"));
}

#[test]
fn without_a_default_network_the_way_out_is_said() {
    let mut inventory = nothing();
    inventory.ec2.vpcs[0].is_default = false;
    let refusal = refused(&[], &inventory);
    assert!(refusal.message.contains("no default VPC") && refusal.message.contains("vpc-1"), "{refusal:?}");
    assert!(refusal.remedy.contains("create-default-vpc") && refusal.remedy.contains("vpc = "), "{refusal:?}");
}

#[test]
fn another_architecture_is_refused_with_the_way_to_it() {
    let refusal = refused(&[("t3.medium", "t4g.medium")], &up(&ec2(&[])).observe());
    assert!(refusal.message.contains("x86_64") && refusal.message.contains("arm64"), "{refusal:?}");
    assert!(refusal.remedy.contains("infra migrate --to HOST"), "{refusal:?}");
}

#[test]
fn sizes_and_credits_that_do_not_exist_are_refused() {
    assert!(refused(&[("t3.medium", "t3.huge")], &nothing()).message.contains("t3.huge"));
    let credits = [("t3.medium", "m7i.large"), ("static_ip = true", "static_ip = true\ncredits = \"unlimited\"")];
    assert!(refused(&credits, &nothing()).message.contains("does not burst"));
    assert!(refused(&[("ubuntu_24_04", "ubuntu_16_04")], &nothing()).remedy.contains("ami-"));
}

#[test]
fn what_has_the_name_and_not_the_tag_is_refused_with_the_command_that_adopts_it() {
    let mut inventory = up(&ec2(&[])).observe();
    inventory.ec2.firewalls[0].tags = Default::default();
    let refusal = refused(&[], &inventory);
    assert!(refusal.remedy.contains("aws ec2 create-tags --resources sg-vault-box"), "{refusal:?}");
    let mut inventory = up(&ec2(&[])).observe();
    inventory.instances[0].tags = Default::default();
    let refusals = diff(&ec2(&[]), &inventory).expect_err("refused");
    assert!(refusals[0].remedy.contains("aws ec2 create-tags --resources i-vault-box"), "{refusals:?}");
    let mut inventory = nothing();
    inventory.ec2.profile.foreign = true;
    assert!(refused(&[], &inventory).remedy.contains("aws iam tag-role"));
}

#[test]
fn a_machine_of_another_cloud_is_not_replaced_by_one_here() {
    let lightsail = crate::graph::fixture::vault(&[]);
    let refusal = refused(&[], &up(&lightsail).observe());
    assert!(refusal.message.contains("a Lightsail instance"), "{refusal:?}");
    assert!(refusal.remedy.contains("infra migrate --to HOST"), "{refusal:?}");
}

#[test]
fn a_volume_that_is_still_being_changed_is_said_to_wait() {
    let mut inventory = up(&ec2(&[])).observe();
    let state = ModificationState::Optimizing;
    inventory.disks[0].modification = Some(Modification { state, percent: 45, started_at: None });
    let diff = diff(&ec2(&[("size_gb = 80", "size_gb = 160")]), &inventory).expect("a diff");
    let line = diff.changes().into_iter().find(|change| change.what.starts_with("volume")).expect("it is told");
    assert!(line.what.contains("80 → 160 GB"), "{line:?}");
    assert!(line.why.is_some_and(|why| why.contains("45 %")));
}
