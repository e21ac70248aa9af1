//! What EC2 asks of a host beyond the other clouds: where it stands in the network, which AMI its image is, its security
//! group, and what is mended on a living instance.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::graph::{CloudHost, Ec2Settings, Graph, HostNode, NodeId};
use crate::inventory::{
    Ec2Subnet, Ec2View, Firewall, Instance, InstanceType, Inventory, OpenPort, ResourceName, RuleProtocol, RuleRange,
    Vpc,
};
use crate::plan::Credits;

/// As far as a container of the host.
pub const HOP_LIMIT: i32 = 2;
/// The architecture of a size that AWS was not asked about, for the name of an image.
const USUAL: &str = "x86_64";

/// Where a new instance goes, and what is set right on one that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Ec2Diff {
    pub vpc: String,
    pub subnet: String,
    pub zone: String,
    pub image_id: String,
    pub firewall: FirewallDiff,
    pub mends: Vec<Mend>,
    /// A newer image than the one that the instance was made from: no reason to replace it.
    pub newer_image: Option<String>,
}

/// The host's security group: made, and rule by rule opened and closed.
#[derive(Debug, Clone, PartialEq)]
pub struct FirewallDiff {
    pub name: ResourceName,
    pub exists: bool,
    pub open: Vec<OpenPort>,
    pub close: Vec<OpenPort>,
}

/// Something that was changed by hand, or is wanted otherwise since, and that a living instance takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mend {
    /// It is behind other security groups.
    Firewall {
        was: Vec<ResourceName>,
    },
    /// Its metadata were given without a token, or not as far as into a container.
    Tokens,
    Profile {
        was: Option<ResourceName>,
    },
    Credits {
        was: Credits,
        to: Credits,
    },
}

impl FirewallDiff {
    pub fn is_kept(&self) -> bool {
        self.exists && self.open.is_empty() && self.close.is_empty()
    }
}

/// The instance is in a network that the plan asks for.
pub(super) fn in_network(ec2: &Ec2Settings, instance: &Instance, view: &Ec2View) -> bool {
    let Some(own) = &instance.ec2 else { return false };
    let called = |wanted: &str, id: &str, name: Option<&String>| wanted == id || name.is_some_and(|n| n == wanted);
    let subnet = view.subnets.iter().find(|s| s.id == own.subnet).and_then(|s| s.name.as_ref());
    let vpc = view.vpcs.iter().find(|v| v.id == own.vpc).and_then(|v| v.name.as_ref());
    ec2.subnet.as_ref().is_none_or(|wanted| called(wanted.as_str(), &own.subnet, subnet))
        && ec2.vpc.as_ref().is_none_or(|wanted| called(wanted.as_str(), &own.vpc, vpc))
}

struct Context<'a> {
    graph: &'a Graph,
    host: &'a HostNode,
    cloud: &'a CloudHost,
    ec2: &'a Ec2Settings,
    view: &'a Ec2View,
}

/// None for a host of another cloud.
pub(super) fn diff(
    graph: &Graph,
    host: &HostNode,
    cloud: &CloudHost,
    instance: Option<&Instance>,
    inventory: &Inventory,
) -> Result<Option<Ec2Diff>, Refusal> {
    let Some(ec2) = cloud.ec2() else { return Ok(None) };
    let cx = Context { graph, host, cloud, ec2, view: &inventory.ec2 };
    let known = instance.and_then(|i| Some((i, i.ec2.as_ref()?)));
    let size = cx.size(known.map(|(i, _)| i))?;
    let current = cx.image(size);
    // An instance stays where it is and what it was made from, whatever else would fit.
    let (vpc, subnet, zone, image_id) = match known {
        Some((instance, own)) => (own.vpc.clone(), own.subnet.clone(), instance.zone.clone(), own.image_id.clone()),
        None => {
            let (subnet, image) = (cx.subnet()?, current.clone().ok_or_else(|| cx.no_image(size))?);
            (subnet.vpc.clone(), subnet.id.clone(), subnet.zone.clone(), image)
        }
    };
    let newer_image = known.and_then(|(_, own)| current.clone().filter(|image| *image != own.image_id));
    Ok(Some(Ec2Diff {
        firewall: cx.firewall(&vpc)?,
        mends: known.map(|(instance, _)| cx.mends(instance)).unwrap_or_default(),
        vpc,
        subnet,
        zone,
        image_id,
        newer_image,
    }))
}

impl<'a> Context<'a> {
    fn refuse(&self, message: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal { node: self.host.id.clone(), message: message.into(), remedy: remedy.into() }
    }

    /// What AWS says of the size. Nothing is asked of a size that only the instance has.
    fn size(&self, instance: Option<&Instance>) -> Result<Option<&'a InstanceType>, Refusal> {
        let size = self.view.types.iter().find(|t| t.id == self.cloud.size);
        if size.is_none() && !self.view.types.is_empty() && instance.is_none_or(|i| i.size != self.cloud.size) {
            return Err(self.refuse(
                format!("{} is no instance type of this region", self.cloud.size),
                "aws ec2 describe-instance-types --query 'InstanceTypes[].InstanceType' lists them; correct `size`",
            ));
        }
        if let (Some(credits), Some(size)) = (self.ec2.credits, size)
            && !size.burstable
        {
            return Err(self.refuse(
                format!("credits = \"{credits}\" is set, and {} does not burst", size.id),
                "remove `credits`; only T types have them",
            ));
        }
        Ok(size)
    }

    fn vpc(&self) -> Result<&'a Vpc, Refusal> {
        let Some(wanted) = &self.ec2.vpc else {
            return self.view.vpcs.iter().find(|vpc| vpc.is_default).ok_or_else(|| {
                let known = list(self.view.vpcs.iter().map(|vpc| named(&vpc.id, vpc.name.as_deref())));
                self.refuse(
                    format!("this region of the account has no default VPC (there are: {known})"),
                    "write `vpc = \"…\"`, an id or a name; or make a default one: aws ec2 create-default-vpc",
                )
            });
        };
        let fits = |vpc: &&Vpc| vpc.id == wanted.as_str() || vpc.name.as_deref() == Some(wanted.as_str());
        let found: Vec<_> = self.view.vpcs.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => {
                let known = list(self.view.vpcs.iter().map(|vpc| named(&vpc.id, vpc.name.as_deref())));
                Err(self.refuse(format!("there is no VPC \"{wanted}\""), format!("there are: {known}")))
            }
            several => {
                let ids = list(several.iter().map(|vpc| vpc.id.clone()));
                Err(self
                    .refuse(format!("{} VPCs are called \"{wanted}\"", several.len()), format!("write the id: {ids}")))
            }
        }
    }

    /// The one that the plan names; otherwise the VPC's in the zone, if there is no choice.
    fn subnet(&self) -> Result<&'a Ec2Subnet, Refusal> {
        let in_zone = |subnet: &&Ec2Subnet| subnet.zone == self.cloud.zone;
        if let Some(wanted) = &self.ec2.subnet {
            let vpc = self.ec2.vpc.is_some().then(|| self.vpc()).transpose()?;
            let fits = |s: &&Ec2Subnet| {
                (s.id == wanted.as_str() || s.name.as_deref() == Some(wanted.as_str()))
                    && vpc.is_none_or(|vpc| s.vpc == vpc.id)
            };
            let found: Vec<_> = self.view.subnets.iter().filter(fits).collect();
            let [one] = found.as_slice() else { return Err(self.which_subnet(wanted.as_str(), &found)) };
            if self.ec2.zone_given && !in_zone(one) {
                return Err(self.refuse(
                    format!("subnet {wanted} is in {}, the host would be in {}", one.zone, self.cloud.zone),
                    format!("remove `zone`, or write `zone = \"{}\"`", one.zone),
                ));
            }
            return Ok(one);
        }
        let vpc = self.vpc()?;
        let all: Vec<_> = self.view.subnets.iter().filter(|s| s.vpc == vpc.id).filter(in_zone).collect();
        let default = all.iter().find(|subnet| subnet.is_default).copied();
        match (default, all.as_slice()) {
            (Some(default), _) => Ok(default),
            (None, [one]) => Ok(one),
            (None, []) => Err(self.refuse(
                format!("VPC {} has no subnet in {}", vpc.id, self.cloud.zone),
                format!("write another `zone`; it has subnets in {}", self.zones_of(vpc)),
            )),
            (None, several) => Err(self.which_subnet(&self.cloud.zone, several)),
        }
    }

    fn zones_of(&self, vpc: &Vpc) -> String {
        let zones: BTreeSet<_> = self.view.subnets.iter().filter(|s| s.vpc == vpc.id).map(|s| s.zone.clone()).collect();
        list(zones.into_iter())
    }

    fn which_subnet(&self, wanted: &str, found: &[&Ec2Subnet]) -> Refusal {
        let known = if found.is_empty() { self.view.subnets.iter().collect() } else { found.to_vec() };
        let known = list(known.iter().map(|s| format!("{} in {}", named(&s.id, s.name.as_deref()), s.zone)));
        match found {
            [] => self.refuse(format!("there is no subnet \"{wanted}\""), format!("there are: {known}")),
            several => self.refuse(
                format!("{} subnets could be meant by \"{wanted}\"", several.len()),
                format!("write `subnet = \"…\"` with the id of one: {known}"),
            ),
        }
    }

    /// The AMI that the plan's name of an image stands for today.
    fn image(&self, size: Option<&InstanceType>) -> Option<String> {
        if self.cloud.image.starts_with("ami-") {
            return Some(self.cloud.image.clone());
        }
        let usual = BTreeSet::from([USUAL.to_owned()]);
        let architectures = size.map_or(&usual, |size| &size.architectures);
        let key = |architecture: &String| format!("{}/{architecture}", self.cloud.image);
        architectures.iter().rev().find_map(|architecture| self.view.images.get(&key(architecture)).cloned())
    }

    fn no_image(&self, size: Option<&InstanceType>) -> Refusal {
        let on = size.map_or_else(|| USUAL.to_owned(), |size| list(size.architectures.iter().cloned()));
        self.refuse(
            format!("AWS publishes no image {} for {on}", self.cloud.image),
            "write \"ubuntu_24_04\", \"ubuntu_22_04\", \"debian_13\", \"debian_12\", or the id of an AMI (\"ami-…\")",
        )
    }

    /// A group is known by its tags; one that only has the name is somebody else's.
    fn firewall(&self, vpc: &str) -> Result<FirewallDiff, Refusal> {
        let (name, wanted) = (self.ec2.firewall.clone(), singly(&self.cloud.ports));
        let Some(found) = self.view.firewalls.iter().find(|f| f.name == name && f.vpc == vpc) else {
            return Ok(FirewallDiff { name, exists: false, open: wanted, close: vec![] });
        };
        if !found.tags.is_node(&self.graph.plan, self.node().as_str()) {
            return Err(self.foreign(found));
        }
        let there = singly(&found.ports);
        let open = wanted.iter().filter(|rule| !there.contains(rule)).cloned().collect();
        let close = there.iter().filter(|rule| !wanted.contains(rule)).cloned().collect();
        Ok(FirewallDiff { name, exists: true, open, close })
    }

    fn foreign(&self, found: &Firewall) -> Refusal {
        self.refuse(
            format!("a security group {} exists, but it is not tagged as this plan's", found.name),
            format!(
                "if it is yours, adopt it: aws ec2 create-tags --resources {} --tags Key=infra:plan,Value={} \
                 Key=infra:node,Value={}; otherwise rename the host or the plan",
                found.id,
                self.graph.plan,
                self.node()
            ),
        )
    }

    fn node(&self) -> NodeId {
        self.host.id.child("ports")
    }

    fn mends(&self, instance: &Instance) -> Vec<Mend> {
        let Some(own) = &instance.ec2 else { return vec![] };
        let firewall = BTreeSet::from([self.ec2.firewall.clone()]);
        let groups =
            (own.firewalls != firewall).then(|| Mend::Firewall { was: own.firewalls.iter().cloned().collect() });
        let tokens = (!own.tokens_required || own.hop_limit != HOP_LIMIT).then_some(Mend::Tokens);
        let profile =
            (own.profile.as_ref() != Some(&self.ec2.profile)).then(|| Mend::Profile { was: own.profile.clone() });
        let credits = own.credits.zip(self.ec2.credits).filter(|(was, to)| was != to);
        let credits = credits.map(|(was, to)| Mend::Credits { was, to });
        groups.into_iter().chain(tokens).chain(profile).chain(credits).collect()
    }
}

/// Rules as EC2 keeps them: one source each, and no ports where all protocols are let in.
fn singly(ports: &[OpenPort]) -> Vec<OpenPort> {
    let one = |port: &OpenPort| {
        let range = match port.protocol {
            RuleProtocol::All => RuleRange { from: -1, to: -1 },
            _ => port.range,
        };
        let bare = OpenPort { range, from: BTreeSet::new(), aliases: BTreeSet::new(), ..port.clone() };
        let nets = port.from.iter().map(|net| OpenPort { from: BTreeSet::from([*net]), ..bare.clone() });
        let aliases =
            port.aliases.iter().map(|alias| OpenPort { aliases: BTreeSet::from([alias.clone()]), ..bare.clone() });
        nets.chain(aliases).collect::<Vec<_>>()
    };
    let all: BTreeSet<OpenPort> = ports.iter().flat_map(one).collect();
    all.into_iter().collect()
}

fn named(id: &str, name: Option<&str>) -> String {
    name.map_or_else(|| id.to_owned(), |name| format!("{id} ({name})"))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() { "none".into() } else { items.join(", ") }
}
