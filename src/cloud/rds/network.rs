//! The default VPC, its subnets, and one security group: EC2's part.

use aws_config::SdkConfig;
use ipnet::IpNet;
use roxmltree::{Document, Node};

use super::errors::kind;
use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::cloud::errors::incomplete;
use crate::cloud::query::QueryClient;
use crate::inventory::{Ingress, Network, ResourceName, SecurityGroup, Subnet, Tags};
use crate::plan::Port;

const VERSION: &str = "2016-11-15";

pub(super) struct Networks {
    ec2: QueryClient,
}

impl Networks {
    pub fn new(config: &SdkConfig) -> Self {
        Self { ec2: QueryClient::new(config, "ec2", VERSION, kind) }
    }

    /// The default VPC with the default subnet of each zone.
    pub async fn default_network(&self) -> Result<Network, CloudError> {
        let filter = [("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")];
        let text = self.ec2.read("DescribeVpcs", &filter).await?;
        let ids = each("DescribeVpcs", &text, "vpcSet", |vpc| child(vpc, "vpcId"))?;
        let id = ids.into_iter().next().ok_or_else(no_default_network)?;
        let filter = [
            ("Filter.1.Name", "vpc-id"),
            ("Filter.1.Value.1", id.as_str()),
            ("Filter.2.Name", "default-for-az"),
            ("Filter.2.Value.1", "true"),
        ];
        let text = self.ec2.read("DescribeSubnets", &filter).await?;
        let mut subnets = each("DescribeSubnets", &text, "subnetSet", |node| {
            Some(Subnet { id: child(node, "subnetId")?, zone: child(node, "availabilityZone")? })
        })?;
        subnets.sort();
        Ok(Network { id, subnets })
    }

    pub async fn security_group(&self, name: &ResourceName) -> Result<Option<SecurityGroup>, CloudError> {
        let filter = [("Filter.1.Name", "group-name"), ("Filter.1.Value.1", name.as_str())];
        let text = self.ec2.read("DescribeSecurityGroups", &filter).await?;
        Ok(each("DescribeSecurityGroups", &text, "securityGroupInfo", security_group)?.into_iter().next())
    }

    pub async fn create_security_group(&self, name: &ResourceName, vpc: &str, tags: &Tags) -> Result<(), CloudError> {
        let numbers: Vec<String> =
            (1..=tags.0.len()).map(|number| format!("TagSpecification.1.Tag.{number}")).collect();
        let named: Vec<_> = numbers.iter().map(|prefix| (format!("{prefix}.Key"), format!("{prefix}.Value"))).collect();
        let mut form = vec![
            ("GroupName", name.as_str()),
            ("GroupDescription", "who may connect to the database: made by infra"),
            ("VpcId", vpc),
            ("TagSpecification.1.ResourceType", "security-group"),
        ];
        for ((key, value), (key_name, value_name)) in tags.0.iter().zip(&named) {
            form.push((key_name, key));
            form.push((value_name, value));
        }
        self.ec2.change("CreateSecurityGroup", &form).await.map(drop)
    }

    /// `operation` is AuthorizeSecurityGroupIngress or RevokeSecurityGroupIngress.
    pub async fn rule(&self, operation: &str, group: &ResourceName, ingress: &Ingress) -> Result<(), CloudError> {
        let id = self.id_of(group).await?;
        let (port, from) = (ingress.port.to_string(), ingress.from.to_string());
        let range = match ingress.from {
            IpNet::V4(_) => "IpPermissions.1.IpRanges.1.CidrIp",
            IpNet::V6(_) => "IpPermissions.1.Ipv6Ranges.1.CidrIpv6",
        };
        let form = [
            ("GroupId", id.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", port.as_str()),
            ("IpPermissions.1.ToPort", port.as_str()),
            (range, from.as_str()),
        ];
        self.ec2.change(operation, &form).await.map(drop)
    }

    pub async fn delete_security_group(&self, name: &ResourceName) -> Result<(), CloudError> {
        let id = self.id_of(name).await?;
        self.ec2.change("DeleteSecurityGroup", &[("GroupId", &id)]).await.map(drop)
    }

    pub async fn id_of(&self, group: &ResourceName) -> Result<String, CloudError> {
        let found = self.security_group(group).await?;
        found.map(|group| group.id).ok_or_else(|| CloudError {
            kind: CloudErrorKind::NotFound,
            operation: "DescribeSecurityGroups".into(),
            code: "InvalidGroup.NotFound".into(),
            message: format!("there is no security group {group}"),
        })
    }
}

fn no_default_network() -> CloudError {
    CloudError {
        kind: CloudErrorKind::Refused,
        operation: "DescribeVpcs".into(),
        code: "no default VPC".into(),
        message: "this region of the account has no default VPC; make one with: aws ec2 create-default-vpc".into(),
    }
}

/// What `read` makes of each item of a set; items that are not complete are left out.
fn each<T>(
    operation: &str,
    text: &str,
    set: &str,
    read: impl Fn(Node<'_, '_>) -> Option<T>,
) -> Result<Vec<T>, CloudError> {
    let document = Document::parse(text).map_err(|_| incomplete(operation))?;
    let set = document.descendants().find(|node| node.tag_name().name() == set);
    let set = set.ok_or_else(|| incomplete(operation))?;
    Ok(items(set).filter_map(read).collect())
}

fn items<'a, 'i>(set: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    set.children().filter(|node| node.tag_name().name() == "item")
}

fn part<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn child(node: Node<'_, '_>, name: &str) -> Option<String> {
    part(node, name)?.text().map(str::to_owned)
}

fn security_group(node: Node<'_, '_>) -> Option<SecurityGroup> {
    let tags = part(node, "tagSet").into_iter().flat_map(items);
    let tags = tags.filter_map(|tag| Some((child(tag, "key")?, child(tag, "value").unwrap_or_default())));
    let permissions = part(node, "ipPermissions").into_iter().flat_map(items);
    Some(SecurityGroup {
        id: child(node, "groupId")?,
        tags: Tags(tags.collect()),
        ingress: permissions.flat_map(ingress).collect(),
    })
}

/// The addresses that one permission lets in to a single port; anything wider is not ours.
fn ingress(permission: Node<'_, '_>) -> Vec<Ingress> {
    let port = || child(permission, "fromPort").filter(|from| child(permission, "toPort").as_ref() == Some(from));
    let Some(port) = port().and_then(|port| Port::new(port.parse().ok()?)) else { return vec![] };
    let ranges = [("ipRanges", "cidrIp"), ("ipv6Ranges", "cidrIpv6")];
    let found = ranges.into_iter().flat_map(|(set, cidr)| {
        let items = part(permission, set).into_iter().flat_map(items);
        items.filter_map(move |item| child(item, cidr)?.parse().ok())
    });
    found.map(|from| Ingress { port, from }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_security_group_is_read_with_its_tags_and_each_source() {
        let text = r#"<?xml version="1.0"?><DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <securityGroupInfo><item><groupId>sg-1</groupId><groupName>demo-db</groupName><ipPermissions><item>
            <ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort><groups/><ipRanges><item>
            <cidrIp>172.26.1.2/32</cidrIp></item><item><cidrIp>172.26.1.3/32</cidrIp></item></ipRanges></item></ipPermissions>
            <ipPermissionsEgress><item><ipProtocol>-1</ipProtocol></item></ipPermissionsEgress>
            <tagSet><item><key>infra:plan</key><value>demo</value></item></tagSet></item></securityGroupInfo>
            </DescribeSecurityGroupsResponse>"#;
        let found = each("DescribeSecurityGroups", text, "securityGroupInfo", security_group).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].tags.get("infra:plan"), Some("demo"));
        let from: Vec<_> = found[0].ingress.iter().map(|ingress| ingress.from.to_string()).collect();
        assert_eq!(from, ["172.26.1.2/32", "172.26.1.3/32"]);
    }

    #[test]
    fn an_answer_that_is_no_xml_is_asked_for_again() {
        assert!(each("DescribeVpcs", "<html>", "vpcSet", |node| child(node, "vpcId")).unwrap_err().is_transient());
    }
}
