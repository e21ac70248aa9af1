"""EC2 through botocore, which reads every answer by its own model: `ec2.py URL SCENE`. Called by ec2.rs."""

import base64
import json
import sys
import time
import urllib.request

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

URL, SCENE = sys.argv[1:3]
KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHGJLXUMQfMgLXeD2MGAKDVVkDRpaGRk7x9SRLTZVpEF someone"
ec2 = botocore.session.get_session().create_client(
    "ec2", region_name="us-east-1", endpoint_url=URL, aws_access_key_id="lab", aws_secret_access_key="lab",
    config=Config(retries={"max_attempts": 0}))
ssm = botocore.session.get_session().create_client(
    "ssm", region_name="us-east-1", endpoint_url=URL, aws_access_key_id="lab", aws_secret_access_key="lab")


def lab(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{URL}/_lab/{path}", data, {"content-type": "application/json"}, method=method)
    return json.load(urllib.request.urlopen(request))


def refused(code, call, **members):
    try:
        call(**members)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected, and the request was granted")


def until(what, limit=10):
    end = time.time() + limit
    while time.time() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it does not come to that")


def tags(kind, **pairs):
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}


def image(architecture="amd64"):
    name = f"/aws/service/canonical/ubuntu/server/24.04/stable/current/{architecture}/hvm/ebs-gp3/ami-id"
    return ssm.get_parameter(Name=name)["Parameter"]["Value"]


def run(**members):
    order = {"ImageId": image(), "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
    return ec2.run_instances(**{**order, **members})["Instances"][0]["InstanceId"]


def look(instance):
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def state(instance, wanted):
    return until(lambda: look(instance)["State"]["Name"] == wanted)


def volume(identifier):
    return ec2.describe_volumes(VolumeIds=[identifier])["Volumes"][0]


def host():
    """An instance with everything, running."""
    ec2.import_key_pair(KeyName="demo", PublicKeyMaterial=KEY, TagSpecifications=[tags("key-pair", plan="demo")])
    group = ec2.create_security_group(GroupName="demo-web", Description="web: made by a test",
                                      TagSpecifications=[tags("security-group", plan="demo")])["GroupId"]
    instance = run(
        KeyName="demo", SecurityGroupIds=[group], UserData="#!/bin/sh\ntrue\n", ClientToken="demo-1",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2}, CreditSpecification={"CpuCredits": "standard"},
        DisableApiTermination=True, EbsOptimized=True, Monitoring={"Enabled": True},
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True}},
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 8, "DeleteOnTermination": False}}],
        TagSpecifications=[tags("instance", Name="web", plan="demo"), tags("volume", plan="demo"),
                           tags("network-interface", plan="demo")])
    state(instance, "running")
    return instance, group


def operations():
    instance, group = host()
    found = look(instance)
    assert found["PublicIpAddress"] and found["PrivateIpAddress"] and found["KeyName"] == "demo", found
    assert found["MetadataOptions"]["HttpTokens"] == "required" and found["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert found["NetworkInterfaces"][0]["Association"]["PublicIp"] == found["PublicIpAddress"]
    assert {tag["Key"] for tag in found["Tags"]} == {"Name", "plan"}
    by_filter = [{"Name": "tag:plan", "Values": ["demo"]}, {"Name": "instance-state-name", "Values": ["running"]}]
    assert len(ec2.describe_instances(Filters=by_filter)["Reservations"]) == 1
    assert ec2.describe_instances(Filters=[{"Name": "tag:plan", "Values": ["other"]}])["Reservations"] == []
    ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["NetworkInterfaces"][0]
    root = next(mapping for mapping in found["BlockDeviceMappings"] if mapping["DeviceName"] == "/dev/sda1")["Ebs"]
    held = volume(root["VolumeId"])
    assert held["Size"] == 20 and held["Encrypted"] and held["State"] == "in-use" and held["Attachments"][0]["DeleteOnTermination"]
    console(instance)
    attributes(instance, group)
    groups(instance, group)
    volumes(instance)
    addresses(instance)
    spot()
    key_pairs()
    catalogue()
    assert "ec2_instances" in lab("GET", "inventory")["us-east-1"]
    refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[instance])
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    ending = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"][0]
    assert ending["PreviousState"]["Name"] == "running" and ending["CurrentState"]["Name"] == "shutting-down"
    state(instance, "terminated")
    gone = look(instance)
    assert gone["StateReason"]["Code"] == "Client.UserInitiatedShutdown" and "PublicIpAddress" not in gone
    refused("InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=[root["VolumeId"]])
    kept = ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])["Volumes"]
    assert len(kept) == 1, kept
    ec2.delete_security_group(GroupId=group)
    until(lambda: not ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": [instance]}])["Reservations"])
    refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=[instance])


def console(instance):
    text = until(lambda: ec2.get_console_output(InstanceId=instance).get("Output"))
    block = text.split("-----BEGIN SSH HOST KEY KEYS-----")[1].split("-----END SSH HOST KEY KEYS-----")[0]
    assert block.strip().startswith("ssh-ed25519 "), text
    lab("POST", "rules", {"action": "empty_console", "times": 1})
    assert not ec2.get_console_output(InstanceId=instance).get("Output")


def attributes(instance, group):
    refused("IncorrectInstanceState", ec2.modify_instance_attribute, InstanceId=instance, InstanceType={"Value": "t3.large"})
    public = look(instance)["PublicIpAddress"]
    stopping = ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"][0]
    assert stopping["CurrentState"]["Name"] == "stopping"
    state(instance, "stopped")
    assert "PublicIpAddress" not in look(instance)
    ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.large"})
    assert ec2.describe_instance_attribute(InstanceId=instance, Attribute="instanceType")["InstanceType"]["Value"] == "t3.large"
    ec2.start_instances(InstanceIds=[instance])
    state(instance, "running")
    assert look(instance)["PublicIpAddress"] != public, "a new public address at each start"
    ec2.reboot_instances(InstanceIds=[instance])
    ec2.modify_instance_attribute(InstanceId=instance, Groups=[group, "sg-00000001"])
    assert len(look(instance)["SecurityGroups"]) == 2
    ec2.modify_instance_attribute(InstanceId=instance, Groups=[group])
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    for attribute in ["disableApiTermination", "userData", "groupSet", "blockDeviceMapping", "rootDeviceName", "ebsOptimized",
                      "instanceInitiatedShutdownBehavior", "sourceDestCheck", "disableApiStop"]:
        ec2.describe_instance_attribute(InstanceId=instance, Attribute=attribute)
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpPutResponseHopLimit=3)
    credits = lambda: ec2.describe_instance_credit_specifications(InstanceIds=[instance])["InstanceCreditSpecifications"]
    assert credits() == [{"InstanceId": instance, "CpuCredits": "standard"}]
    ec2.modify_instance_credit_specification(InstanceCreditSpecifications=[{"InstanceId": instance, "CpuCredits": "unlimited"}])
    assert credits()[0]["CpuCredits"] == "unlimited"
    lab("PUT", "ec2/event", {"instance": instance, "code": "instance-retirement", "in_seconds": 86400})
    status = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"][0]
    assert status["Events"][0]["Code"] == "instance-retirement" and status["InstanceStatus"]["Status"] == "ok", status
    lab("PUT", "ec2/event", {"instance": instance, "code": "instance-retirement"})
    assert ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"] == []


def groups(instance, group):
    web = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
           "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "everybody"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[web], TagSpecifications=[
        tags("security-group-rule", plan="demo")])["SecurityGroupRules"]
    assert {rule.get("CidrIpv4") or rule["CidrIpv6"] for rule in made} == {"0.0.0.0/0", "::/0"}
    message = refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[web])
    assert message == 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 443, to port: 443, ALLOW" already exists', message
    among = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[among])
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert shown["IpPermissions"][0]["IpRanges"][0]["Description"] == "everybody" and len(shown["IpPermissions"]) == 2, shown
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert len(rules) == 4 and sum(rule["IsEgress"] for rule in rules) == 1
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[made[0]["SecurityGroupRuleId"]])
    refused("InvalidSecurityGroupRuleId.NotFound", ec2.revoke_security_group_ingress, GroupId=group,
            SecurityGroupRuleIds=[made[0]["SecurityGroupRuleId"]])
    six = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[six, among])
    refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[six])
    out = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[out])
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[out])
    refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="demo-web", Description="again")
    assert ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["demo-*"]}])["SecurityGroups"]
    ec2.create_tags(Resources=[group, instance], Tags=[{"Key": "owner", "Value": "me"}])
    found = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["owner"]}])["Tags"]
    assert {tag["ResourceType"] for tag in found} == {"security-group", "instance"}, found
    ec2.delete_tags(Resources=[group, instance], Tags=[{"Key": "owner"}])


def volumes(instance):
    order = {"AvailabilityZone": look(instance)["Placement"]["AvailabilityZone"], "Size": 10, "VolumeType": "gp3",
             "Iops": 4000, "Throughput": 250, "Encrypted": True, "ClientToken": "data-1",
             "TagSpecifications": [tags("volume", Name="data", plan="demo")]}
    made = ec2.create_volume(**order)["VolumeId"]
    assert ec2.create_volume(**order)["VolumeId"] == made, "the token makes one volume"
    refused("IdempotentParameterMismatch", ec2.create_volume, **{**order, "Size": 11})
    until(lambda: volume(made)["State"] == "available")
    assert ec2.attach_volume(VolumeId=made, InstanceId=instance, Device="/dev/sdg")["State"] == "attaching"
    refused("VolumeInUse", ec2.attach_volume, VolumeId=made, InstanceId=instance, Device="/dev/sdh")
    until(lambda: volume(made)["Attachments"][0]["State"] == "attached")
    refused("VolumeInUse", ec2.delete_volume, VolumeId=made)
    lab("PUT", "settings", {"optimizing_ms": 500, "volume_modifications": 1})
    change = ec2.modify_volume(VolumeId=made, Size=20, Iops=5000)["VolumeModification"]
    assert change["ModificationState"] == "modifying" and change["OriginalSize"] == 10, change
    refused("IncorrectModificationState", ec2.modify_volume, VolumeId=made, Size=30)
    progress = lambda: ec2.describe_volumes_modifications(VolumeIds=[made])["VolumesModifications"][0]["ModificationState"]
    until(lambda: progress() == "optimizing")
    assert volume(made)["Size"] == 20
    until(lambda: progress() == "completed")
    refused("VolumeModificationRateExceeded", ec2.modify_volume, VolumeId=made, Size=30)
    lab("PUT", "settings", {"volume_modifications": 4})
    refused("InvalidParameterValue", ec2.modify_volume, VolumeId=made, Size=19)
    snapshot = ec2.create_snapshot(VolumeId=made, Description="before", TagSpecifications=[tags("snapshot", plan="demo")])
    assert snapshot["State"] == "pending" and snapshot["VolumeSize"] == 20
    identifier = snapshot["SnapshotId"]
    until(lambda: ec2.describe_snapshots(SnapshotIds=[identifier])["Snapshots"][0]["State"] == "completed")
    assert len(ec2.describe_snapshots(OwnerIds=["self"], Filters=[{"Name": "tag:plan", "Values": ["demo"]}])["Snapshots"]) == 1
    copy = ec2.create_volume(AvailabilityZone="us-east-1a", SnapshotId=identifier, VolumeType="gp3")
    assert copy["Size"] == 20 and copy["Encrypted"], copy
    until(lambda: volume(copy["VolumeId"])["State"] == "available")
    ec2.delete_volume(VolumeId=copy["VolumeId"])
    ec2.delete_snapshot(SnapshotId=identifier)
    assert ec2.detach_volume(VolumeId=made)["State"] == "detaching"
    until(lambda: volume(made)["State"] == "available")
    refused("IncorrectState", ec2.detach_volume, VolumeId=made)
    ec2.delete_volume(VolumeId=made)
    until(lambda: not ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [made]}])["Volumes"])


def addresses(instance):
    made = ec2.allocate_address(Domain="vpc", TagSpecifications=[tags("elastic-ip", Name="web")])
    association = ec2.associate_address(AllocationId=made["AllocationId"], InstanceId=instance)["AssociationId"]
    assert look(instance)["PublicIpAddress"] == made["PublicIp"]
    shown = ec2.describe_addresses(AllocationIds=[made["AllocationId"]])["Addresses"][0]
    assert shown["InstanceId"] == instance and shown["AssociationId"] == association, shown
    other = run()
    state(other, "running")
    refused("Resource.AlreadyAssociated", ec2.associate_address, AllocationId=made["AllocationId"], InstanceId=other,
            AllowReassociation=False)
    moved = ec2.associate_address(AllocationId=made["AllocationId"], InstanceId=other, AllowReassociation=True)["AssociationId"]
    assert look(instance)["PublicIpAddress"] != made["PublicIp"] and look(other)["PublicIpAddress"] == made["PublicIp"]
    refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=made["AllocationId"])
    ec2.disassociate_address(AssociationId=moved)
    ec2.release_address(AllocationId=made["AllocationId"])
    refused("InvalidAllocationID.NotFound", ec2.describe_addresses, AllocationIds=[made["AllocationId"]])
    ec2.terminate_instances(InstanceIds=[other])


def spot():
    wanted = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time", "MaxPrice": "0.01"}}
    instance = run(InstanceMarketOptions=wanted, TagSpecifications=[tags("spot-instances-request", plan="demo")])
    state(instance, "running")
    found = look(instance)
    assert found["InstanceLifecycle"] == "spot"
    request = lambda: ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[found["SpotInstanceRequestId"]])
    assert request()["SpotInstanceRequests"][0]["Status"]["Code"] == "fulfilled"
    lab("POST", "ec2/interrupt", {"instance": instance, "in_seconds": 0.2})
    assert request()["SpotInstanceRequests"][0]["Status"]["Code"] != "fulfilled"
    state(instance, "terminated")
    assert look(instance)["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    assert request()["SpotInstanceRequests"][0]["State"] == "closed"
    ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[found["SpotInstanceRequestId"]])


def key_pairs():
    made = ec2.create_key_pair(KeyName="made", KeyType="ed25519")
    assert made["KeyMaterial"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    shown = ec2.describe_key_pairs(KeyNames=["demo"], IncludePublicKey=True)["KeyPairs"][0]
    assert shown["PublicKey"].startswith("ssh-ed25519 ") and shown["Tags"][0]["Key"] == "plan", shown
    refused("InvalidKeyPair.Duplicate", ec2.import_key_pair, KeyName="demo", PublicKeyMaterial=KEY)
    refused("InvalidKey.Format", ec2.import_key_pair, KeyName="other", PublicKeyMaterial=b"nonsense")
    ec2.delete_key_pair(KeyName="made")
    refused("InvalidKeyPair.NotFound", ec2.describe_key_pairs, KeyNames=["made"])


def catalogue():
    kinds = ec2.describe_instance_types(InstanceTypes=["t3.small", "m7g.large", "m5d.large"])["InstanceTypes"]
    by_name = {kind["InstanceType"]: kind for kind in kinds}
    assert by_name["m7g.large"]["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert by_name["m5d.large"]["InstanceStorageInfo"]["Disks"][0]["SizeInGB"] == 75
    assert by_name["t3.small"]["BurstablePerformanceSupported"] and by_name["t3.small"]["EbsInfo"]["EbsOptimizedInfo"]
    many = ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 50}).build_full_result()
    assert len(many["InstanceTypes"]) > 200
    refused("InvalidInstanceType", ec2.describe_instance_types, InstanceTypes=["t9.huge"])
    ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=[
        {"Name": "instance-type", "Values": ["t3.small"]}])["InstanceTypeOfferings"][2]
    found = ec2.describe_images(ImageIds=[image("arm64")])["Images"][0]
    assert found["Architecture"] == "arm64" and found["RootDeviceName"] == "/dev/sda1", found
    assert ec2.describe_images(Owners=["099720109477"], Filters=[{"Name": "name", "Values": ["ubuntu/images/*noble*"]}])["Images"]
    names = ["/aws/service/debian/release/12/latest/amd64", "/aws/service/debian/release/9/latest/amd64"]
    several = ssm.get_parameters(Names=names)
    assert len(several["Parameters"]) == 1 and several["InvalidParameters"] == names[1:], several


def refusals():
    refused("InvalidAMIID.NotFound", run, ImageId="ami-00000000000000000")
    refused("InvalidAMIID.Malformed", run, ImageId="ubuntu")
    message = refused("InvalidParameterValue", run, InstanceType="t9.huge")
    assert message == "Invalid value 't9.huge' for InstanceType.", message
    refused("InvalidParameterValue", run, ImageId=image("arm64"))
    refused("InvalidSubnetID.NotFound", run, SubnetId="subnet-0123456789abcdef0")
    refused("InvalidGroup.NotFound", run, SecurityGroupIds=["sg-0123456789abcdef0"])
    refused("InvalidKeyPair.NotFound", run, KeyName="none")
    refused("InvalidParameterValue", run, IamInstanceProfile={"Name": "none"})
    refused("InvalidParameterValue", run, UserData="x" * 17000)
    refused("InvalidParameterValue", run, MinCount=2)
    refused("InvalidParameterCombination", run, InstanceType="m5.large", CreditSpecification={"CpuCredits": "standard"})
    refused("InvalidBlockDeviceMapping", run, BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 4}}])
    refused("InvalidParameterValue", run, TagSpecifications=[tags("instance", **{"aws:x": "y"})])
    refused("DryRunOperation", run, DryRun=True)
    assert ec2.describe_instances()["Reservations"] == []
    refused("InvalidInstanceID.NotFound", ec2.terminate_instances, InstanceIds=["i-0123456789abcdef0"])
    refused("InvalidInstanceID.Malformed", ec2.describe_instances, InstanceIds=["web"])
    refused("InvalidParameterValue", ec2.describe_security_groups, Filters=[{"Name": "colour", "Values": ["red"]}])
    refused("InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=["vol-0123456789abcdef0"])
    zone = {"AvailabilityZone": "us-east-1a"}
    refused("InvalidParameterValue", ec2.create_volume, AvailabilityZone="us-east-1z", Size=8)
    refused("UnknownVolumeType", ec2.create_volume, **zone, Size=8, VolumeType="gp9")
    refused("InvalidParameterValue", ec2.create_volume, **zone, Size=8, VolumeType="gp3", Iops=2000)
    refused("InvalidParameterCombination", ec2.create_volume, **zone, Size=8, VolumeType="gp2", Iops=2000)
    refused("MissingParameter", ec2.create_volume, **zone)
    refused("InvalidSnapshot.NotFound", ec2.create_volume, **zone, SnapshotId="snap-0123456789abcdef0")
    refused("InvalidGroup.NotFound", ec2.delete_security_group, GroupId="sg-0123456789abcdef0")
    refused("CannotDelete", ec2.delete_security_group, GroupId="sg-00000001")
    refused("InvalidVpcID.NotFound", ec2.create_security_group, GroupName="x", Description="x", VpcId="vpc-0123456789abcdef0")
    bad = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/99"}]}]
    refused("InvalidParameterValue", ec2.authorize_security_group_ingress, GroupId="sg-00000001", IpPermissions=bad)
    for _ in range(5):
        ec2.allocate_address()
    refused("AddressLimitExceeded", ec2.allocate_address)


def faults():
    lab("POST", "rules", {"service": "ec2", "operation": "DescribeInstances", "action": "throttle", "times": 1})
    refused("RequestLimitExceeded", ec2.describe_instances)
    lab("POST", "rules", {"service": "ec2", "operation": "RunInstances", "action": "error500", "times": 1})
    refused("InternalError", run)
    for action, expected in [("drop_before", 0), ("drop_after", 1)]:
        lab("POST", "rules", {"service": "ec2", "operation": "RunInstances", "action": action, "times": 1})
        try:
            run(ClientToken=action)
            raise AssertionError(f"{action} was answered")
        except ConnectionClosedError:
            pass
        assert len(ec2.describe_instances()["Reservations"]) == expected, action
    first = run(ClientToken="drop_after")
    assert len(ec2.describe_instances()["Reservations"]) == 1, "the token finds what was made"
    state(first, "running")
    time.sleep(0.3)
    second = run()
    lab("POST", "rules", {"service": "ec2", "operation": "DescribeInstances", "action": "stale_read", "times": 1})
    refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=[second])
    state(second, "running")
    why = {"error_code": "Server.InsufficientInstanceCapacity", "error_details": "none left"}
    lab("POST", "rules", {"service": "ec2", "operation": "RunInstances", "action": "fail_operation", "times": 1, **why})
    third = run()
    state(third, "terminated")
    assert look(third)["StateReason"]["Code"] == why["error_code"]
    lab("POST", "rules", {"service": "ec2", "operation": "CreateVolume", "action": "never_ends", "times": 1})
    stuck = ec2.create_volume(AvailabilityZone="us-east-1a", Size=8)["VolumeId"]
    time.sleep(0.2)
    assert volume(stuck)["State"] == "creating"
    lab("POST", "operations/resume", {})
    until(lambda: volume(stuck)["State"] == "available")
    lab("POST", "rules", {"service": "ec2", "action": "refuse", "error_code": "InsufficientInstanceCapacity", "times": 1})
    refused("InsufficientInstanceCapacity", run)
    calls = lab("GET", "calls")["services"]["ec2"]
    assert calls["RunInstances"]["mutating"] and not calls["DescribeInstances"]["mutating"], calls


def hundred():
    made = ec2.run_instances(ImageId=image(), InstanceType="t3.nano", MinCount=100, MaxCount=100)["Instances"]
    assert len(made) == 100
    pages = ec2.get_paginator("describe_instances")
    one = [{"Name": "instance-state-name", "Values": ["running"]}]
    running = lambda: sum(len(it["Instances"]) for it in pages.paginate(Filters=one).build_full_result()["Reservations"])
    until(lambda: running() == 100, 60)
    shown = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert len({instance["PublicIpAddress"] for instance in shown}) == 100
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"] for instance in made])
    until(lambda: running() == 0, 60)


{"operations": operations, "refusals": refusals, "faults": faults, "hundred": hundred}[SCENE]()
