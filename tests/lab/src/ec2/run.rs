//! RunInstances: an order is checked completely before anything of it is made.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::json;

use super::account::{Answer, Call, Profile};
use super::addresses;
use super::error::ApiError;
use super::filters::tag_set;
use super::groups;
use super::images::{self, Image};
use super::input::{Input, Tags};
use super::instances::{Instance, Interface, MetadataOptions, ProfileAssociation, State, reservations};
use super::mapping::{self, Mapping};
use super::network::Subnet;
use super::spot;
use super::types::{self, InstanceType};
use super::work::Work;
use crate::lightsail::{now, short_id};

/// AWS's limit for user data before base64.
const MAX_USER_DATA: usize = 16 * 1024;

/// Everything that is the same for all instances of an order.
struct Order {
    image: &'static Image,
    kind: &'static InstanceType,
    /// Its name and its public half.
    key: Option<(String, String)>,
    user_data: Option<String>,
    subnet: Subnet,
    groups: Vec<String>,
    public_address: bool,
    mappings: Vec<Mapping>,
    metadata: MetadataOptions,
    credits: Option<String>,
    profile: Option<Profile>,
    spot: bool,
    interface_description: String,
}

pub fn run(call: &mut Call<'_>) -> Answer {
    if let Some(made) = call.made_before("RunInstances")? {
        return answer(call, &made);
    }
    let count = count(call)?;
    let order = order(call)?;
    check_vcpus(call, order.kind, count)?;
    let (tags, of_interface, of_spot) = (
        call.input.tags_for("instance")?,
        call.input.tags_for("network-interface")?,
        call.input.tags_for("spot-instances-request")?,
    );
    let reservation = short_id("r");
    let mut made = Vec::new();
    for index in 0..count {
        let mut instance = new(call, &order, &reservation, index);
        (instance.tags, instance.interface.tags) = (tags.clone(), of_interface.clone());
        made.push(place(call, &order, instance, &of_spot)?);
    }
    call.remember("RunInstances", made.clone());
    answer(call, &made)
}

fn answer(call: &Call<'_>, made: &[String]) -> Answer {
    let instances: Vec<Instance> = made.iter().filter_map(|id| call.region.instances.get(id)).cloned().collect();
    let mut found = reservations(call.region, &instances);
    match found.is_empty() {
        true => Ok(json!({ "Instances": [], "Groups": [] })),
        false => Ok(found.swap_remove(0)),
    }
}

fn count(call: &Call<'_>) -> Result<usize, ApiError> {
    let (least, most) = (call.input.amount("MinCount")?, call.input.amount("MaxCount")?);
    let least = least.ok_or_else(|| ApiError::missing("MinCount"))?;
    let most = most.ok_or_else(|| ApiError::missing("MaxCount"))?;
    match least >= 1 && least <= most {
        true => Ok(most as usize),
        false => Err(ApiError::value("minCount", &least.to_string(), "It must be at least 1 and at most maxCount.")),
    }
}

fn order(call: &Call<'_>) -> Result<Order, ApiError> {
    let input = call.input;
    input.tags_only_for(&["instance", "volume", "network-interface", "spot-instances-request"])?;
    let image = images::choose(input.text("ImageId")?)?;
    let kind = types::choose(input.maybe("InstanceType").unwrap_or("m1.small"))?;
    if kind.architecture != image.architecture {
        return Err(ApiError::invalid(format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI. \
             Specify an instance type and an AMI that have matching architectures, and try again. You can use \
             'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
            kind.architecture, image.architecture
        )));
    }
    let interface = interface(input)?;
    let subnet = subnet(call, interface)?;
    let groups = chosen_groups(call, interface, &subnet)?;
    let associate = interface.and_then(|interface| interface.flag("AssociatePublicIpAddress"));
    Ok(Order {
        image,
        kind,
        key: key(call)?,
        user_data: user_data(input)?,
        groups,
        public_address: associate.unwrap_or(subnet.gives_public_addresses),
        subnet,
        mappings: mapping::read(call, image)?,
        metadata: metadata(input)?,
        credits: credits(input, kind)?,
        profile: profile(call)?,
        spot: spot::is_wanted(input)?,
        interface_description: interface.and_then(|it| it.maybe("Description")).unwrap_or_default().to_owned(),
    })
}

/// The one interface, if the order describes it instead of leaving it to the instance's members.
fn interface(input: Input<'_>) -> Result<Option<Input<'_>>, ApiError> {
    let described: Vec<Input<'_>> = input.list("NetworkInterfaces").collect();
    let Some(first) = described.first() else { return Ok(None) };
    if described.len() > 1 || first.maybe("NetworkInterfaceId").is_some() {
        return Err(ApiError::new("Unsupported", "The lab gives each instance one new network interface"));
    }
    for (member, what) in [("SubnetId", "subnet ID"), ("SecurityGroupIds", "security groups")] {
        if input.get(member).is_some() {
            return Err(ApiError::combination(format!(
                "Network interfaces and an instance-level {what} may not be specified on the same request"
            )));
        }
    }
    Ok(Some(*first))
}

fn subnet(call: &Call<'_>, interface: Option<Input<'_>>) -> Result<Subnet, ApiError> {
    let network = &call.prepared.network;
    let zone = call.input.part("Placement").and_then(|placement| placement.maybe("AvailabilityZone"));
    let named = call.input.maybe("SubnetId").or(interface.and_then(|interface| interface.maybe("SubnetId")));
    let Some(id) = named else { return network.default_subnet(zone).cloned() };
    let found = network.subnet(id)?;
    match zone.is_some_and(|zone| zone != found.zone) {
        true => Err(ApiError::new(
            "InvalidParameterValue",
            format!("The availability zone {} is not that of the subnet {id}", zone.unwrap_or_default()),
        )),
        false => Ok(found.clone()),
    }
}

/// Named by id, or in the default VPC by name; or else the VPC's own.
fn chosen_groups(call: &Call<'_>, interface: Option<Input<'_>>, subnet: &Subnet) -> Result<Vec<String>, ApiError> {
    let mut ids = call.input.texts("SecurityGroupIds");
    ids.extend(interface.into_iter().flat_map(|interface| interface.texts("Groups")));
    for name in call.input.texts("SecurityGroups") {
        ids.push(groups::by_name(call, &name)?.id.clone());
    }
    for id in &ids {
        let group = groups::find(call.region, id)?;
        if group.vpc.as_ref().is_some_and(|vpc| *vpc != subnet.vpc) {
            let message = format!("Security group {id} and subnet {} belong to different networks.", subnet.id);
            return Err(ApiError::new("InvalidParameter", message));
        }
    }
    if ids.is_empty() {
        ids.push(groups::DEFAULT.to_owned());
    }
    Ok(ids)
}

fn key(call: &Call<'_>) -> Result<Option<(String, String)>, ApiError> {
    let Some(name) = call.input.maybe("KeyName") else { return Ok(None) };
    match call.region.key_pairs.get(name) {
        Some(pair) => Ok(Some((name.to_owned(), pair.public_key.clone()))),
        None => Err(ApiError::not_found("InvalidKeyPair", "key pair", name)),
    }
}

/// Compressed user data is what cloud-init would make of it itself.
fn user_data(input: Input<'_>) -> Result<Option<String>, ApiError> {
    let Some(encoded) = input.maybe("UserData").filter(|text| !text.is_empty()) else { return Ok(None) };
    let bytes = STANDARD
        .decode(encoded.split_whitespace().collect::<String>())
        .map_err(|_| ApiError::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data."))?;
    if bytes.len() > MAX_USER_DATA {
        return Err(ApiError::invalid("User data is limited to 16384 bytes"));
    }
    let mut text = String::new();
    let read = match bytes.starts_with(&[0x1f, 0x8b]) {
        true => GzDecoder::new(bytes.as_slice()).read_to_string(&mut text),
        false => bytes.as_slice().read_to_string(&mut text),
    };
    read.map_err(|_| ApiError::new("Unsupported", "The lab takes user data that is text, compressed or not"))?;
    Ok(Some(text))
}

pub fn metadata(input: Input<'_>) -> Result<MetadataOptions, ApiError> {
    let mut options = MetadataOptions {
        tokens: "optional".into(),
        hop_limit: 1,
        endpoint: "enabled".into(),
        ipv6: "disabled".into(),
        tags: "disabled".into(),
    };
    if let Some(given) = input.part("MetadataOptions") {
        change_metadata(&mut options, given)?;
    }
    Ok(options)
}

/// Members that are left out stay.
pub fn change_metadata(options: &mut MetadataOptions, given: Input<'_>) -> Result<(), ApiError> {
    let members = [
        ("HttpTokens", &mut options.tokens),
        ("HttpEndpoint", &mut options.endpoint),
        ("HttpProtocolIpv6", &mut options.ipv6),
        ("InstanceMetadataTags", &mut options.tags),
    ];
    for (member, held) in members {
        if let Some(text) = given.maybe(member) {
            text.clone_into(held);
        }
    }
    if let Some(hops) = given.number("HttpPutResponseHopLimit") {
        let valid = u8::try_from(hops).ok().filter(|hops| (1..=64).contains(hops));
        options.hop_limit =
            valid.ok_or_else(|| ApiError::value("HttpPutResponseHopLimit", &hops.to_string(), "It is 1 to 64."))?;
    }
    Ok(())
}

fn credits(input: Input<'_>, kind: &InstanceType) -> Result<Option<String>, ApiError> {
    let given = input.part("CreditSpecification").map(|part| part.text("CpuCredits")).transpose()?;
    match given {
        Some(_) if !kind.burstable => Err(ApiError::combination(format!(
            "The CreditSpecification parameter is not supported for the instance type {}",
            kind.name
        ))),
        Some(credits) if !["standard", "unlimited"].contains(&credits) => {
            Err(ApiError::value("CpuCredits", credits, "It must be standard or unlimited."))
        }
        Some(credits) => Ok(Some(credits.to_owned())),
        None if !kind.burstable => Ok(None),
        // AWS's defaults: only the oldest generation stops at its baseline.
        None => Ok(Some(if kind.name.starts_with("t2.") { "standard" } else { "unlimited" }.to_owned())),
    }
}

fn profile(call: &Call<'_>) -> Result<Option<Profile>, ApiError> {
    let Some(given) = call.input.part("IamInstanceProfile") else { return Ok(None) };
    call.prepared.profile.clone().map(Some).ok_or_else(|| no_profile(given))
}

pub fn no_profile(given: Input<'_>) -> ApiError {
    match (given.maybe("Name"), given.maybe("Arn")) {
        (Some(name), _) => ApiError::value("iamInstanceProfile.name", name, "Invalid IAM Instance Profile name"),
        (None, arn) => {
            ApiError::value("iamInstanceProfile.arn", arn.unwrap_or_default(), "Invalid IAM Instance Profile ARN")
        }
    }
}

fn check_vcpus(call: &Call<'_>, kind: &InstanceType, count: usize) -> Result<(), ApiError> {
    let running = call.region.instances.values().filter(|it| matches!(it.state, State::Pending | State::Running));
    let used: u32 = running.map(|instance| instance.kind().vcpus).sum();
    let wanted = kind.vcpus.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let limit = call.settings.quotas.ec2_vcpus;
    match used.saturating_add(wanted) > limit {
        true => Err(ApiError::new(
            "VcpuLimitExceeded",
            format!(
                "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket that \
             the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an \
             adjustment to this limit."
            ),
        )),
        false => Ok(()),
    }
}

fn new(call: &Call<'_>, order: &Order, reservation: &str, launch_index: usize) -> Instance {
    let input = call.input;
    let behavior = input.maybe("InstanceInitiatedShutdownBehavior").unwrap_or("stop");
    let profile = order.profile.clone();
    Instance {
        id: short_id("i"),
        reservation: reservation.to_owned(),
        launch_index,
        image: order.image.id.clone(),
        instance_type: order.kind.name.to_owned(),
        key_name: order.key.as_ref().map(|key| key.0.clone()),
        public_key: order.key.as_ref().map(|key| key.1.clone()),
        user_data: order.user_data.clone(),
        state: State::Pending,
        zone: order.subnet.zone.clone(),
        subnet: order.subnet.id.clone(),
        vpc: order.subnet.vpc.clone(),
        groups: order.groups.clone(),
        launched_at: now(),
        booted_at: None,
        tags: Tags::new(),
        client_token: input.maybe("ClientToken").map(str::to_owned),
        ebs_optimized: input.flag("EbsOptimized").unwrap_or(false),
        monitoring: input.part("Monitoring").and_then(|part| part.flag("Enabled")).unwrap_or(false),
        disable_api_termination: input.flag("DisableApiTermination").unwrap_or(false),
        disable_api_stop: input.flag("DisableApiStop").unwrap_or(false),
        source_dest_check: true,
        shutdown_behavior: behavior.to_owned(),
        metadata: order.metadata.clone(),
        credits: order.credits.clone(),
        profile: profile.map(|profile| ProfileAssociation { id: short_id("iip-assoc"), profile, since: now() }),
        interface: new_interface(&order.interface_description),
        private_address: None,
        wants_public_address: order.public_address,
        dynamic_address: None,
        assigned: None,
        host_keys: Vec::new(),
        transition_reason: String::new(),
        state_reason: None,
        spot_request: None,
        interrupted_at: None,
        events: Vec::new(),
    }
}

fn new_interface(description: &str) -> Interface {
    let mac: Vec<String> = rand::random::<[u8; 5]>().iter().map(|byte| format!("{byte:02x}")).collect();
    Interface {
        id: short_id("eni"),
        attachment: short_id("eni-attach"),
        mac: format!("0a:{}", mac.join(":")),
        description: description.to_owned(),
        tags: Tags::new(),
    }
}

/// Puts an instance into the account with its volumes, and begins to boot it.
fn place(call: &mut Call<'_>, order: &Order, mut instance: Instance, of_spot: &Tags) -> Result<String, ApiError> {
    let (id, zone) = (instance.id.clone(), instance.zone.clone());
    if instance.wants_public_address {
        instance.dynamic_address = Some(addresses::dynamic(call)?);
    }
    if order.spot {
        instance.spot_request = Some(spot::request(call, &instance, of_spot.clone()));
    }
    call.region.instances.insert(id.clone(), instance);
    let tags = call.input.tags_for("volume")?;
    for mapping in &order.mappings {
        let volume = mapping.volume(&id, &zone, tags.clone());
        call.region.volumes.insert(volume.id.clone(), volume);
    }
    call.start(Work::Boot { instance: id.clone() });
    Ok(id)
}

/// The tags of a creation's answer; none are not shown.
pub fn shown_tags(tags: &Tags) -> serde_json::Value {
    if tags.is_empty() { serde_json::Value::Null } else { tag_set(tags) }
}
