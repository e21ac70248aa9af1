//! Every operation, asked once and more: no answer breaks botocore's service model.

use anyhow::{Context, ensure};
use serde_json::json;

use crate::support::Lab;

#[tokio::test]
async fn no_answer_breaks_the_service_model() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    compute(&lab).await?;
    storage(&lab).await?;
    watching(&lab).await?;
    account(&lab).await?;
    removal(&lab).await?;
    let violations = lab.admin("GET", "violations", json!({})).await?;
    ensure!(violations["response_count"] == 0 && violations["request_count"] == 0, "{violations:#}");
    let calls = lab.admin("GET", "calls", json!({})).await?;
    let asked = calls["services"]["lightsail"].as_object().context("no calls")?.len();
    // All that the lab answers.
    ensure!(asked >= 64, "only {asked} operations were asked");
    Ok(())
}

/// An unknown member proves that the model is there and looked at.
#[tokio::test]
async fn the_model_is_looked_at() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.call("GetDisks", json!({ "colour": "red" })).await?;
    let violations = lab.admin("GET", "violations", json!({})).await?;
    ensure!(violations["requests"][0]["path"] == "colour", "{violations}");
    Ok(())
}

async fn compute(lab: &Lab) -> anyhow::Result<()> {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHGJLXUMQfMgLXeD2MGAKDVVkDRpaGRk7x9SRLTZVpEF someone";
    lab.call("ImportKeyPair", json!({ "keyPairName": "imported", "publicKeyBase64": key })).await?;
    lab.call("CreateKeyPair", json!({ "keyPairName": "made", "tags": [{ "key": "a", "value": "b" }] })).await?;
    lab.call("DownloadDefaultKeyPair", json!({})).await?;
    lab.call("GetKeyPairs", json!({ "includeDefaultKeyPair": true })).await?;
    lab.call("GetKeyPair", json!({ "keyPairName": "made" })).await?;
    let add_on = json!({ "addOnType": "AutoSnapshot", "autoSnapshotAddOnRequest": { "snapshotTimeOfDay": "03:00" } });
    let body = json!({
        "instanceNames": ["web", "web2"], "availabilityZone": "us-east-1a", "blueprintId": "ubuntu_24_04", "bundleId": "xlarge_3_0",
        "keyPairName": "imported", "userData": "#!/bin/sh\ntrue\n", "tags": [{ "key": "infra:plan", "value": "phase1" }],
        "addOns": [add_on], "ipAddressType": "ipv4",
    });
    lab.change("CreateInstances", body).await?;
    let web = json!({ "instanceName": "web" });
    lab.call("GetInstances", json!({})).await?;
    for operation in ["GetInstance", "GetInstanceState", "GetInstanceAccessDetails", "GetInstancePortStates"] {
        lab.call(operation, web.clone()).await?;
    }
    lab.change("RebootInstance", web.clone()).await?;
    let port = json!({ "fromPort": 22, "toPort": 22, "protocol": "tcp", "cidrs": ["203.0.113.0/24"], "ipv6Cidrs": ["2001:db8::/32"] });
    lab.change("PutInstancePublicPorts", json!({ "instanceName": "web", "portInfos": [port] })).await?;
    let https = json!({ "fromPort": 443, "toPort": 443, "protocol": "tcp" });
    lab.change("OpenInstancePublicPorts", json!({ "instanceName": "web", "portInfo": https })).await?;
    lab.change("CloseInstancePublicPorts", json!({ "instanceName": "web", "portInfo": https })).await?;
    lab.change("AllocateStaticIp", json!({ "staticIpName": "web-ip" })).await?;
    lab.change("AttachStaticIp", json!({ "staticIpName": "web-ip", "instanceName": "web" })).await?;
    lab.call("GetStaticIps", json!({})).await?;
    lab.call("GetStaticIp", json!({ "staticIpName": "web-ip" })).await?;
    lab.call("GetInstances", json!({})).await.map(drop)
}

async fn storage(lab: &Lab) -> anyhow::Result<()> {
    lab.disk("data").await?;
    lab.change("AttachDisk", json!({ "diskName": "data", "instanceName": "web", "diskPath": "/dev/xvdf" })).await?;
    lab.call("GetDisks", json!({})).await?;
    lab.call("GetDisk", json!({ "diskName": "data" })).await?;
    lab.call("GetInstance", json!({ "instanceName": "web" })).await?;
    lab.change("CreateDiskSnapshot", json!({ "diskName": "data", "diskSnapshotName": "data-1" })).await?;
    lab.call("GetDiskSnapshots", json!({})).await?;
    lab.call("GetDiskSnapshot", json!({ "diskSnapshotName": "data-1" })).await?;
    let larger =
        json!({ "diskName": "larger", "diskSnapshotName": "data-1", "availabilityZone": "us-east-1a", "sizeInGb": 16 });
    lab.change("CreateDiskFromSnapshot", larger).await?;
    lab.change("CreateInstanceSnapshot", json!({ "instanceName": "web", "instanceSnapshotName": "web-1" })).await?;
    lab.call("GetInstanceSnapshots", json!({})).await?;
    lab.call("GetInstanceSnapshot", json!({ "instanceSnapshotName": "web-1" })).await?;
    let copy = json!({
        "instanceNames": ["copy"], "availabilityZone": "us-east-1a", "instanceSnapshotName": "web-1", "bundleId": "xlarge_3_0",
        "attachedDiskMapping": { "copy": [{ "originalDiskPath": "/dev/xvdf", "newDiskName": "copied" }] },
    });
    lab.change("CreateInstancesFromSnapshot", copy).await?;
    let disk = lab.call("GetDisk", json!({ "diskName": "copied" })).await?["disk"].take();
    ensure!(disk["attachedTo"] == "copy" && disk["isAttached"] == true, "{disk}");
    Ok(())
}

async fn watching(lab: &Lab) -> anyhow::Result<()> {
    lab.change("CreateContactMethod", json!({ "protocol": "Email", "contactEndpoint": "ops@example.com" })).await?;
    lab.change("SendContactMethodVerification", json!({ "protocol": "Email" })).await?;
    lab.call("GetContactMethods", json!({ "protocols": ["Email"] })).await?;
    let alarm = json!({
        "alarmName": "burst", "metricName": "BurstCapacityPercentage", "monitoredResourceName": "web", "threshold": 20.0,
        "comparisonOperator": "LessThanThreshold", "evaluationPeriods": 3, "datapointsToAlarm": 2, "treatMissingData": "notBreaching",
        "contactProtocols": ["Email"], "notificationTriggers": ["ALARM", "OK"], "notificationEnabled": true,
        "tags": [{ "key": "infra:plan", "value": "phase1" }],
    });
    lab.change("PutAlarm", alarm).await?;
    lab.change("TestAlarm", json!({ "alarmName": "burst", "state": "ALARM" })).await?;
    lab.call("GetAlarms", json!({ "monitoredResourceName": "web" })).await?;
    lab.admin("POST", "metrics", json!({ "instance": "web", "metric": "CPUUtilization", "value": 12.5 })).await?;
    #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch are exact in a double")]
    let now = jiff::Timestamp::now().as_second() as f64;
    let metric = json!({
        "instanceName": "web", "metricName": "CPUUtilization", "period": 300, "unit": "Percent", "startTime": now - 3600.0,
        "endTime": now + 1.0, "statistics": ["Average", "Maximum", "Minimum", "Sum", "SampleCount"],
    });
    let data = lab.call("GetInstanceMetricData", metric).await?;
    ensure!(data["metricData"][0]["average"] == 12.5, "{data}");
    Ok(())
}

async fn account(lab: &Lab) -> anyhow::Result<()> {
    for operation in
        ["GetBundles", "GetBlueprints", "GetOperations", "GetActiveNames", "IsVpcPeered", "PeerVpc", "UnpeerVpc"]
    {
        lab.call(operation, json!({})).await?;
    }
    lab.call("GetBundles", json!({ "includeInactive": true })).await?;
    lab.call("GetRegions", json!({ "includeAvailabilityZones": true })).await?;
    lab.call("GetOperationsForResource", json!({ "resourceName": "web" })).await?;
    lab.change(
        "TagResource",
        json!({ "resourceName": "web", "tags": [{ "key": "x", "value": "y" }, { "key": "only" }] }),
    )
    .await?;
    lab.call("GetInstance", json!({ "instanceName": "web" })).await?;
    lab.change("UntagResource", json!({ "resourceName": "web", "tagKeys": ["x"] })).await?;
    let add_on = json!({ "addOnType": "AutoSnapshot", "autoSnapshotAddOnRequest": { "snapshotTimeOfDay": "04:00" } });
    lab.change("EnableAddOn", json!({ "resourceName": "web", "addOnRequest": add_on })).await?;
    lab.change("DisableAddOn", json!({ "resourceName": "web", "addOnType": "AutoSnapshot" })).await.map(drop)
}

async fn removal(lab: &Lab) -> anyhow::Result<()> {
    lab.change("DetachStaticIp", json!({ "staticIpName": "web-ip" })).await?;
    lab.change("ReleaseStaticIp", json!({ "staticIpName": "web-ip" })).await?;
    lab.change("StopInstance", json!({ "instanceName": "web" })).await?;
    lab.call("GetInstance", json!({ "instanceName": "web" })).await?;
    lab.change("DetachDisk", json!({ "diskName": "data" })).await?;
    lab.change("StartInstance", json!({ "instanceName": "web" })).await?;
    lab.change("DeleteAlarm", json!({ "alarmName": "burst" })).await?;
    lab.change("DeleteContactMethod", json!({ "protocol": "Email" })).await?;
    lab.change("DeleteInstance", json!({ "instanceName": "web" })).await?;
    lab.change("DeleteInstance", json!({ "instanceName": "web2", "forceDeleteAddOns": true })).await?;
    lab.change("DeleteDisk", json!({ "diskName": "data" })).await?;
    lab.change("DeleteDiskSnapshot", json!({ "diskSnapshotName": "data-1" })).await?;
    lab.change("DeleteInstanceSnapshot", json!({ "instanceSnapshotName": "web-1" })).await?;
    lab.change("DeleteKeyPair", json!({ "keyPairName": "made" })).await.map(drop)
}
