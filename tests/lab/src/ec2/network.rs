//! VPCs and subnets. They are MiniStack's; the account only asks for them. Without MiniStack there is the default VPC, with
//! the ids that MiniStack gives it.

use std::net::Ipv4Addr;

use roxmltree::{Document, Node};

use super::error::ApiError;

pub const DEFAULT_VPC: &str = "vpc-00000001";

#[derive(Debug, Clone, Default)]
pub struct Network {
    pub subnets: Vec<Subnet>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    pub vpc: String,
    pub zone: String,
    /// The zone's default one, in the default VPC.
    pub is_default: bool,
    pub gives_public_addresses: bool,
}

impl Network {
    /// What every account has.
    pub fn default_of(region: &str) -> Self {
        let subnet = |(number, letter): (u8, char)| Subnet {
            id: format!("subnet-0000000{number}"),
            vpc: DEFAULT_VPC.into(),
            zone: format!("{region}{letter}"),
            is_default: true,
            gives_public_addresses: true,
        };
        Self { subnets: [(1, 'a'), (2, 'b'), (3, 'c')].map(subnet).into() }
    }

    /// Reads an answer of DescribeSubnets.
    pub fn read(answer: &str) -> anyhow::Result<Self> {
        let document = Document::parse(answer)?;
        let set = document.descendants().find(|node| node.tag_name().name() == "subnetSet");
        let items = set.into_iter().flat_map(|set| set.children().filter(|node| node.is_element()));
        Ok(Self { subnets: items.filter_map(subnet).collect() })
    }

    pub fn zones(&self) -> Vec<String> {
        let mut zones: Vec<String> = self.subnets.iter().map(|subnet| subnet.zone.clone()).collect();
        zones.sort();
        zones.dedup();
        zones
    }

    pub fn default_vpc(&self) -> Result<&str, ApiError> {
        let found = self.subnets.iter().find(|subnet| subnet.is_default).map(|subnet| subnet.vpc.as_str());
        found.ok_or_else(|| ApiError::new("VPCIdNotSpecified", "No default VPC for this user"))
    }

    pub fn has_vpc(&self, vpc: &str) -> bool {
        self.subnets.iter().any(|subnet| subnet.vpc == vpc)
    }

    pub fn subnet(&self, id: &str) -> Result<&Subnet, ApiError> {
        self.subnets
            .iter()
            .find(|subnet| subnet.id == id)
            .ok_or_else(|| ApiError::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist")))
    }

    /// The default subnet of a zone, or of any.
    pub fn default_subnet(&self, zone: Option<&str>) -> Result<&Subnet, ApiError> {
        let mut default = self.subnets.iter().filter(|subnet| subnet.is_default);
        default.find(|subnet| zone.is_none_or(|zone| subnet.zone == zone)).ok_or_else(|| match zone {
            Some(zone) if !self.zones().iter().any(|known| known == zone) => {
                ApiError::invalid(format!("Invalid availability zone: [{zone}]"))
            }
            Some(zone) => {
                ApiError::new("MissingInput", format!("No subnets found for the default VPC in the zone '{zone}'"))
            }
            None => {
                ApiError::new("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported there.")
            }
        })
    }
}

fn subnet(item: Node<'_, '_>) -> Option<Subnet> {
    let text = |name: &str| item.children().find(|node| node.tag_name().name() == name)?.text().map(str::trim);
    Some(Subnet {
        id: text("subnetId")?.to_owned(),
        vpc: text("vpcId")?.to_owned(),
        zone: text("availabilityZone")?.to_owned(),
        is_default: text("defaultForAz") == Some("true"),
        gives_public_addresses: text("mapPublicIpOnLaunch") == Some("true"),
    })
}

/// EC2's name for an address, in its public and in its private form.
pub fn public_name(address: Ipv4Addr) -> String {
    format!("ec2-{}.compute-1.amazonaws.com", address.to_string().replace('.', "-"))
}

pub fn private_name(address: Ipv4Addr) -> String {
    format!("ip-{}.ec2.internal", address.to_string().replace('.', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_read_with_their_zone() {
        let answer = "<R xmlns='x'><subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><availabilityZone>\
            us-east-1a</availabilityZone><defaultForAz>true</defaultForAz><mapPublicIpOnLaunch>true</mapPublicIpOnLaunch>\
            <tagSet><item><key>a</key></item></tagSet></item></subnetSet></R>";
        let network = Network::read(answer).unwrap();
        assert_eq!(network.zones(), ["us-east-1a"]);
        assert_eq!(network.default_subnet(Some("us-east-1a")).unwrap().id, "subnet-1");
        assert!(network.default_subnet(Some("us-east-1z")).is_err());
    }
}
