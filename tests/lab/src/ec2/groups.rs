//! Security groups, and what they let in to which machine.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::filters::{Values, matches, one, page, tag_set};
use super::input::Tags;
use super::instances::State;
use super::network::DEFAULT_VPC;
use super::rules::{Rule, Source, permissions};
use super::run::shown_tags;
use crate::lightsail::{ACCOUNT, short_id};
use crate::machines::{FirewallRule, Protocol, VPC};

/// The default VPC's own; MiniStack's has the same id.
pub const DEFAULT: &str = "sg-00000001";
/// Where the default VPC's addresses would be on AWS. On the lab's network they are `VPC`.
const VPC_CIDR: &str = "172.31.0.0/16";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub description: String,
    /// None: the default one.
    pub vpc: Option<String>,
    pub tags: Tags,
    pub rules: Vec<Rule>,
}

impl Group {
    /// Its members reach each other.
    pub fn default_of_vpc() -> Self {
        let among = Rule::everything(false, Source::Group(DEFAULT.into()));
        Self {
            id: DEFAULT.into(),
            name: "default".into(),
            description: "default VPC security group".into(),
            vpc: Some(DEFAULT_VPC.into()),
            tags: Tags::new(),
            rules: vec![among, Rule::everything(true, Source::Net(IpNet::V4(Ipv4Net::default())))],
        }
    }

    fn vpc(&self) -> &str {
        self.vpc.as_deref().unwrap_or(DEFAULT_VPC)
    }

    fn view(&self, region: &str) -> Value {
        let mut view = json!({
            "GroupId": self.id, "GroupName": self.name, "Description": self.description, "OwnerId": ACCOUNT,
            "VpcId": self.vpc(), "SecurityGroupArn": arn(region, &self.id),
            "IpPermissions": permissions(self.rules.iter().filter(|rule| !rule.egress)),
            "IpPermissionsEgress": permissions(self.rules.iter().filter(|rule| rule.egress)),
        });
        if !self.tags.is_empty() {
            view["Tags"] = tag_set(&self.tags);
        }
        view
    }

    fn filter(&self, name: &str) -> Values {
        if let Some((side @ ("ip-permission" | "egress.ip-permission"), member)) = name.rsplit_once('.') {
            let rules = self.rules.iter().filter(|rule| rule.egress == side.starts_with("egress"));
            return rules.map(|rule| rule.filter(member)).collect::<Option<Vec<_>>>().map(|found| found.concat());
        }
        match name {
            "group-id" => one(&self.id),
            "group-name" => one(&self.name),
            "description" => one(&self.description),
            "vpc-id" => one(self.vpc()),
            "owner-id" => one(ACCOUNT),
            _ => None,
        }
    }
}

pub fn arn(region: &str, id: &str) -> String {
    format!("arn:aws:ec2:{region}:{ACCOUNT}:security-group/{id}")
}

pub fn find<'a>(region: &'a Region, id: &str) -> Result<&'a Group, ApiError> {
    region.groups.get(id).ok_or_else(|| match id.starts_with("sg-") {
        true => ApiError::not_found("InvalidGroup", "security group", id),
        false => ApiError::new("InvalidGroupId.Malformed", format!("Invalid id: \"{id}\" (expecting \"sg-...\")")),
    })
}

/// Names are for the default VPC only.
pub fn by_name<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a Group, ApiError> {
    let mut groups = call.region.groups.values();
    groups.find(|group| group.name == name && group.vpc() == DEFAULT_VPC).ok_or_else(|| {
        ApiError::new("InvalidGroup.NotFound", format!("The security group '{name}' does not exist in default VPC"))
    })
}

/// The id of the group that a request names, by `GroupId` or `GroupName`.
pub fn named(call: &Call<'_>) -> Result<String, ApiError> {
    match (call.input.maybe("GroupId"), call.input.maybe("GroupName")) {
        (Some(id), _) => find(call.region, id).map(|group| group.id.clone()),
        (None, Some(name)) => by_name(call, name).map(|group| group.id.clone()),
        (None, None) => {
            Err(ApiError::new("MissingParameter", "The request must contain the parameter groupName or groupId"))
        }
    }
}

pub fn create(call: &mut Call<'_>) -> Answer {
    let input = call.input;
    input.tags_only_for(&["security-group"])?;
    let (name, description) = (input.text("GroupName")?, input.text("Description")?);
    check_text("groupName", name)?;
    check_text("GroupDescription", description)?;
    if name.starts_with("sg-") || name == "default" {
        return Err(ApiError::value("groupName", name, "Group names may not be in the format sg-*, nor default."));
    }
    let vpc = match input.maybe("VpcId") {
        Some(vpc) if call.prepared.network.has_vpc(vpc) || vpc == DEFAULT_VPC => vpc.to_owned(),
        Some(vpc) => {
            return Err(ApiError::new("InvalidVpcID.NotFound", format!("The vpc ID '{vpc}' does not exist")));
        }
        None => call.prepared.network.default_vpc()?.to_owned(),
    };
    if call.region.groups.values().any(|group| group.name == name && group.vpc() == vpc) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(ApiError::new("InvalidGroup.Duplicate", message));
    }
    let (id, tags) = (short_id("sg"), input.tags_for("security-group")?);
    let answer = json!({ "GroupId": id, "SecurityGroupArn": arn(call.region_name, &id), "Tags": shown_tags(&tags) });
    let group = Group {
        id: id.clone(),
        name: name.to_owned(),
        description: description.to_owned(),
        vpc: Some(vpc),
        tags,
        rules: vec![Rule::everything(true, Source::Net(IpNet::V4(Ipv4Net::default())))],
    };
    call.region.groups.insert(id, group);
    Ok(answer)
}

/// AWS's characters for names and descriptions.
pub fn check_text(member: &str, text: &str) -> Result<(), ApiError> {
    let good = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    match text.chars().all(good) && text.len() <= 255 {
        true => Ok(()),
        false => {
            let reason = "Character sets beyond ASCII are not supported, nor are more than 255 characters.";
            Err(ApiError::value(member, text, reason))
        }
    }
}

pub fn delete(call: &mut Call<'_>) -> Answer {
    let id = named(call)?;
    let group = find(call.region, &id)?;
    if group.name == "default" {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(ApiError::new("CannotDelete", message));
    }
    let of_instance = call.region.machines().any(|instance| instance.groups.contains(&id));
    let named_by_other = call.region.groups.values().any(|other| {
        other.id != id && other.rules.iter().any(|rule| matches!(&rule.source, Source::Group(named) if *named == id))
    });
    if of_instance || named_by_other || call.prepared.group_in_use.is_some() {
        return Err(ApiError::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    call.region.groups.remove(&id);
    Ok(json!({ "Return": true, "GroupId": id }))
}

pub fn describe(call: &Call<'_>) -> Answer {
    let (mut ids, names) = (call.input.texts("GroupIds"), call.input.texts("GroupNames"));
    for id in &ids {
        find(call.region, id)?;
    }
    for name in &names {
        ids.push(by_name(call, name)?.id.clone());
    }
    let mut shown = Vec::new();
    for group in call.region.groups.values().filter(|group| ids.is_empty() || ids.contains(&group.id)) {
        if matches(call.input, &group.tags, |name| group.filter(name))? {
            shown.push(group.view(call.region_name));
        }
    }
    page(call, "SecurityGroups", shown)
}

/// What the groups let in. `databases` are the addresses of those that are in a group.
pub fn ingress(region: &Region, groups: &[String], databases: impl Fn(&str) -> Vec<Ipv4Addr>) -> Vec<FirewallRule> {
    let known = groups.iter().filter_map(|id| region.groups.get(id));
    let rules = known.flat_map(|group| group.rules.iter().filter(|rule| !rule.egress));
    rules.filter_map(|rule| firewall_rule(region, rule, &databases)).collect()
}

fn firewall_rule(region: &Region, rule: &Rule, databases: &impl Fn(&str) -> Vec<Ipv4Addr>) -> Option<FirewallRule> {
    let protocol = match rule.protocol.as_str() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" => Protocol::Icmp,
        "icmpv6" => Protocol::Icmpv6,
        "-1" => Protocol::All,
        // The lab's hosts speak no other.
        _ => return None,
    };
    let sources = match &rule.source {
        Source::Net(net) => of_net(*net),
        Source::Group(id) => {
            let hosts = members(region, id).into_iter().chain(databases(id));
            hosts.map(|host| IpNet::V4(Ipv4Net::from(host))).collect()
        }
    };
    let (from_port, to_port) = (rule.from_port.unwrap_or(-1), rule.to_port.unwrap_or(-1));
    Some(FirewallRule { protocol, from_port, to_port, sources })
}

/// Who lets in the default VPC lets in the lab's hosts and databases.
fn of_net(net: IpNet) -> Vec<IpNet> {
    let vpc: IpNet = VPC_CIDR.parse().expect("this is a network");
    match net == vpc {
        true => VPC.iter().filter_map(|net| net.parse().ok()).collect(),
        false => vec![net],
    }
}

fn members(region: &Region, group: &str) -> Vec<Ipv4Addr> {
    let running = region.instances.values().filter(|instance| instance.state == State::Running);
    let members = running.filter(|instance| instance.groups.iter().any(|id| id == group));
    members.filter_map(|instance| instance.private_address).collect()
}
