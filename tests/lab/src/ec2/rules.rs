//! The rules of security groups: one protocol and range of ports, one source.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::{Values, matches, maybe, one, page, tag_set};
use super::groups::{self, check_text, find};
use super::input::{Input, Tags};
use crate::lightsail::{ACCOUNT, short_id};

/// AWS's limit for a group and a direction.
const MAX_RULES: usize = 60;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    Net(IpNet),
    /// The members of a group.
    Group(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    pub id: String,
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for everything.
    pub protocol: String,
    /// Of ICMP the type. None where the protocol has no ports.
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
    pub source: Source,
    pub description: Option<String>,
    pub tags: Tags,
}

impl Rule {
    /// Every protocol.
    pub fn everything(egress: bool, source: Source) -> Self {
        let (from_port, to_port, description) = (None, None, None);
        let protocol = "-1".to_owned();
        Self { id: short_id("sgr"), egress, protocol, from_port, to_port, source, description, tags: Tags::new() }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.egress, &self.protocol, self.from_port, self.to_port, &self.source)
            == (other.egress, &other.protocol, other.from_port, other.to_port, &other.source)
    }

    fn peer(&self) -> String {
        match &self.source {
            Source::Net(net) => net.to_string(),
            Source::Group(id) => id.clone(),
        }
    }

    /// As AWS's errors describe it.
    fn describe(&self) -> String {
        let ports = match (self.from_port, self.to_port) {
            (Some(from), Some(to)) => format!("from port: {from}, to port: {to}, "),
            _ => String::new(),
        };
        let protocol = if self.protocol == "-1" { "ALL".to_owned() } else { self.protocol.to_uppercase() };
        format!("peer: {}, {protocol}, {ports}ALLOW", self.peer())
    }

    fn view(&self, region: &str, group: &str) -> Value {
        let (v4, v6, named) = match &self.source {
            Source::Net(net @ IpNet::V4(_)) => (Some(net.to_string()), None, None),
            Source::Net(net @ IpNet::V6(_)) => (None, Some(net.to_string()), None),
            Source::Group(id) => (None, None, Some(json!({ "GroupId": id, "UserId": ACCOUNT }))),
        };
        json!({
            "SecurityGroupRuleId": self.id, "GroupId": group, "GroupOwnerId": ACCOUNT, "IsEgress": self.egress,
            "IpProtocol": self.protocol, "FromPort": self.from_port.unwrap_or(-1), "ToPort": self.to_port.unwrap_or(-1),
            "CidrIpv4": v4, "CidrIpv6": v6, "ReferencedGroupInfo": named, "Description": self.description,
            "Tags": tag_set(&self.tags),
            "SecurityGroupRuleArn": format!("arn:aws:ec2:{region}:{ACCOUNT}:security-group-rule/{}", self.id),
        })
    }

    /// The filters `ip-permission.NAME`.
    pub fn filter(&self, name: &str) -> Values {
        let net = |wanted: fn(&IpNet) -> bool| match &self.source {
            Source::Net(net) => Some(net).filter(|net| wanted(net)).map(IpNet::to_string),
            Source::Group(_) => None,
        };
        match name {
            "cidr" => maybe(net(|net| matches!(net, IpNet::V4(_)))),
            "ipv6-cidr" => maybe(net(|net| matches!(net, IpNet::V6(_)))),
            "from-port" => maybe(self.from_port),
            "to-port" => maybe(self.to_port),
            "protocol" => one(&self.protocol),
            "group-id" => match &self.source {
                Source::Group(id) => one(id),
                Source::Net(_) => Some(Vec::new()),
            },
            _ => None,
        }
    }
}

/// Rules as DescribeSecurityGroups shows them: those of one protocol and range together.
pub fn permissions<'a>(rules: impl Iterator<Item = &'a Rule>) -> Value {
    let mut found: Vec<Value> = Vec::new();
    for rule in rules {
        let range = (json!(rule.protocol), json!(rule.from_port), json!(rule.to_port));
        let known = found.iter().position(|known| {
            known["IpProtocol"] == range.0 && known["FromPort"] == range.1 && known["ToPort"] == range.2
        });
        let index = known.unwrap_or_else(|| {
            found.push(json!({
                "IpProtocol": range.0, "FromPort": range.1, "ToPort": range.2,
                "UserIdGroupPairs": [], "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [],
            }));
            found.len() - 1
        });
        let (list, entry) = match &rule.source {
            Source::Net(IpNet::V4(net)) => ("IpRanges", json!({ "CidrIp": net })),
            Source::Net(IpNet::V6(net)) => ("Ipv6Ranges", json!({ "CidrIpv6": net })),
            Source::Group(id) => ("UserIdGroupPairs", json!({ "GroupId": id, "UserId": ACCOUNT })),
        };
        let mut entry = entry;
        if let Some(description) = &rule.description {
            entry["Description"] = json!(description);
        }
        if let Some(entries) = found[index][list].as_array_mut() {
            entries.push(entry);
        }
    }
    Value::Array(found)
}

/// The rules that a request describes, in either of its two ways.
fn read(call: &Call<'_>, egress: bool) -> Result<Vec<Rule>, ApiError> {
    let mut rules = Vec::new();
    for permission in call.input.list("IpPermissions") {
        let before = rules.len();
        for range in permission.list("IpRanges") {
            rules.push(rule(permission, egress, net(range.text("CidrIp")?, false)?, range)?);
        }
        for range in permission.list("Ipv6Ranges") {
            rules.push(rule(permission, egress, net(range.text("CidrIpv6")?, true)?, range)?);
        }
        for pair in permission.list("UserIdGroupPairs") {
            let id = match pair.maybe("GroupId") {
                Some(id) => find(call.region, id)?.id.clone(),
                None => groups::by_name(call, pair.text("GroupName")?)?.id.clone(),
            };
            rules.push(rule(permission, egress, Source::Group(id), pair)?);
        }
        if permission.list("PrefixListIds").next().is_some() {
            return Err(ApiError::new("Unsupported", "The lab has no prefix lists"));
        }
        if rules.len() == before {
            return Err(ApiError::missing("ipRanges"));
        }
    }
    if let Some(cidr) = call.input.maybe("CidrIp") {
        rules.push(rule(call.input, egress, net(cidr, false)?, Input(&Value::Null))?);
    }
    match rules.is_empty() {
        true => Err(ApiError::missing("ipPermissions")),
        false => Ok(rules),
    }
}

fn net(text: &str, v6: bool) -> Result<Source, ApiError> {
    let parsed: Option<IpNet> = text.parse().ok();
    let net = parsed
        .filter(|net| matches!(net, IpNet::V6(_)) == v6)
        .ok_or_else(|| ApiError::invalid(format!("CIDR block {text} is malformed")))?;
    Ok(Source::Net(net.trunc()))
}

fn rule(of: Input<'_>, egress: bool, source: Source, described: Input<'_>) -> Result<Rule, ApiError> {
    let protocol = match of.text("IpProtocol")?.to_lowercase().as_str() {
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        "58" => "icmpv6".to_owned(),
        "all" => "-1".to_owned(),
        other => other.to_owned(),
    };
    let known = ["tcp", "udp", "icmp", "icmpv6", "-1"].contains(&protocol.as_str()) || protocol.parse::<u8>().is_ok();
    if !known {
        return Err(ApiError::invalid(format!("Invalid value '{protocol}' for IP protocol. Unknown protocol.")));
    }
    let port = |member| of.number(member).and_then(|number| i32::try_from(number).ok());
    let (mut from_port, mut to_port) = (port("FromPort"), port("ToPort"));
    match protocol.as_str() {
        "tcp" | "udp" => check_ports(from_port, to_port)?,
        "icmp" | "icmpv6" => (from_port, to_port) = (from_port.or(Some(-1)), to_port.or(Some(-1))),
        _ => (from_port, to_port) = (None, None),
    }
    let description = described.maybe("Description").filter(|text| !text.is_empty());
    if let Some(text) = description {
        check_text("Description", text)?;
    }
    let description = description.map(str::to_owned);
    Ok(Rule { id: short_id("sgr"), egress, protocol, from_port, to_port, source, description, tags: Tags::new() })
}

fn check_ports(from: Option<i32>, to: Option<i32>) -> Result<(), ApiError> {
    match (from, to) {
        (Some(from), Some(to)) if (0..=65535).contains(&from) && (from..=65535).contains(&to) => Ok(()),
        (Some(from), Some(to)) => Err(ApiError::invalid(format!("Invalid TCP/UDP port range ({from}:{to})"))),
        _ => Err(ApiError::invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")),
    }
}

pub fn authorize(call: &mut Call<'_>, egress: bool) -> Answer {
    call.input.tags_only_for(&["security-group-rule"])?;
    let (id, mut rules) = (groups::named(call)?, read(call, egress)?);
    let tags = call.input.tags_for("security-group-rule")?;
    let group = find(call.region, &id)?;
    for (index, rule) in rules.iter().enumerate() {
        if group.rules.iter().chain(&rules[..index]).any(|known| known.is_same(rule)) {
            let message = format!("the specified rule \"{}\" already exists", rule.describe());
            return Err(ApiError::new("InvalidPermission.Duplicate", message));
        }
    }
    if group.rules.iter().filter(|rule| rule.egress == egress).count() + rules.len() > MAX_RULES {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(ApiError::new("RulesPerSecurityGroupLimitExceeded", message));
    }
    rules.iter_mut().for_each(|rule| rule.tags.clone_from(&tags));
    let views: Vec<Value> = rules.iter().map(|rule| rule.view(call.region_name, &id)).collect();
    if let Some(group) = call.region.groups.get_mut(&id) {
        group.rules.extend(rules);
    }
    call.refresh_firewalls();
    Ok(json!({ "Return": true, "SecurityGroupRules": views }))
}

/// By id, or by what they say; descriptions do not count.
pub fn revoke(call: &mut Call<'_>, egress: bool) -> Answer {
    let id = groups::named(call)?;
    let ids = call.input.texts("SecurityGroupRuleIds");
    let asked = if ids.is_empty() { read(call, egress)? } else { Vec::new() };
    let group = find(call.region, &id)?;
    if let Some(missing) =
        ids.iter().find(|id| !group.rules.iter().any(|rule| rule.egress == egress && rule.id == **id))
    {
        let message = format!("The security group rule ID '{missing}' does not exist");
        return Err(ApiError::new("InvalidSecurityGroupRuleId.NotFound", message));
    }
    if !asked.iter().all(|rule| group.rules.iter().any(|known| known.is_same(rule))) {
        let message = "The specified rule does not exist in this security group.";
        return Err(ApiError::new("InvalidPermission.NotFound", message));
    }
    let goes = |rule: &Rule| ids.contains(&rule.id) || asked.iter().any(|asked| asked.is_same(rule));
    let revoked: Vec<Value> = group.rules.iter().filter(|rule| goes(rule)).map(|rule| revoked(rule, &id)).collect();
    if let Some(group) = call.region.groups.get_mut(&id) {
        group.rules.retain(|rule| !goes(rule));
    }
    call.refresh_firewalls();
    Ok(json!({ "Return": true, "UnknownIpPermissions": [], "RevokedSecurityGroupRules": revoked }))
}

fn revoked(rule: &Rule, group: &str) -> Value {
    let mut view = rule.view("", group);
    let named = view["ReferencedGroupInfo"]["GroupId"].take();
    if let Some(members) = view.as_object_mut() {
        for gone in ["GroupOwnerId", "ReferencedGroupInfo", "Tags", "SecurityGroupRuleArn"] {
            members.remove(gone);
        }
    }
    view["ReferencedGroupId"] = named;
    view
}

pub fn describe(call: &Call<'_>) -> Answer {
    let ids = call.input.texts("SecurityGroupRuleIds");
    let all = || call.region.groups.values().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    if let Some(missing) = ids.iter().find(|id| !all().any(|(_, rule)| rule.id == **id)) {
        let message = format!("The security group rule ID '{missing}' does not exist");
        return Err(ApiError::new("InvalidSecurityGroupRuleId.NotFound", message));
    }
    let mut shown = Vec::new();
    for (group, rule) in all().filter(|(_, rule)| ids.is_empty() || ids.contains(&rule.id)) {
        let of = |name: &str| match name {
            "group-id" => one(&group.id),
            "security-group-rule-id" => one(&rule.id),
            _ => None,
        };
        if matches(call.input, &rule.tags, of)? {
            shown.push(rule.view(call.region_name, &group.id));
        }
    }
    page(call, "SecurityGroupRules", shown)
}
