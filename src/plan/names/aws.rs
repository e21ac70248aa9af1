//! Names that AWS gives: places, sizes, images.

use crate::plan::scalar::{ScalarError, text_scalar};

name!(
    /// An AWS region.
    Region, "an AWS region", max: 30, pattern: r"^[a-z]{2}(-[a-z]+)+-[0-9]$",
    rule: "country, direction and number, joined by `-`", examples: ["us-east-1", "eu-central-1"], is_region
);

name!(
    /// An availability zone: its region and a letter.
    Zone, "an availability zone", max: 31, pattern: r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$",
    rule: "a region and the letter of the zone", examples: ["us-east-1a"], is_zone
);

name!(
    /// A Lightsail bundle id or EC2 instance type.
    SizeName, "a size", max: 60, pattern: r"^[a-z0-9]+([._-][a-z0-9]+)*$",
    rule: "a Lightsail bundle id or an EC2 instance type", examples: ["medium_3_0", "m7g.large"], is_dotted
);

name!(
    /// A Lightsail blueprint id or EC2 image.
    Blueprint, "an image", max: 60, pattern: r"^[a-z0-9]+([._-][a-z0-9]+)*$",
    rule: "a Lightsail blueprint id or an EC2 image id", examples: ["ubuntu_24_04", "debian_12"], is_dotted
);

name!(
    /// An RDS instance class.
    InstanceClass, "a DB instance class", max: 60, pattern: r"^db\.[a-z0-9-]+\.[a-z0-9]+$",
    rule: "`db.`, a family and a size", examples: ["db.m7g.large"], is_class
);

name!(
    /// A VPC or subnet: its id, or the value of its tag `Name`.
    NetworkName, "a VPC or subnet", max: 255, pattern: r"^[^\s*?\\][^*?\\]*$",
    rule: "an id or a name, without `*`, `?` and `\\`, which EC2 takes for wildcards",
    examples: ["vpc-0a1b2c3d", "production"], is_network
);

impl Region {
    /// Its first zone, which every region has.
    pub fn first_zone(&self) -> Zone {
        Zone(format!("{}a", self.0))
    }
}

impl Zone {
    pub fn region(&self) -> Region {
        Region(self.0[..self.0.len() - 1].to_owned())
    }
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [country, middle @ .., number] = parts.as_slice() else { return false };
    let lower = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    country.len() == 2
        && lower(country)
        && !middle.is_empty()
        && middle.iter().all(|part| lower(part))
        && number.len() == 1
        && number.starts_with(|c: char| c.is_ascii_digit())
}

fn is_zone(text: &str) -> bool {
    text.strip_suffix(|c: char| c.is_ascii_lowercase()).is_some_and(is_region)
}

fn is_dotted(text: &str) -> bool {
    text.split(['.', '_', '-'])
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

fn is_network(text: &str) -> bool {
    !text.is_empty() && !text.contains(['*', '?', '\\']) && !text.starts_with(char::is_whitespace)
}

fn is_class(text: &str) -> bool {
    let part = |part: &str, other: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || other.contains(c))
    };
    let parts = text.strip_prefix("db.").and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(family, size)| part(family, "-") && part(size, ""))
}
