//! The default VPC, its subnets, and one security group: EC2's part.

use std::net::IpAddr;

use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;
use ipnet::IpNet;

use super::errors::error;
use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::cloud::config::repeated;
use crate::cloud::ec2::{filter, labels, tags};
use crate::inventory::{Ingress, Network, ResourceName, SecurityGroup, Subnet, TAG_PLAN, Tags};
use crate::plan::Port;

pub(super) struct Networks {
    reads: Client,
    changes: Client,
}

impl Networks {
    pub fn new(once: &SdkConfig) -> Self {
        let reads = aws_sdk_ec2::config::Builder::from(once).retry_config(repeated()).build();
        Self { reads: Client::from_conf(reads), changes: Client::new(once) }
    }

    /// The default VPC with the default subnet of each zone.
    pub async fn default_network(&self) -> Result<Network, CloudError> {
        let call = self.reads.describe_vpcs().filters(filter("is-default", ["true".into()]));
        let answer = call.send().await.map_err(|e| error("DescribeVpcs", e))?;
        let id = answer.vpcs().iter().find_map(|vpc| vpc.vpc_id.clone()).ok_or_else(no_default_network)?;
        let call = self.reads.describe_subnets().filters(filter("vpc-id", [id.clone()]));
        let call = call.filters(filter("default-for-az", ["true".into()]));
        let answer = call.send().await.map_err(|e| error("DescribeSubnets", e))?;
        let subnet = |s: &sdk::Subnet| Some(Subnet { id: s.subnet_id.clone()?, zone: s.availability_zone.clone()? });
        let mut subnets: Vec<_> = answer.subnets().iter().filter_map(subnet).collect();
        subnets.sort();
        Ok(Network { id, subnets })
    }

    /// Of an instance of EC2 that a plan has.
    pub async fn private_address(&self, instance: &ResourceName) -> Result<IpAddr, CloudError> {
        let call = self.reads.describe_instances().filters(filter("tag:Name", [instance.to_string()]));
        let lives = ["pending", "running", "stopping", "stopped"].map(str::to_owned);
        let call = call.filters(filter("tag-key", [TAG_PLAN.to_owned()])).filters(filter("instance-state-name", lives));
        let answer = call.send().await.map_err(|e| error("DescribeInstances", e))?;
        let mut found = answer.reservations().iter().flat_map(sdk::Reservation::instances);
        let address = found.find_map(|i| i.private_ip_address()?.parse().ok());
        address.ok_or_else(|| crate::cloud::errors::incomplete("DescribeInstances"))
    }

    pub async fn security_group(&self, name: &ResourceName) -> Result<Option<SecurityGroup>, CloudError> {
        let call = self.reads.describe_security_groups().filters(filter("group-name", [name.to_string()]));
        let answer = call.send().await.map_err(|e| error("DescribeSecurityGroups", e))?;
        Ok(answer.security_groups().iter().find_map(security_group))
    }

    pub async fn create_security_group(&self, name: &ResourceName, vpc: &str, tags: &Tags) -> Result<(), CloudError> {
        let call = self
            .changes
            .create_security_group()
            .group_name(name.as_str())
            .description("who may connect to the database: made by infra")
            .vpc_id(vpc)
            .tag_specifications(labels(sdk::ResourceType::SecurityGroup, name, tags));
        call.send().await.map(drop).map_err(|e| error("CreateSecurityGroup", e))
    }

    pub async fn allow(&self, group: &ResourceName, ingress: &Ingress) -> Result<(), CloudError> {
        let call = self.changes.authorize_security_group_ingress().group_id(self.id_of(group).await?);
        let answer = call.ip_permissions(permission(ingress)).send().await;
        answer.map(drop).map_err(|e| error("AuthorizeSecurityGroupIngress", e))
    }

    pub async fn forbid(&self, group: &ResourceName, ingress: &Ingress) -> Result<(), CloudError> {
        let call = self.changes.revoke_security_group_ingress().group_id(self.id_of(group).await?);
        let answer = call.ip_permissions(permission(ingress)).send().await;
        answer.map(drop).map_err(|e| error("RevokeSecurityGroupIngress", e))
    }

    pub async fn delete_security_group(&self, name: &ResourceName) -> Result<(), CloudError> {
        let id = self.id_of(name).await?;
        let answer = self.changes.delete_security_group().group_id(id).send().await;
        answer.map(drop).map_err(|e| error("DeleteSecurityGroup", e))
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

fn permission(ingress: &Ingress) -> sdk::IpPermission {
    let port = i32::from(ingress.port.get());
    let permission = sdk::IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
    let net = ingress.from.to_string();
    match ingress.from {
        IpNet::V4(_) => permission.ip_ranges(sdk::IpRange::builder().cidr_ip(net).build()).build(),
        IpNet::V6(_) => permission.ipv6_ranges(sdk::Ipv6Range::builder().cidr_ipv6(net).build()).build(),
    }
}

fn security_group(found: &sdk::SecurityGroup) -> Option<SecurityGroup> {
    Some(SecurityGroup {
        id: found.group_id.clone()?,
        tags: tags(found.tags()),
        ingress: found.ip_permissions().iter().flat_map(ingress).collect(),
    })
}

/// The addresses that one permission lets in to a single port; anything wider is not ours.
fn ingress(permission: &sdk::IpPermission) -> Vec<Ingress> {
    let port = permission.from_port.filter(|from| permission.to_port == Some(*from));
    let Some(port) = port.and_then(|port| Port::new(u16::try_from(port).ok()?)) else { return vec![] };
    let v4 = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
    let v6 = permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
    v4.chain(v6).filter_map(|net| Some(Ingress { port, from: net.parse().ok()? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_security_group_is_read_with_its_tags_and_each_source() {
        let rule = |net: &str| Ingress { port: Port::new(5432).unwrap(), from: net.parse().unwrap() };
        let wide = sdk::IpPermission::builder().ip_protocol("tcp").from_port(1).to_port(9000);
        let wide = wide.ip_ranges(sdk::IpRange::builder().cidr_ip("10.0.0.0/8").build()).build();
        let group = sdk::SecurityGroup::builder()
            .group_id("sg-1")
            .group_name("demo-db")
            .tags(sdk::Tag::builder().key("infra:plan").value("demo").build())
            .ip_permissions(permission(&rule("172.26.1.2/32")))
            .ip_permissions(permission(&rule("2001:db8::/64")))
            .ip_permissions(wide)
            .build();
        let found = security_group(&group).unwrap();
        assert_eq!(found.tags.get("infra:plan"), Some("demo"));
        assert_eq!(found.ingress, [rule("172.26.1.2/32"), rule("2001:db8::/64")].into());
    }
}
