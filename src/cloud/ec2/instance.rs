//! Instances, as the inventory has them.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;

use super::convert::{Resource as _, tags, time};
use super::image::user;
use crate::inventory::{
    CloudKind, Ec2Instance, Firewall, Instance, InstanceState, OpenPort, ResourceName, TAG_IMAGE, Tags,
};
use crate::plan::Credits;

/// What other calls tell about instances.
pub(super) struct Beside<'a> {
    /// The plan's own.
    pub firewalls: &'a [Firewall],
    /// By the instance's id.
    pub credits: &'a BTreeMap<String, Credits>,
    pub events: &'a BTreeMap<String, Vec<String>>,
}

pub(super) fn state(found: &sdk::Instance) -> InstanceState {
    use sdk::InstanceStateName as Name;
    match found.state().and_then(|state| state.name()) {
        Some(Name::Pending) => InstanceState::Pending,
        Some(Name::Running) => InstanceState::Running,
        Some(Name::Stopping) => InstanceState::Stopping,
        Some(Name::Stopped) => InstanceState::Stopped,
        Some(Name::ShuttingDown | Name::Terminated) => InstanceState::Gone,
        _ => InstanceState::Unknown,
    }
}

pub(super) fn is_terminated(found: &sdk::Instance) -> bool {
    found.state().and_then(|state| state.name()) == Some(&sdk::InstanceStateName::Terminated)
}

pub(super) fn instance(found: &sdk::Instance, beside: &Beside<'_>) -> Instance {
    let tags = tags(found.tags());
    let image = tags.get(TAG_IMAGE).or(found.image_id()).unwrap_or_default().to_owned();
    Instance {
        cloud: CloudKind::Ec2,
        name: found.name(),
        zone: found.placement().and_then(|p| p.availability_zone()).unwrap_or_default().to_owned(),
        state: state(found),
        size: size(found).to_owned(),
        user: user(&image).to_owned(),
        image,
        key_pair: found.key_name().map(ResourceName::new),
        public_ip: address(found.public_ip_address()),
        private_ip: address(found.private_ip_address()),
        ports: ports(found, beside.firewalls),
        created_at: time(found.launch_time()),
        ec2: Some(own(found, beside)),
        tags,
    }
}

/// One that has a name of this plan and not its tags: nobody may take it for the plan's.
pub(super) fn foreign(name: ResourceName, id: String) -> Instance {
    let empty = sdk::Instance::builder().instance_id(id).build();
    let nothing = Beside { firewalls: &[], credits: &BTreeMap::new(), events: &BTreeMap::new() };
    Instance { name, tags: Tags::default(), ..instance(&empty, &nothing) }
}

fn own(found: &sdk::Instance, beside: &Beside<'_>) -> Ec2Instance {
    let id = found.instance_id().unwrap_or_default();
    let metadata = found.metadata_options();
    Ec2Instance {
        id: id.to_owned(),
        image_id: found.image_id().unwrap_or_default().to_owned(),
        architecture: found.architecture().map(|a| a.as_str().to_owned()).unwrap_or_default(),
        vpc: found.vpc_id().unwrap_or_default().to_owned(),
        subnet: found.subnet_id().unwrap_or_default().to_owned(),
        firewalls: found
            .security_groups()
            .iter()
            .filter_map(|group| group.group_name())
            .map(ResourceName::new)
            .collect(),
        profile: profile(found),
        tokens_required: needs_tokens(found),
        hop_limit: metadata.and_then(|m| m.http_put_response_hop_limit()).unwrap_or_default(),
        credits: beside.credits.get(id).copied(),
        events: beside.events.get(id).cloned().unwrap_or_default(),
    }
}

pub(super) fn size(found: &sdk::Instance) -> &str {
    found.instance_type().map(|size| size.as_str()).unwrap_or_default()
}

pub(super) fn needs_tokens(found: &sdk::Instance) -> bool {
    found.metadata_options().and_then(|m| m.http_tokens()) == Some(&sdk::HttpTokensState::Required)
}

/// The name of it is the end of its ARN.
pub(super) fn profile(found: &sdk::Instance) -> Option<ResourceName> {
    found.iam_instance_profile().and_then(|p| p.arn()).and_then(profile_of)
}

pub(super) fn profile_of(arn: &str) -> Option<ResourceName> {
    arn.rsplit('/').next().filter(|name| !name.is_empty()).map(ResourceName::new)
}

fn address(told: Option<&str>) -> Option<String> {
    told.filter(|address| !address.is_empty()).map(str::to_owned)
}

/// Open is what the plan's own groups let in; whether it is behind others too, their names tell.
fn ports(found: &sdk::Instance, firewalls: &[Firewall]) -> Vec<OpenPort> {
    let has = |firewall: &&Firewall| found.security_groups().iter().any(|g| g.group_id() == Some(firewall.id.as_str()));
    firewalls.iter().filter(has).flat_map(|firewall| firewall.ports.clone()).collect()
}

/// Sizes whose CPU has credits: T2, T3, T3a, T4g and what comes after them. Trn1 and the like are no such.
pub(super) fn bursts(size: &str) -> bool {
    size.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

pub(super) fn credits(told: &str) -> Option<Credits> {
    match told {
        "standard" => Some(Credits::Standard),
        "unlimited" => Some(Credits::Unlimited),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> sdk::Tag {
        sdk::Tag::builder().key(key).value(value).build()
    }

    fn found(state: sdk::InstanceStateName) -> sdk::Instance {
        let metadata = sdk::InstanceMetadataOptionsResponse::builder()
            .http_tokens(sdk::HttpTokensState::Required)
            .http_put_response_hop_limit(2);
        let profile = sdk::IamInstanceProfile::builder().arn("arn:aws:iam::1:instance-profile/demo-host");
        sdk::Instance::builder()
            .instance_id("i-1")
            .image_id("ami-1")
            .instance_type(sdk::InstanceType::T3Small)
            .architecture(sdk::ArchitectureValues::X8664)
            .state(sdk::InstanceState::builder().name(state).build())
            .placement(sdk::Placement::builder().availability_zone("us-east-1a").build())
            .public_ip_address("")
            .private_ip_address("172.31.0.5")
            .metadata_options(metadata.build())
            .iam_instance_profile(profile.build())
            .security_groups(sdk::GroupIdentifier::builder().group_id("sg-1").group_name("demo-vault-ports").build())
            .tags(tag("Name", "demo-vault"))
            .tags(tag("infra:plan", "demo"))
            .tags(tag(TAG_IMAGE, "debian_12"))
            .build()
    }

    #[test]
    fn an_instance_is_told_whole() {
        let open = OpenPort {
            range: crate::inventory::RuleRange { from: 22, to: 22 },
            protocol: crate::inventory::RuleProtocol::Tcp,
            from: ["0.0.0.0/0".parse().unwrap()].into(),
            aliases: [].into(),
        };
        let group = |id: &str| Firewall {
            name: ResourceName::new("demo-vault-ports"),
            id: id.into(),
            tags: Tags::default(),
            vpc: "vpc-1".into(),
            ports: vec![open.clone()],
        };
        let firewalls = [group("sg-1"), group("sg-of-another-host")];
        let credits = BTreeMap::from([("i-1".to_owned(), Credits::Unlimited)]);
        let events = BTreeMap::from([("i-1".to_owned(), vec!["retirement".to_owned()])]);
        let beside = Beside { firewalls: &firewalls, credits: &credits, events: &events };
        let seen = instance(&found(sdk::InstanceStateName::Running), &beside);
        assert_eq!(
            (seen.name.as_str(), seen.zone.as_str(), seen.size.as_str()),
            ("demo-vault", "us-east-1a", "t3.small")
        );
        assert_eq!((seen.image.as_str(), seen.user.as_str()), ("debian_12", "admin"));
        assert_eq!((seen.public_ip, seen.private_ip.as_deref()), (None, Some("172.31.0.5")));
        assert_eq!(seen.ports, [open]);
        let own = seen.ec2.unwrap();
        assert_eq!((own.id.as_str(), own.image_id.as_str(), own.architecture.as_str()), ("i-1", "ami-1", "x86_64"));
        assert_eq!((own.tokens_required, own.hop_limit, own.credits), (true, 2, Some(Credits::Unlimited)));
        assert_eq!(own.profile, Some(ResourceName::new("demo-host")));
        assert_eq!(own.firewalls, [ResourceName::new("demo-vault-ports")].into());
        assert_eq!(own.events, ["retirement"]);
    }

    #[test]
    fn what_is_on_its_way_out_is_gone() {
        use sdk::InstanceStateName::{ShuttingDown, Stopping, Terminated};
        assert_eq!(state(&found(Terminated)), InstanceState::Gone);
        assert_eq!(state(&found(ShuttingDown)), InstanceState::Gone);
        assert_eq!(state(&found(Stopping)), InstanceState::Stopping);
        assert!(is_terminated(&found(Terminated)) && !is_terminated(&found(ShuttingDown)));
    }

    #[test]
    fn a_strangers_instance_has_a_name_and_an_id_and_no_tags() {
        let seen = foreign(ResourceName::new("demo-vault"), "i-9".into());
        assert_eq!((seen.name.as_str(), seen.ec2.unwrap().id.as_str()), ("demo-vault", "i-9"));
        assert_eq!((seen.tags, seen.state), (Tags::default(), InstanceState::Unknown));
    }

    #[test]
    fn sizes_that_burst_are_known_by_their_family() {
        assert!(["t2.nano", "t3.small", "t3a.large", "t4g.medium"].into_iter().all(bursts));
        assert!(!["trn1.2xlarge", "m7g.large", "c7i.large", "t"].into_iter().any(bursts));
    }
}
