//! EC2, answered from an account in memory that is written to disk after every change: instances, volumes, snapshots,
//! addresses, security groups, key pairs. VPCs, subnets and everything else of EC2 are MiniStack's, as are the instance
//! profiles of IAM.
//!
//! Built like `crate::lightsail`, with which it shares the machines: a request is handled under one lock and never waits
//! there; what takes time becomes a job (`jobs`, `work`) that runs afterwards. Requests and answers are documents with the
//! member names of botocore's model; `crate::model` makes forms and XML of them.

mod account;
mod addresses;
mod attachments;
mod attributes;
mod error;
mod filters;
mod groups;
mod handlers;
mod images;
mod input;
mod instances;
mod inventory;
mod jobs;
mod key_pairs;
mod lifecycle;
mod machine;
mod mapping;
mod metadata;
mod metadata_tree;
mod modification;
mod network;
mod profiles;
mod rules;
mod run;
mod service;
mod snapshots;
mod spot;
mod status;
mod tags;
mod tokens;
mod types;
mod volume_types;
mod volumes;
mod work;

pub use account::Profile;
pub use error::ApiError;
pub use handlers::OPERATIONS;
pub use images::parameters;
pub use jobs::Fault;
pub use network::Network;
pub use service::{Ec2, ReadFault, Request};
pub use tags::are_ours;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::account::Region;
use self::jobs::JobId;
use self::work::Work;
use crate::lightsail::now;

/// Seconds since the epoch as EC2 writes them.
fn time(seconds: f64) -> Value {
    json!(in_words(seconds).map(|time| time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()))
}

fn in_words(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch")]
    Timestamp::from_second(seconds as i64).ok()
}

/// As reasons for a state name it.
fn now_in_words() -> String {
    Timestamp::now().strftime("%Y-%m-%d %H:%M:%S GMT").to_string()
}

/// Notes that Spot takes an instance back.
fn spot_notice(region: &mut Region, id: &str, seconds: f64) -> Result<Option<JobId>, ApiError> {
    let at = now() + seconds;
    let instance = region.instance_mut(id)?;
    let Some(request) = instance.spot_request.clone() else {
        return Err(ApiError::invalid(format!("{id} is no Spot instance")));
    };
    instance.interrupted_at = Some(at);
    spot::mark(region, &request);
    Ok(region.enqueue(Work::Interrupt { instance: id.to_owned(), at }))
}
