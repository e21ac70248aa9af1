//! The plan's names of images, the parameters under which AWS and its partners publish what they are today, and who logs in.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::Client;
use futures::future::try_join_all;

use super::errors::error;
use crate::cloud::api::CloudError;

/// GetParameters takes no more names.
const A_CALL: usize = 10;
/// As EC2 calls an architecture, and as the distributions do.
const ARCHITECTURES: [(&str, &str); 2] = [("x86_64", "amd64"), ("arm64", "arm64")];
/// Canonical publishes its images for gp3 from here on, the older ones for gp2.
const FIRST_ON_GP3: u32 = 24;

/// By `name/architecture`; an image that nobody publishes has no entry.
pub(super) async fn images(client: &Client, names: &BTreeSet<String>) -> Result<BTreeMap<String, String>, CloudError> {
    let wanted: Vec<_> = names.iter().flat_map(|name| parameters(name)).collect();
    let answers = wanted.chunks(A_CALL).map(|some| ask(client, some));
    Ok(try_join_all(answers).await?.into_iter().flatten().collect())
}

async fn ask(client: &Client, wanted: &[(String, String)]) -> Result<Vec<(String, String)>, CloudError> {
    let names = wanted.iter().map(|(_, parameter)| parameter.clone()).collect();
    let answer = client.get_parameters().set_names(Some(names)).send().await.map_err(|e| error("GetParameters", e))?;
    let found = answer.parameters.unwrap_or_default();
    let value = |parameter: &str| found.iter().find(|p| p.name() == Some(parameter))?.value.clone();
    Ok(wanted.iter().filter_map(|(key, parameter)| Some((key.clone(), value(parameter)?))).collect())
}

/// The key and the parameter of each architecture. None for an AMI's id, which stands for itself, and for unknown names.
fn parameters(name: &str) -> Vec<(String, String)> {
    let of = |(key, arch): (&str, &str)| Some((format!("{name}/{key}"), parameter(name, arch)?));
    ARCHITECTURES.into_iter().filter_map(of).collect()
}

/// https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/ and
/// https://wiki.debian.org/Cloud/AmazonEC2Image
fn parameter(name: &str, arch: &str) -> Option<String> {
    let (distribution, release) = name.split_once('_')?;
    match distribution {
        "ubuntu" => {
            let (year, month) = release.split_once('_')?;
            let disk = if year.parse::<u32>().ok()? >= FIRST_ON_GP3 { "ebs-gp3" } else { "ebs-gp2" };
            Some(format!("/aws/service/canonical/ubuntu/server/{year}.{month}/stable/current/{arch}/hvm/{disk}/ami-id"))
        }
        "debian" => Some(format!("/aws/service/debian/release/{release}/latest/{arch}")),
        _ => None,
    }
}

/// The user whom cloud-init makes on it. An AMI's id does not tell: infra's own preparation is for Ubuntu and Debian, and
/// those that are made from another image mostly come from Ubuntu.
pub(super) fn user(image: &str) -> &'static str {
    match image.split(['_', '-']).next().unwrap_or_default() {
        "ubuntu" | "ami" => "ubuntu",
        "debian" => "admin",
        _ => "ec2-user",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_parameters_of_both_architectures() {
        let found: BTreeMap<_, _> = ["ubuntu_24_04", "ubuntu_22_04", "debian_12", "ami-0abc", "windows_2022"]
            .into_iter()
            .flat_map(parameters)
            .collect();
        let ubuntu = "/aws/service/canonical/ubuntu/server";
        assert_eq!(found.len(), 6);
        assert_eq!(found["ubuntu_24_04/x86_64"], format!("{ubuntu}/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"));
        assert_eq!(found["ubuntu_24_04/arm64"], format!("{ubuntu}/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"));
        assert_eq!(found["ubuntu_22_04/x86_64"], format!("{ubuntu}/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id"));
        assert_eq!(found["debian_12/arm64"], "/aws/service/debian/release/12/latest/arm64");
    }

    #[test]
    fn each_distribution_has_its_user() {
        let users = ["ubuntu_24_04", "debian_13", "amazon_linux_2023", "ami-0abc"].map(user);
        assert_eq!(users, ["ubuntu", "admin", "ec2-user", "ubuntu"]);
    }
}
