//! Spot: instances that AWS may take back. The lab does when it is told to.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::filters::{matches, maybe, one, page, tag_set};
use super::input::{Input, Tags};
use super::instances::Instance;
use super::time;
use crate::lightsail::{now, short_id};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpotRequest {
    pub id: String,
    pub instance: String,
    pub instance_type: String,
    pub image: String,
    pub zone: String,
    /// `active`, `cancelled`, `closed`.
    pub state: String,
    /// AWS's code for how it stands, such as `fulfilled`.
    pub status: String,
    pub created_at: f64,
    pub max_price: Option<String>,
    pub tags: Tags,
}

impl SpotRequest {
    fn view(&self) -> Value {
        json!({
            "SpotInstanceRequestId": self.id, "InstanceId": self.instance, "State": self.state, "Type": "one-time",
            "CreateTime": time(self.created_at), "LaunchedAvailabilityZone": self.zone, "ProductDescription": "Linux/UNIX",
            "InstanceInterruptionBehavior": "terminate", "SpotPrice": self.max_price, "Tags": tag_set(&self.tags),
            "Status": { "Code": self.status, "Message": self.status, "UpdateTime": time(self.created_at) },
            "LaunchSpecification": { "ImageId": self.image, "InstanceType": self.instance_type },
        })
    }
}

/// Whether an order is for Spot; only one-time requests whose instances end at an interruption.
pub fn is_wanted(input: Input<'_>) -> Result<bool, ApiError> {
    let Some(market) = input.part("InstanceMarketOptions") else { return Ok(false) };
    if market.maybe("MarketType") != Some("spot") {
        return Ok(false);
    }
    let options = market.part("SpotOptions");
    let option = |member: &str| options.and_then(|options| options.maybe(member));
    let other = option("SpotInstanceType").is_some_and(|kind| kind != "one-time")
        || option("InstanceInterruptionBehavior").is_some_and(|behavior| behavior != "terminate");
    match other {
        true => {
            Err(ApiError::new("Unsupported", "The lab has one-time Spot requests that end with their instance only"))
        }
        false => Ok(true),
    }
}

/// The request behind a new instance.
pub fn request(call: &mut Call<'_>, instance: &Instance, tags: Tags) -> String {
    let options = call.input.part("InstanceMarketOptions").and_then(|market| market.part("SpotOptions"));
    let made = SpotRequest {
        id: short_id("sir"),
        instance: instance.id.clone(),
        instance_type: instance.instance_type.clone(),
        image: instance.image.clone(),
        zone: instance.zone.clone(),
        state: "active".into(),
        status: "fulfilled".into(),
        created_at: now(),
        max_price: options.and_then(|options| options.maybe("MaxPrice")).map(str::to_owned),
        tags,
    };
    let id = made.id.clone();
    call.region.spot_requests.insert(id.clone(), made);
    id
}

/// Its instance is about to be taken back.
pub fn mark(region: &mut Region, request: &str) {
    if let Some(request) = region.spot_requests.get_mut(request) {
        "marked-for-termination".clone_into(&mut request.status);
    }
}

/// What becomes of the request when its instance ends.
pub fn close(region: &mut Region, instance: &Instance) {
    let Some(request) = instance.spot_request.as_ref().and_then(|id| region.spot_requests.get_mut(id)) else { return };
    if request.state == "active" {
        "closed".clone_into(&mut request.state);
    }
    let by_spot = instance.interrupted_at.is_some_and(|at| at <= now());
    request.status = if by_spot { "instance-terminated-no-capacity" } else { "instance-terminated-by-user" }.to_owned();
}

fn not_found(id: &str) -> ApiError {
    ApiError::not_found("InvalidSpotInstanceRequestID", "spot instance request ID", id)
}

pub fn describe(call: &Call<'_>) -> Answer {
    let ids = call.input.texts("SpotInstanceRequestIds");
    if let Some(id) = ids.iter().find(|id| !call.region.spot_requests.contains_key(*id)) {
        return Err(not_found(id));
    }
    let mut shown = Vec::new();
    for request in call.region.spot_requests.values().filter(|it| ids.is_empty() || ids.contains(&it.id)) {
        let of = |name: &str| match name {
            "spot-instance-request-id" => one(&request.id),
            "instance-id" => one(&request.instance),
            "state" => one(&request.state),
            "status-code" => one(&request.status),
            "launched-availability-zone" => one(&request.zone),
            "spot-price" => maybe(request.max_price.as_ref()),
            "type" => one("one-time"),
            _ => None,
        };
        if matches(call.input, &request.tags, of)? {
            shown.push(request.view());
        }
    }
    page(call, "SpotInstanceRequests", shown)
}

/// The instance goes on.
pub fn cancel(call: &mut Call<'_>) -> Answer {
    let ids = call.input.texts("SpotInstanceRequestIds");
    let mut cancelled = Vec::new();
    for id in &ids {
        let request = call.region.spot_requests.get_mut(id).ok_or_else(|| not_found(id))?;
        if request.state == "active" {
            "cancelled".clone_into(&mut request.state);
            "request-canceled-and-instance-running".clone_into(&mut request.status);
        }
        cancelled.push(json!({ "SpotInstanceRequestId": id, "State": "cancelled" }));
    }
    Ok(json!({ "CancelledSpotInstanceRequests": cancelled }))
}
