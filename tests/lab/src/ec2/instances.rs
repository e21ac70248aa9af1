//! Instances: what they are and what they show.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Profile, Region, no_instance};
use super::addresses::Address;
use super::error::ApiError;
use super::filters::{Values, matches, maybe, one, page, tag_set};
use super::images::{self, Image};
use super::input::Tags;
use super::network::{private_name, public_name};
use super::time;
use super::types::{self, InstanceType};
use super::volumes::Volume;
use crate::lightsail::ACCOUNT;
use crate::machines::HostKey;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    pub fn view(self) -> Value {
        json!({ "Code": self.code(), "Name": self.name() })
    }

    /// On its way out, or gone.
    pub fn is_ending(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    pub id: String,
    pub reservation: String,
    pub launch_index: usize,
    pub image: String,
    pub instance_type: String,
    pub key_name: Option<String>,
    pub public_key: Option<String>,
    /// As it was given, after base64.
    pub user_data: Option<String>,
    pub state: State,
    pub zone: String,
    pub subnet: String,
    pub vpc: String,
    pub groups: Vec<String>,
    pub launched_at: f64,
    /// When its machine last came up: what the console shows begins with that.
    pub booted_at: Option<f64>,
    pub tags: Tags,
    pub client_token: Option<String>,
    pub ebs_optimized: bool,
    pub monitoring: bool,
    pub disable_api_termination: bool,
    pub disable_api_stop: bool,
    pub source_dest_check: bool,
    pub shutdown_behavior: String,
    pub metadata: MetadataOptions,
    /// `standard` or `unlimited`, for types that burst.
    pub credits: Option<String>,
    pub profile: Option<ProfileAssociation>,
    pub interface: Interface,
    pub private_address: Option<Ipv4Addr>,
    /// Whether it gets a public address when it starts and has no Elastic IP.
    pub wants_public_address: bool,
    /// The address that it got so; given back when it stops.
    pub dynamic_address: Option<Ipv4Addr>,
    /// The public address that its machine really has.
    pub assigned: Option<Ipv4Addr>,
    pub host_keys: Vec<HostKey>,
    pub transition_reason: String,
    /// Code and message.
    pub state_reason: Option<(String, String)>,
    pub spot_request: Option<String>,
    /// When Spot takes it back.
    pub interrupted_at: Option<f64>,
    pub events: Vec<Event>,
}

/// Who may ask for the metadata, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataOptions {
    pub tokens: String,
    pub hop_limit: u8,
    pub endpoint: String,
    pub ipv6: String,
    pub tags: String,
}

impl MetadataOptions {
    pub fn view(&self, applied: bool) -> Value {
        json!({
            "State": if applied { "applied" } else { "pending" }, "HttpTokens": self.tokens,
            "HttpPutResponseHopLimit": self.hop_limit, "HttpEndpoint": self.endpoint, "HttpProtocolIpv6": self.ipv6,
            "InstanceMetadataTags": self.tags,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileAssociation {
    pub id: String,
    pub profile: Profile,
    pub since: f64,
}

/// The one network interface.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Interface {
    pub id: String,
    pub attachment: String,
    pub mac: String,
    pub description: String,
    pub tags: Tags,
}

/// What AWS intends to do to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    pub code: String,
    pub description: String,
    pub not_before: f64,
    pub not_after: Option<f64>,
}

impl Instance {
    pub fn kind(&self) -> &'static InstanceType {
        types::find(&self.instance_type).expect("instances are of known types")
    }

    pub fn image(&self) -> &'static Image {
        images::find(&self.image).expect("instances are made of known images")
    }

    pub fn elastic<'a>(&self, region: &'a Region) -> Option<&'a Address> {
        region.addresses.values().find(|address| address.instance.as_deref() == Some(&self.id))
    }

    /// The address that the world sees: the Elastic IP, or the one that it got.
    pub fn public_address(&self, region: &Region) -> Option<Ipv4Addr> {
        self.elastic(region).map(|address| address.address).or(self.dynamic_address)
    }

    /// Refuses what cannot be done to an instance that is gone.
    pub fn check_there(&self) -> Result<(), ApiError> {
        match self.state.is_ending() {
            true => Err(self.wrong_state()),
            false => Ok(()),
        }
    }

    pub fn wrong_state(&self) -> ApiError {
        ApiError::new(
            "IncorrectInstanceState",
            format!("The instance '{}' is in the '{}' state.", self.id, self.state.name()),
        )
    }

    pub fn groups_view(&self, region: &Region) -> Value {
        let known = self.groups.iter().filter_map(|id| region.groups.get(id));
        known.map(|group| json!({ "GroupId": group.id, "GroupName": group.name })).collect()
    }

    fn view(&self, region: &Region) -> Value {
        let gone = self.state == State::Terminated;
        let (private, public) = (self.private_address.filter(|_| !gone), self.public_address(region).filter(|_| !gone));
        let (image, kind) = (self.image(), self.kind());
        let mut view = json!({
            "InstanceId": self.id, "ImageId": self.image, "InstanceType": self.instance_type, "State": self.state.view(),
            "LaunchTime": time(self.launched_at), "AmiLaunchIndex": self.launch_index, "Architecture": image.architecture,
            "RootDeviceName": image.root_device, "RootDeviceType": "ebs", "VirtualizationType": "hvm", "Hypervisor": "xen",
            "EnaSupport": true, "EbsOptimized": self.ebs_optimized, "PlatformDetails": "Linux/UNIX",
            "UsageOperation": "RunInstances", "ClientToken": self.client_token.as_deref().unwrap_or_default(),
            "KeyName": self.key_name, "Placement": { "AvailabilityZone": self.zone, "GroupName": "", "Tenancy": "default" },
            "Monitoring": { "State": if self.monitoring { "enabled" } else { "disabled" } }, "ProductCodes": [],
            "PrivateDnsName": private.map(private_name).unwrap_or_default(),
            "PublicDnsName": public.map(public_name).unwrap_or_default(),
            "StateTransitionReason": self.transition_reason, "BlockDeviceMappings": self.devices(region),
            "SecurityGroups": if gone { json!([]) } else { self.groups_view(region) },
            "NetworkInterfaces": if gone { json!([]) } else { json!([self.interface_view(region)]) },
            "MetadataOptions": self.metadata.view(self.state != State::Pending),
            "CpuOptions": { "CoreCount": kind.vcpus.div_ceil(2), "ThreadsPerCore": kind.vcpus.min(2) },
            "HibernationOptions": { "Configured": false }, "EnclaveOptions": { "Enabled": false },
            "CapacityReservationSpecification": { "CapacityReservationPreference": "open" }, "BootMode": "uefi-preferred",
            "PrivateDnsNameOptions": {
                "HostnameType": "resource-name", "EnableResourceNameDnsARecord": false, "EnableResourceNameDnsAAAARecord": false,
            },
            "MaintenanceOptions": { "AutoRecovery": "default" }, "CurrentInstanceBootMode": "uefi",
        });
        if !gone {
            view["SubnetId"] = json!(self.subnet);
            view["VpcId"] = json!(self.vpc);
            view["SourceDestCheck"] = json!(self.source_dest_check);
            view["PrivateIpAddress"] = json!(private);
            view["PublicIpAddress"] = json!(public);
        }
        if !self.tags.is_empty() {
            view["Tags"] = tag_set(&self.tags);
        }
        if let Some((code, message)) = &self.state_reason {
            view["StateReason"] = json!({ "Code": code, "Message": message });
        }
        if let Some(ProfileAssociation { profile, .. }) = self.profile.as_ref().filter(|_| !gone) {
            view["IamInstanceProfile"] = json!({ "Arn": profile.arn, "Id": profile.id });
        }
        if let Some(request) = &self.spot_request {
            view["InstanceLifecycle"] = json!("spot");
            view["SpotInstanceRequestId"] = json!(request);
        }
        view
    }

    fn devices(&self, region: &Region) -> Vec<Value> {
        region.volumes_of(&self.id).filter_map(Volume::device_view).collect()
    }

    fn association(&self, region: &Region) -> Option<Value> {
        let public = self.public_address(region)?;
        let owner = if self.elastic(region).is_some() { ACCOUNT } else { "amazon" };
        Some(json!({ "IpOwnerId": owner, "PublicDnsName": public_name(public), "PublicIp": public }))
    }

    /// As the instance shows it.
    fn interface_view(&self, region: &Region) -> Value {
        let association = self.association(region);
        let Interface { id, attachment, mac, description, .. } = &self.interface;
        json!({
            "NetworkInterfaceId": id, "MacAddress": mac, "Description": description, "OwnerId": ACCOUNT, "Status": "in-use",
            "SubnetId": self.subnet, "VpcId": self.vpc, "InterfaceType": "interface", "Ipv6Addresses": [],
            "SourceDestCheck": self.source_dest_check, "Groups": self.groups_view(region), "Association": association,
            "PrivateIpAddress": self.private_address, "PrivateDnsName": self.private_address.map(private_name),
            "PrivateIpAddresses": self.private_addresses(association.clone()),
            "Attachment": {
                "AttachmentId": attachment, "AttachTime": time(self.launched_at), "DeleteOnTermination": true,
                "DeviceIndex": 0, "NetworkCardIndex": 0, "Status": if self.booted_at.is_some() { "attached" } else { "attaching" },
            },
        })
    }

    fn private_addresses(&self, association: Option<Value>) -> Value {
        let Some(address) = self.private_address else { return json!([]) };
        json!([{
            "Primary": true, "PrivateIpAddress": address, "PrivateDnsName": private_name(address), "Association": association,
        }])
    }

    fn filter(&self, region: &Region, name: &str) -> Values {
        let of_groups = |of: fn(&super::groups::Group) -> String| {
            Some(self.groups.iter().filter_map(|id| region.groups.get(id)).map(of).collect())
        };
        match name {
            "instance-id" => one(&self.id),
            "instance-state-name" => one(self.state.name()),
            "instance-state-code" => one(self.state.code()),
            "instance-type" => one(&self.instance_type),
            "image-id" => one(&self.image),
            "availability-zone" => one(&self.zone),
            "vpc-id" | "network-interface.vpc-id" => one(&self.vpc),
            "subnet-id" | "network-interface.subnet-id" => one(&self.subnet),
            "key-name" => maybe(self.key_name.as_ref()),
            "private-ip-address" | "network-interface.addresses.private-ip-address" => maybe(self.private_address),
            "ip-address" | "network-interface.addresses.association.public-ip" | "association.public-ip" => {
                maybe(self.public_address(region))
            }
            "instance.group-id" | "network-interface.group-id" | "group-id" => of_groups(|group| group.id.clone()),
            "instance.group-name" | "network-interface.group-name" | "group-name" => {
                of_groups(|group| group.name.clone())
            }
            "network-interface.network-interface-id" => one(&self.interface.id),
            "client-token" => maybe(self.client_token.as_ref()),
            "reservation-id" => one(&self.reservation),
            "owner-id" => one(ACCOUNT),
            "architecture" => one(self.image().architecture),
            "root-device-type" => one("ebs"),
            "root-device-name" => one(self.image().root_device),
            "iam-instance-profile.arn" => maybe(self.profile.as_ref().map(|held| &held.profile.arn)),
            "iam-instance-profile.name" => maybe(self.profile.as_ref().map(|held| &held.profile.name)),
            "instance-lifecycle" => maybe(self.spot_request.as_ref().map(|_| "spot")),
            "spot-instance-request-id" => maybe(self.spot_request.as_ref()),
            "tenancy" => one("default"),
            "block-device-mapping.volume-id" => {
                Some(region.volumes_of(&self.id).map(|volume| volume.id.clone()).collect())
            }
            "metadata-options.http-tokens" => one(&self.metadata.tokens),
            _ => None,
        }
    }
}

/// The instances that a request names in `member`; each must exist.
pub fn named(call: &Call<'_>, member: &str) -> Result<Vec<String>, ApiError> {
    let ids = call.input.texts(member);
    if let Some(wrong) = ids.iter().find(|id| !id.starts_with("i-")) {
        return Err(ApiError::new("InvalidInstanceID.Malformed", format!("Invalid id: \"{wrong}\"")));
    }
    let missing: Vec<&str> =
        ids.iter().map(String::as_str).filter(|id| !call.region.instances.contains_key(*id)).collect();
    if missing.is_empty() { Ok(ids) } else { Err(no_instance(&missing)) }
}

/// Those of the named instances, or of all, that the filters let through.
pub fn selected(call: &Call<'_>) -> Result<Vec<Instance>, ApiError> {
    let ids = named(call, "InstanceIds")?;
    let mut found = Vec::new();
    for instance in call.region.instances.values().filter(|it| ids.is_empty() || ids.contains(&it.id)) {
        if matches(call.input, &instance.tags, |name| instance.filter(call.region, name))? {
            found.push(instance.clone());
        }
    }
    Ok(found)
}

/// Instances that were ordered together are one reservation.
pub fn reservations(region: &Region, instances: &[Instance]) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for instance in instances {
        let known = found.iter_mut().find(|known| known["ReservationId"] == instance.reservation);
        match known.and_then(|known| known["Instances"].as_array_mut()) {
            Some(others) => others.push(instance.view(region)),
            None => found.push(json!({
                "ReservationId": instance.reservation, "OwnerId": ACCOUNT, "Groups": [],
                "Instances": [instance.view(region)],
            })),
        }
    }
    found
}

pub fn describe(call: &Call<'_>) -> Answer {
    let shown = reservations(call.region, &selected(call)?);
    page(call, "Reservations", shown)
}

/// As DescribeNetworkInterfaces shows them.
pub fn interfaces(call: &Call<'_>) -> Answer {
    let ids = call.input.texts("NetworkInterfaceIds");
    let there = |instance: &&Instance| instance.state != State::Terminated;
    if let Some(id) = ids.iter().find(|id| !call.region.machines().any(|it| it.interface.id == **id)) {
        let message = format!("The networkInterface ID '{id}' does not exist");
        return Err(ApiError::new("InvalidNetworkInterfaceID.NotFound", message));
    }
    let mut shown = Vec::new();
    for instance in call.region.instances.values().filter(there) {
        let of = |name: &str| match name {
            "network-interface-id" => one(&instance.interface.id),
            "attachment.instance-id" => one(&instance.id),
            "addresses.private-ip-address" => maybe(instance.private_address),
            "addresses.association.public-ip" => maybe(instance.public_address(call.region)),
            "status" => one("in-use"),
            "description" => one(&instance.interface.description),
            name => instance.filter(call.region, name),
        };
        let named = ids.is_empty() || ids.contains(&instance.interface.id);
        if named && matches(call.input, &instance.interface.tags, of)? {
            shown.push(instance.own_interface_view(call.region));
        }
    }
    page(call, "NetworkInterfaces", shown)
}

impl Instance {
    fn own_interface_view(&self, region: &Region) -> Value {
        let mut view = self.interface_view(region);
        view["AvailabilityZone"] = json!(self.zone);
        view["TagSet"] = tag_set(&self.interface.tags);
        view["RequesterManaged"] = json!(false);
        view["Attachment"]["InstanceId"] = json!(self.id);
        view["Attachment"]["InstanceOwnerId"] = json!(ACCOUNT);
        if let Some(elastic) = self.elastic(region) {
            view["Association"]["AllocationId"] = json!(elastic.id);
            view["Association"]["AssociationId"] = json!(elastic.association);
        }
        view
    }
}
