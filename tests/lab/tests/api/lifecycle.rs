//! Resources from their creation to their end, through real asynchronous operations.

use anyhow::ensure;
use serde_json::json;

use crate::support::Lab;

#[tokio::test]
async fn an_instance_is_pending_until_its_operation_ends() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.admin("PUT", "settings", json!({ "operation_ms": 300 })).await?;
    let body = json!({ "instanceNames": ["web"], "availabilityZone": "us-east-1b", "blueprintId": "debian_12", "bundleId": "micro_3_0" });
    let operation = lab.call("CreateInstances", body).await?["operations"][0].take();
    ensure!(operation["status"] == "Started" && operation["isTerminal"] == false, "{operation}");
    let state = lab.call("GetInstanceState", json!({ "instanceName": "web" })).await?;
    ensure!(state["state"] == json!({ "code": 0, "name": "pending" }), "{state}");
    lab.ended(operation["id"].as_str().unwrap_or_default()).await?;
    let instance = lab.call("GetInstance", json!({ "instanceName": "web" })).await?["instance"].take();
    ensure!(instance["state"]["name"] == "running" && instance["username"] == "admin", "{instance}");
    let ports: Vec<_> =
        instance["networking"]["ports"].as_array().into_iter().flatten().map(|port| &port["fromPort"]).collect();
    ensure!(ports == [&json!(22), &json!(80)], "{ports:?}");
    Ok(())
}

#[tokio::test]
async fn a_disk_moves_between_instances() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("one").await?;
    lab.instance("two").await?;
    lab.disk("data").await?;
    lab.change("AttachDisk", json!({ "diskName": "data", "instanceName": "one", "diskPath": "/dev/xvdf" })).await?;
    let disk = lab.call("GetDisk", json!({ "diskName": "data" })).await?["disk"].take();
    ensure!(disk["state"] == "in-use" && disk["attachedTo"] == "one" && disk["isAttached"] == true, "{disk}");
    lab.change("StopInstance", json!({ "instanceName": "one" })).await?;
    lab.change("DetachDisk", json!({ "diskName": "data" })).await?;
    lab.change("AttachDisk", json!({ "diskName": "data", "instanceName": "two", "diskPath": "/dev/xvdf" })).await?;
    let inventory = lab.admin("GET", "inventory", json!({})).await?;
    ensure!(inventory["us-east-1"]["disks"]["data"]["attached_to"] == "two", "{inventory}");
    Ok(())
}

#[tokio::test]
async fn a_static_ip_outlives_its_instance() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let before = lab.instance("web").await?;
    lab.change("AllocateStaticIp", json!({ "staticIpName": "web-ip" })).await?;
    lab.change("AttachStaticIp", json!({ "staticIpName": "web-ip", "instanceName": "web" })).await?;
    let after = lab.call("GetInstance", json!({ "instanceName": "web" })).await?["instance"].take();
    ensure!(after["publicIpAddress"] == "203.0.113.200" && after["isStaticIp"] == true, "{after}");
    ensure!(after["privateIpAddress"] == before["privateIpAddress"], "{after}");
    lab.disk("data").await?;
    lab.change("AttachDisk", json!({ "diskName": "data", "instanceName": "web", "diskPath": "/dev/xvdf" })).await?;
    lab.change("DeleteInstance", json!({ "instanceName": "web" })).await?;
    let ip = lab.call("GetStaticIp", json!({ "staticIpName": "web-ip" })).await?["staticIp"].take();
    ensure!(ip["isAttached"] == false && ip["ipAddress"] == "203.0.113.200", "{ip}");
    let disk = lab.call("GetDisk", json!({ "diskName": "data" })).await?["disk"].take();
    ensure!(disk["state"] == "available", "{disk}");
    Ok(())
}

#[tokio::test]
async fn a_disk_grows_through_a_snapshot() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.disk("small").await?;
    lab.change("CreateDiskSnapshot", json!({ "diskName": "small", "diskSnapshotName": "kept" })).await?;
    let body =
        json!({ "diskName": "large", "diskSnapshotName": "kept", "availabilityZone": "us-east-1a", "sizeInGb": 16 });
    lab.change("CreateDiskFromSnapshot", body.clone()).await?;
    let mut smaller = body;
    smaller["sizeInGb"] = json!(4);
    smaller["diskName"] = json!("tiny");
    lab.refused("InvalidInputException", "CreateDiskFromSnapshot", smaller).await?;
    let disk = lab.call("GetDisk", json!({ "diskName": "large" })).await?["disk"].take();
    ensure!(disk["sizeInGb"] == 16 && disk["state"] == "available", "{disk}");
    Ok(())
}

#[tokio::test]
async fn ports_are_replaced_as_one_list() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    let only = json!({ "fromPort": 443, "toPort": 443, "protocol": "tcp" });
    lab.change("PutInstancePublicPorts", json!({ "instanceName": "web", "portInfos": [only] })).await?;
    let states = lab.call("GetInstancePortStates", json!({ "instanceName": "web" })).await?["portStates"].take();
    ensure!(
        states.as_array().is_some_and(|states| states.len() == 1) && states[0]["cidrs"] == json!(["0.0.0.0/0"]),
        "{states}"
    );
    Ok(())
}

#[tokio::test]
async fn an_alarm_follows_its_metric() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    let alarm = json!({
        "alarmName": "burst", "metricName": "BurstCapacityPercentage", "monitoredResourceName": "web",
        "comparisonOperator": "LessThanOrEqualToThreshold", "threshold": 20.0, "evaluationPeriods": 3,
    });
    let state = async || anyhow::Ok(lab.call("GetAlarms", json!({})).await?["alarms"][0]["state"].take());
    lab.change("PutAlarm", alarm.clone()).await?;
    ensure!(state().await? == "INSUFFICIENT_DATA");
    let mut metric = json!({ "instance": "web", "metric": "BurstCapacityPercentage", "value": 5.0 });
    lab.admin("POST", "metrics", metric.clone()).await?;
    ensure!(state().await? == "ALARM");
    lab.change("PutAlarm", alarm).await?;
    ensure!(state().await? == "ALARM", "an updated alarm keeps its state");
    metric["value"] = json!(80.0);
    lab.admin("POST", "metrics", metric).await?;
    ensure!(state().await? == "OK");
    Ok(())
}

#[tokio::test]
async fn long_lists_come_in_pages() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.admin("PUT", "settings", json!({ "page_size": 2 })).await?;
    for name in ["a1", "a2", "a3"] {
        lab.disk(name).await?;
    }
    let first = lab.call("GetDisks", json!({})).await?;
    let second = lab.call("GetDisks", json!({ "pageToken": first["nextPageToken"] })).await?;
    ensure!(first["disks"].as_array().map(Vec::len) == Some(2), "{first}");
    ensure!(second["disks"][0]["name"] == "a3" && second.get("nextPageToken").is_none(), "{second}");
    Ok(())
}

#[tokio::test]
async fn access_details_hold_a_certificate_for_the_user() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    lab.instance("web").await?;
    let details = lab.call("GetInstanceAccessDetails", json!({ "instanceName": "web" })).await?["accessDetails"].take();
    let text = |member: &str| details[member].as_str().unwrap_or_default().to_owned();
    ensure!(
        text("certKey").starts_with("ssh-ed25519-cert-v01@openssh.com ") && text("privateKey").contains("PRIVATE KEY")
    );
    ensure!(text("username") == "ubuntu" && details["hostKeys"][0]["algorithm"] == "ssh-ed25519", "{details}");
    lab.rule(json!({ "action": "empty_host_keys", "times": 1 })).await?;
    let empty = lab.call("GetInstanceAccessDetails", json!({ "instanceName": "web" })).await?;
    ensure!(empty["accessDetails"]["hostKeys"] == json!([]), "{empty}");
    Ok(())
}
