//! Machine images: what the parameters of Canonical, Debian and Amazon name, and nothing else.

use std::sync::LazyLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::{matches, one, page};
use super::input::Tags;
use super::time;

/// An image. Its id is the same in every region of every lab.
#[derive(Debug, Clone)]
pub struct Image {
    pub id: String,
    name: String,
    /// The lab's name for what it boots.
    pub blueprint: &'static str,
    /// The user it logs in as.
    pub user: &'static str,
    pub architecture: &'static str,
    pub root_device: &'static str,
    pub root_gb: u32,
    owner: &'static str,
    parameter: String,
}

const CANONICAL: &str = "099720109477";
const DEBIAN: &str = "136693071363";
const AMAZON: &str = "137112412989";

static IMAGES: LazyLock<Vec<Image>> = LazyLock::new(|| {
    let architectures = [("amd64", "x86_64"), ("arm64", "arm64")];
    architectures.iter().flat_map(|(short, long)| of_architecture(short, long)).collect()
});

fn of_architecture(short: &'static str, long: &'static str) -> Vec<Image> {
    let ubuntu = |version: &str, code: &str, blueprint, volume: &str| {
        image(
            format!("ubuntu/images/hvm-{volume}/ubuntu-{code}-{version}-{short}-server-20261101"),
            format!("/aws/service/canonical/ubuntu/server/{version}/stable/current/{short}/hvm/{volume}/ami-id"),
            (blueprint, "ubuntu", long, "/dev/sda1", CANONICAL),
        )
    };
    let debian = |version: &str, blueprint| {
        image(
            format!("debian-{version}-{short}-20261101-0001"),
            format!("/aws/service/debian/release/{version}/latest/{short}"),
            (blueprint, "admin", long, "/dev/xvda", DEBIAN),
        )
    };
    let amazon = image(
        format!("al2023-ami-2023.9.20261101.0-kernel-6.1-{long}"),
        format!("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{long}"),
        ("amazon_linux_2023", "ec2-user", long, "/dev/xvda", AMAZON),
    );
    vec![
        ubuntu("24.04", "noble", "ubuntu_24_04", "ebs-gp3"),
        ubuntu("22.04", "jammy", "ubuntu_22_04", "ebs-gp2"),
        debian("12", "debian_12"),
        debian("13", "debian_13"),
        amazon,
    ]
}

/// Blueprint, user, architecture, root device, owner.
type Kind = (&'static str, &'static str, &'static str, &'static str, &'static str);

fn image(name: String, parameter: String, kind: Kind) -> Image {
    let (blueprint, user, architecture, root_device, owner) = kind;
    let id = format!("ami-0{}", &hex::encode(Sha256::digest(&name))[..16]);
    Image { id, name, blueprint, user, architecture, root_device, root_gb: 8, owner, parameter }
}

pub fn find(id: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.id == id)
}

pub fn choose(id: &str) -> Result<&'static Image, ApiError> {
    find(id).ok_or_else(|| match id.starts_with("ami-") {
        true => ApiError::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")),
        false => ApiError::new("InvalidAMIID.Malformed", format!("Invalid id: \"{id}\" (expecting \"ami-...\")")),
    })
}

impl Image {
    fn view(&self) -> Value {
        json!({
            "ImageId": self.id, "Name": self.name, "Architecture": self.architecture, "State": "available", "Public": true,
            "OwnerId": self.owner, "ImageOwnerAlias": "amazon", "RootDeviceType": "ebs", "VirtualizationType": "hvm",
            "RootDeviceName": self.root_device, "Hypervisor": "xen", "EnaSupport": true, "ImageType": "machine",
            "PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances", "CreationDate": time(CREATED),
            "ImageLocation": format!("{}/{}", self.owner, self.name), "Description": self.name, "BootMode": "uefi-preferred",
            "BlockDeviceMappings": [{ "DeviceName": self.root_device, "Ebs": {
                "DeleteOnTermination": true, "VolumeSize": self.root_gb, "VolumeType": "gp3", "Encrypted": false,
            }}],
        })
    }

    fn filter(&self, name: &str) -> Option<Vec<String>> {
        match name {
            "image-id" => one(&self.id),
            "name" => one(&self.name),
            "architecture" => one(self.architecture),
            "owner-id" => one(self.owner),
            "owner-alias" => one("amazon"),
            "state" => one("available"),
            "is-public" => one(true),
            "root-device-type" => one("ebs"),
            "root-device-name" => one(self.root_device),
            "virtualization-type" => one("hvm"),
            "image-type" => one("machine"),
            "description" => one(&self.name),
            _ => None,
        }
    }
}

/// 2026-11-01.
const CREATED: f64 = 1_793_491_200.0;

pub fn describe(call: &Call<'_>) -> Answer {
    let (named, owners) = (call.input.texts("ImageIds"), call.input.texts("Owners"));
    for id in &named {
        choose(id)?;
    }
    let of_owner =
        |image: &Image| owners.is_empty() || owners.iter().any(|owner| owner == image.owner || owner == "amazon");
    let mut shown = Vec::new();
    for image in IMAGES.iter().filter(|image| (named.is_empty() || named.contains(&image.id)) && of_owner(image)) {
        if matches(call.input, &Tags::new(), |name| image.filter(name))? {
            shown.push(image.view());
        }
    }
    page(call, "Images", shown)
}

/// The answer of Systems Manager, if the request asks for public parameters of images and for nothing else.
pub fn parameters(region: &str, operation: &str, body: &Value) -> Option<Value> {
    let named = |name: &str| IMAGES.iter().find(|image| image.parameter == name).map(|image| image.parameter(region));
    match operation {
        "GetParameter" => named(body["Name"].as_str()?).map(|found| json!({ "Parameter": found })),
        "GetParameters" => {
            let names: Vec<&str> = body["Names"].as_array()?.iter().filter_map(Value::as_str).collect();
            if names.is_empty() || !names.iter().all(|name| name.starts_with("/aws/service/")) {
                return None;
            }
            let found: Vec<Value> = names.iter().filter_map(|name| named(name)).collect();
            let missing: Vec<&str> = names.into_iter().filter(|name| named(name).is_none()).collect();
            Some(json!({ "Parameters": found, "InvalidParameters": missing }))
        }
        "GetParametersByPath" => {
            let path = format!("{}/", body["Path"].as_str()?.trim_end_matches('/'));
            let beneath = IMAGES.iter().filter(|image| image.parameter.starts_with(&path));
            let found: Vec<Value> = beneath.map(|image| image.parameter(region)).collect();
            (!found.is_empty()).then(|| json!({ "Parameters": found }))
        }
        _ => None,
    }
}

impl Image {
    fn parameter(&self, region: &str) -> Value {
        json!({
            "Name": self.parameter, "Type": "String", "Value": self.id, "Version": 1, "LastModifiedDate": CREATED,
            "ARN": format!("arn:aws:ssm:{region}::parameter{}", self.parameter), "DataType": "aws:ec2:image",
        })
    }
}
