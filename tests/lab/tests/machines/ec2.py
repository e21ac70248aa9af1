"""A host of EC2 from its boot to its end, as its owner sees it: `ec2.py URL FOLDER`. Called by ec2.rs."""

import json
import pathlib
import subprocess
import sys
import time

import botocore.session

URL, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
OPERATOR = "203.0.113.129/32"


def client(service):
    return botocore.session.get_session().create_client(
        service, region_name="us-east-1", endpoint_url=URL, aws_access_key_id="lab", aws_secret_access_key="lab")


ec2, iam, ssm = client("ec2"), client("iam"), client("ssm")


def until(what, limit=60):
    end = time.time() + limit
    while time.time() < end:
        found = what()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError("it does not come to that")


def look():
    return ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]


def ssh(command, address=None, check=True):
    found = subprocess.run(
        ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=4",
         "-o", "LogLevel=ERROR", "-o", f"UserKnownHostsFile={FOLDER}/known_hosts", "-i", str(FOLDER / "id"),
         f"ubuntu@{address or look()['PublicIpAddress']}", command], capture_output=True, text=True, timeout=120)
    assert not check or found.returncode == 0, f"{command}: {found.stdout}{found.stderr}"
    return found.stdout.strip() if check else found


def pin(*addresses):
    """Host keys from the console, as infra pins them."""
    text = until(lambda: ec2.get_console_output(InstanceId=INSTANCE).get("Output"))
    block = text.split("-----BEGIN SSH HOST KEY KEYS-----")[1].split("-----END SSH HOST KEY KEYS-----")[0]
    keys = [" ".join(line.split()[:2]) for line in block.strip().splitlines()]
    with open(FOLDER / "known_hosts", "a") as known:
        known.writelines(f"{address} {key}\n" for address in addresses for key in keys)


def metadata(path, options="", inside=""):
    token = "curl -sS -m 4 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"
    get = f"curl -sS -m 4 -f -H \"X-aws-ec2-metadata-token: $({token})\" http://169.254.169.254/latest/{path} {options}"
    return ssh(get)


def volume(identifier):
    return ec2.describe_volumes(VolumeIds=[identifier])["Volumes"][0]


# --- a role, a key, a group, a host
iam.create_role(RoleName="vault", AssumeRolePolicyDocument="{}")
iam.create_instance_profile(InstanceProfileName="vault")
iam.add_role_to_instance_profile(InstanceProfileName="vault", RoleName="vault")
ec2.import_key_pair(KeyName="demo", PublicKeyMaterial=(FOLDER / "id.pub").read_bytes())
group = ec2.create_security_group(GroupName="vault", Description="vault")["GroupId"]


def rule(port, source):
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": source}]}]


ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule(22, OPERATOR))
user_data = """#cloud-config
write_files:
  - { path: /etc/told, content: "by cloud-init" }
runcmd:
  - [ sh, -c, "curl -s -m 4 -o /root/metadata-at-boot http://169.254.169.254/latest/meta-data/instance-id" ]
"""
image = ssm.get_parameter(
    Name="/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id")["Parameter"]["Value"]
INSTANCE = ec2.run_instances(
    ImageId=image, InstanceType="m5d.large", MinCount=1, MaxCount=1, KeyName="demo", SecurityGroupIds=[group],
    UserData=user_data, IamInstanceProfile={"Name": "vault"},
    BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 2, "VolumeType": "gp3"}}],
)["Instances"][0]["InstanceId"]
until(lambda: look()["State"]["Name"] == "running", 120)
pin(look()["PublicIpAddress"])

# --- what it is
assert ssh("whoami; cloud-init status --wait >/dev/null; cat /etc/told").split("\n") == ["ubuntu", "by cloud-init"]
assert ssh("sudo cat /root/metadata-at-boot") == INSTANCE
assert ssh("awk '/^MemTotal/ { print $2 }' /proc/meminfo") == str(8192 * 1024)
born = next(it for it in look()["BlockDeviceMappings"] if it["DeviceName"] == "/dev/sdf")["Ebs"]["VolumeId"]
serials = ssh("lsblk --nodeps --noheadings --output SERIAL").split()
assert born.replace("-", "") in serials and any(serial.startswith("AWS") for serial in serials), serials
by_id = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_" + born.replace("-", "")
assert ssh(f"sudo blockdev --getsize64 $(readlink -f {by_id})") == str(2 << 30)

# --- what it is told
ec2.modify_instance_metadata_options(InstanceId=INSTANCE, HttpTokens="required", HttpPutResponseHopLimit=1)
code = "curl -s -m 4 -o /dev/null -w '%{http_code}' http://169.254.169.254/latest/meta-data/"
assert ssh(code) == "401", ssh(code)
assert metadata("meta-data/instance-id") == INSTANCE
assert metadata("meta-data/local-ipv4") == look()["PrivateIpAddress"]
assert metadata("meta-data/public-ipv4") == look()["PublicIpAddress"]
assert metadata("meta-data/instance-type") == "m5d.large"
assert metadata("meta-data/placement/availability-zone") == look()["Placement"]["AvailabilityZone"]
assert json.loads(metadata("dynamic/instance-identity/document"))["instanceId"] == INSTANCE
assert metadata("meta-data/iam/security-credentials/") == "vault"
credentials = json.loads(metadata("meta-data/iam/security-credentials/vault"))
assert credentials["Code"] == "Success" and credentials["Token"], credentials
mine = botocore.session.get_session().create_client(
    "s3", region_name="us-east-1", endpoint_url=URL, aws_access_key_id=credentials["AccessKeyId"],
    aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials["Token"])
mine.list_buckets()
assert "404" in ssh("curl -s -o /dev/null -w '%{http_code}' -H \"X-aws-ec2-metadata-token: $(curl -s -X PUT -H "
                    "'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)\" "
                    "http://169.254.169.254/latest/meta-data/spot/instance-action")

# --- its containers, within the hop limit and without
ssh("sudo docker pull -q debian:trixie-slim")
ask = ("sudo docker run --rm debian:trixie-slim perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new(PeerAddr => "
       "\"169.254.169.254:80\", Timeout => 4) or die; print $s \"PUT /latest/api/token HTTP/1.0\\r\\n"
       "X-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n\"; alarm 4; print <$s>'")
assert "200 OK" not in ssh(ask, check=False).stdout, "one hop is the host alone"
ec2.modify_instance_metadata_options(InstanceId=INSTANCE, HttpPutResponseHopLimit=2)
assert "200 OK" in ssh(ask), "two hops reach its containers"

# --- a volume: attached, grown, held by a mount, snapshotted, detached
data = ec2.create_volume(AvailabilityZone=look()["Placement"]["AvailabilityZone"], Size=1, VolumeType="gp3")["VolumeId"]
until(lambda: volume(data)["State"] == "available")
ec2.attach_volume(VolumeId=data, InstanceId=INSTANCE, Device="/dev/sdg")
until(lambda: volume(data)["Attachments"][0]["State"] == "attached")
device = ssh(f"readlink -f /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{data.replace('-', '')}")
ssh(f"sudo mkfs.ext4 -q {device} && sudo mkdir -p /data && sudo mount {device} /data && echo precious | sudo tee /data/file")
ec2.modify_volume(VolumeId=data, Size=2)
until(lambda: ssh(f"sudo blockdev --getsize64 {device}") == str(2 << 30))
snapshot = ec2.create_snapshot(VolumeId=data)["SnapshotId"]
until(lambda: ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed")
ec2.detach_volume(VolumeId=data)
until(lambda: volume(data)["Attachments"][0]["State"] == "busy")
assert ssh("cat /data/file") == "precious"
ssh("sudo umount /data")
until(lambda: volume(data)["State"] == "available")
assert ssh(f"ls {device} 2>/dev/null || echo gone") == "gone"
copy = ec2.create_volume(AvailabilityZone="us-east-1a", SnapshotId=snapshot, VolumeType="gp3")["VolumeId"]
until(lambda: volume(copy)["State"] == "available")
ec2.attach_volume(VolumeId=copy, InstanceId=INSTANCE, Device="/dev/sdh")
until(lambda: volume(copy)["Attachments"][0]["State"] == "attached")
link = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{copy.replace('-', '')}"
assert ssh(f"sudo mount {link} /data && cat /data/file; sudo umount /data") == "precious"

# --- addresses and groups
elastic = ec2.allocate_address()
before = look()["PublicIpAddress"]
ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=INSTANCE)
pin(elastic["PublicIp"])
until(lambda: ssh("true", elastic["PublicIp"], check=False).returncode == 0)
assert ssh("true", before, check=False).returncode != 0, "the address that it got is no longer its own"
ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rule(22, OPERATOR))
until(lambda: ssh("true", check=False).returncode != 0)
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule(22, "203.0.113.0/24"))
until(lambda: ssh("true", check=False).returncode == 0)

# --- stopped, of another size, started
store = ssh("readlink -f /dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS* | head -1")
ssh(f"sudo mkfs.ext4 -q {store}")
ec2.stop_instances(InstanceIds=[INSTANCE])
until(lambda: look()["State"]["Name"] == "stopped", 120)
ec2.modify_instance_attribute(InstanceId=INSTANCE, InstanceType={"Value": "m5d.xlarge"})
ec2.start_instances(InstanceIds=[INSTANCE])
until(lambda: look()["State"]["Name"] == "running", 120)
assert look()["PublicIpAddress"] == elastic["PublicIp"]
assert ssh("awk '/^MemTotal/ { print $2 }' /proc/meminfo") == str(16384 * 1024)
store = ssh("readlink -f /dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS* | head -1")
assert ssh(f"sudo blkid -p {store} || echo blank") == "blank", "what an instance stores itself is lost"
assert metadata("meta-data/instance-type") == "m5d.xlarge"

# --- gone
ec2.terminate_instances(InstanceIds=[INSTANCE])
until(lambda: look()["State"]["Name"] == "terminated", 120)
assert {it["VolumeId"] for it in ec2.describe_volumes()["Volumes"]} == {data, copy}
