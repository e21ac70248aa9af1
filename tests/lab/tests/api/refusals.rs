//! What AWS refuses, with AWS's exceptions.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::support::Lab;

const INVALID: &str = "InvalidInputException";
const FAILURE: &str = "OperationFailureException";
const NOT_FOUND: &str = "NotFoundException";

fn order(name: &str) -> Value {
    json!({ "instanceNames": [name], "availabilityZone": "us-east-1a", "blueprintId": "ubuntu_24_04", "bundleId": "nano_3_0" })
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

#[tokio::test]
async fn names_belong_to_one_resource_of_any_kind() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.disk("data").await?;
    let message = lab.refused(INVALID, "CreateInstances", order("data")).await?;
    ensure!(message == "Some names are already in use: data", "{message}");
    lab.refused(INVALID, "AllocateStaticIp", json!({ "staticIpName": "data" })).await?;
    let message = lab.refused(INVALID, "CreateInstances", order("my web")).await?;
    ensure!(message.starts_with("my web is not a valid resource name."), "{message}");
    Ok(())
}

#[tokio::test]
async fn instances_need_what_exists() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let message = lab.refused(INVALID, "CreateInstances", with(order("web"), "bundleId", json!("huge_9_0"))).await?;
    ensure!(message == "The specified bundle does not exist in this region: huge_9_0", "{message}");
    lab.refused(INVALID, "CreateInstances", with(order("web"), "blueprintId", json!("plan9"))).await?;
    lab.refused(INVALID, "CreateInstances", with(order("web"), "blueprintId", json!("ubuntu_20_04"))).await?;
    lab.refused(INVALID, "CreateInstances", with(order("web"), "availabilityZone", json!("eu-west-1a"))).await?;
    lab.refused(NOT_FOUND, "CreateInstances", with(order("web"), "keyPairName", json!("nokey"))).await?;
    lab.refused(NOT_FOUND, "GetInstance", json!({ "instanceName": "web" })).await?;
    Ok(())
}

#[tokio::test]
async fn disks_stay_in_their_zone_and_on_running_instances() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    lab.disk("data").await?;
    lab.disk("more").await?;
    let far = json!({ "diskName": "far", "availabilityZone": "us-east-1b", "sizeInGb": 8 });
    lab.change("CreateDisk", far).await?;
    let attach = |disk: &str, path: &str| json!({ "diskName": disk, "instanceName": "web", "diskPath": path });
    let message = lab.refused(INVALID, "AttachDisk", attach("far", "/dev/xvdf")).await?;
    ensure!(message.contains("same Availability Zone"), "{message}");
    lab.refused(INVALID, "AttachDisk", attach("data", "/mnt/data")).await?;
    lab.change("AttachDisk", attach("data", "/dev/xvdf")).await?;
    lab.refused(INVALID, "AttachDisk", attach("data", "/dev/xvdg")).await?;
    lab.refused(INVALID, "AttachDisk", attach("more", "/dev/xvdf")).await?;
    let message = lab.refused(FAILURE, "DetachDisk", json!({ "diskName": "data" })).await?;
    ensure!(message.contains("The state of the instance is: running"), "{message}");
    let message = lab.refused(FAILURE, "DeleteDisk", json!({ "diskName": "data" })).await?;
    ensure!(message.contains("in-use"), "{message}");
    lab.refused(INVALID, "DetachDisk", json!({ "diskName": "more" })).await?;
    let tiny = json!({ "diskName": "tiny", "availabilityZone": "us-east-1a", "sizeInGb": 4 });
    lab.refused(INVALID, "CreateDisk", tiny).await?;
    Ok(())
}

#[tokio::test]
async fn static_ips_have_a_quota_and_one_holder() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    lab.instance("other").await?;
    for name in ["ip1", "ip2", "ip3", "ip4", "ip5"] {
        lab.change("AllocateStaticIp", json!({ "staticIpName": name })).await?;
    }
    let message = lab.refused(INVALID, "AllocateStaticIp", json!({ "staticIpName": "ip6" })).await?;
    ensure!(message.starts_with("Sorry, you've reached your maximum limit of Lightsail Static IPs : 5"), "{message}");
    lab.change("AttachStaticIp", json!({ "staticIpName": "ip1", "instanceName": "web" })).await?;
    lab.refused(INVALID, "AttachStaticIp", json!({ "staticIpName": "ip1", "instanceName": "other" })).await?;
    lab.refused(INVALID, "ReleaseStaticIp", json!({ "staticIpName": "ip1" })).await?;
    lab.refused(INVALID, "TagResource", json!({ "resourceName": "ip1", "tags": [{ "key": "a", "value": "b" }] }))
        .await?;
    Ok(())
}

#[tokio::test]
async fn the_vcpu_quota_of_a_region() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let many: Vec<String> = (0..11).map(|index| format!("web{index}")).collect();
    lab.refused(INVALID, "CreateInstances", with(order("web"), "instanceNames", json!(many))).await?;
    lab.admin("PUT", "settings", json!({ "quotas": { "vcpus": 1000 } })).await?;
    lab.change("CreateInstances", with(order("web"), "instanceNames", json!(many))).await?;
    Ok(())
}

#[tokio::test]
async fn alarms_and_contacts_have_limits() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    let contact = json!({ "protocol": "Email", "contactEndpoint": "ops@example.com" });
    lab.change("CreateContactMethod", contact.clone()).await?;
    lab.refused(INVALID, "CreateContactMethod", contact).await?;
    let alarm = |name: &str, metric: &str| {
        json!({
            "alarmName": name, "metricName": metric, "monitoredResourceName": "web", "threshold": 20.0,
            "comparisonOperator": "LessThanThreshold", "evaluationPeriods": 3, "contactProtocols": ["Email"],
        })
    };
    lab.change("PutAlarm", alarm("a1", "CPUUtilization")).await?;
    lab.change("PutAlarm", alarm("a2", "CPUUtilization")).await?;
    lab.refused(INVALID, "PutAlarm", alarm("a3", "CPUUtilization")).await?;
    lab.change("PutAlarm", alarm("a2", "CPUUtilization")).await?;
    lab.refused(INVALID, "PutAlarm", alarm("a3", "FreeStorageSpace")).await?;
    lab.refused(NOT_FOUND, "PutAlarm", with(alarm("a3", "NetworkIn"), "monitoredResourceName", json!("nobody")))
        .await?;
    Ok(())
}

#[tokio::test]
async fn malformed_requests() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.refused("SerializationException", "GetDisk", json!({ "diskName": 5 })).await?;
    let message = lab.refused(INVALID, "GetDisk", json!({})).await?;
    ensure!(message.contains("diskName"), "{message}");
    lab.refused(INVALID, "CreateContactMethod", json!({ "protocol": "Pigeon", "contactEndpoint": "a" })).await?;
    let unknown = lab.send("MakeCoffee", json!({})).await?;
    ensure!(unknown.status == 404 && unknown.body["__type"] == "UnknownOperationException", "{unknown:?}");
    let unsigned = reqwest::Client::builder().no_proxy().build()?;
    let request = unsigned.post(&lab.url).header("x-amz-target", "Lightsail_20161128.GetDisks").body("{}");
    ensure!(request.send().await?.status().as_u16() == 403);
    Ok(())
}
