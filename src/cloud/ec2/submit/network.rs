//! Changes of security groups and addresses.

use aws_sdk_ec2::types as sdk;

use crate::cloud::api::CloudError;
use crate::cloud::ec2::Ec2;
use crate::cloud::ec2::convert::labels;
use crate::cloud::ec2::errors::{error, incomplete, no_such, not_of_ec2};
use crate::cloud::ec2::firewall::permissions;
use crate::cloud::ec2::ids::Kind;
use crate::inventory::OpenPort;
use crate::steps::CloudAction;

pub(super) async fn firewall(ec2: &Ec2, action: &CloudAction) -> Result<(), CloudError> {
    let client = &ec2.changes;
    match action {
        CloudAction::CreateFirewall { name, vpc, tags } => {
            let call = client
                .create_security_group()
                .group_name(name.as_str())
                .description("who may connect to a host: made by infra")
                .vpc_id(vpc)
                .tag_specifications(labels(sdk::ResourceType::SecurityGroup, name, tags));
            make!("CreateSecurityGroup", call, group_id, ec2, Kind::Firewall, name)
        }
        CloudAction::OpenPorts { firewall, ports } => {
            let call = client.authorize_security_group_ingress().group_id(ec2.id(Kind::Firewall, firewall).await?);
            send!("AuthorizeSecurityGroupIngress", call.set_ip_permissions(rules(ports)))
        }
        CloudAction::ClosePorts { firewall, ports } => {
            let call = client.revoke_security_group_ingress().group_id(ec2.id(Kind::Firewall, firewall).await?);
            send!("RevokeSecurityGroupIngress", call.set_ip_permissions(rules(ports)))
        }
        CloudAction::DeleteFirewall { name } => {
            let call = client.delete_security_group().group_id(ec2.id(Kind::Firewall, name).await?);
            send!("DeleteSecurityGroup", call)
        }
        _ => Err(not_of_ec2(action)),
    }
}

fn rules(ports: &[OpenPort]) -> Option<Vec<sdk::IpPermission>> {
    Some(permissions(ports))
}

pub(super) async fn address(ec2: &Ec2, action: &CloudAction) -> Result<(), CloudError> {
    let client = &ec2.changes;
    match action {
        CloudAction::AllocateAddress { name, tags } => {
            let call = client.allocate_address().domain(sdk::DomainType::Vpc);
            let call = call.tag_specifications(labels(sdk::ResourceType::ElasticIp, name, tags));
            make!("AllocateAddress", call, allocation_id, ec2, Kind::Address, name)
        }
        CloudAction::AttachAddress { name, instance } => {
            let call = client
                .associate_address()
                .allocation_id(ec2.id(Kind::Address, name).await?)
                .instance_id(ec2.id(Kind::Instance, instance).await?)
                .allow_reassociation(false);
            send!("AssociateAddress", call)
        }
        CloudAction::DetachAddress { name } => {
            let found = ec2.address(name).await?.ok_or_else(|| no_such(Kind::Address.word(), name))?;
            match found.association_id {
                Some(association) => {
                    send!("DisassociateAddress", client.disassociate_address().association_id(association))
                }
                None => Ok(()),
            }
        }
        CloudAction::ReleaseAddress { name } => {
            send!("ReleaseAddress", client.release_address().allocation_id(ec2.id(Kind::Address, name).await?))
        }
        _ => Err(not_of_ec2(action)),
    }
}
