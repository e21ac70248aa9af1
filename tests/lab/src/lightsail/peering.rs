//! The peering of Lightsail's network with the account's default VPC: a switch for each region.

use serde_json::json;

use super::account::{Answer, Call};
use super::operations::{Subject, UNNAMED};
use super::resource::Kind;
use super::work::Work;

pub fn peer(call: &mut Call<'_>) -> Answer {
    set(call, true)
}

pub fn unpeer(call: &mut Call<'_>) -> Answer {
    set(call, false)
}

fn set(call: &mut Call<'_>, peered: bool) -> Answer {
    call.region.peered = peered;
    let subject = Subject { kind: Kind::PeeredVpc, name: "vpc-default", zone: "all", details: "" };
    call.operation(UNNAMED, Work::Nothing, subject)
}

pub fn is_peered(call: &Call<'_>) -> Answer {
    Ok(json!({ "isPeered": call.region.peered }))
}
