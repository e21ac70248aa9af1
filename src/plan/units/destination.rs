//! Where backups go.

use std::fmt;

use crate::plan::scalar::{ScalarError, text_scalar};
use crate::plan::units::MountPath;

/// A bucket with an optional prefix, or a directory on the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    S3 { bucket: String, prefix: String },
    Directory(MountPath),
}

impl Destination {
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let refused = |rule: &str| ScalarError::new(text, "a place for backups", rule);
        if text.starts_with('/') {
            return MountPath::parse(text).map(Self::Directory);
        }
        let Some(rest) = text.strip_prefix("s3://") else {
            return Err(refused("`s3://bucket/prefix`, or an absolute directory on the host")
                .remedy("write `s3://bucket` or `/srv/backups`"));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(refused(
                "a bucket has 3–63 lower-case letters, digits, `-` and `.`, none of these two at its ends",
            ));
        }
        if text.len() > 1000 || !prefix.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)) {
            return Err(refused("a prefix has letters, digits, `/`, `.`, `_` and `-` only"));
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// The naming rule of S3 for general-purpose buckets.
fn is_bucket(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.starts_with(inner)
        && name.ends_with(inner)
        && name.chars().all(|c| inner(c) || "-.".contains(c))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Directory(path) => path.fmt(f),
        }
    }
}

text_scalar!(
    Destination, pattern: r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9/._-]*)?|(/[A-Za-z0-9._-]+)+)$",
    max: 1000, "`s3://bucket/prefix`, or an absolute directory on the host",
    examples: ["s3://acme-backups", "/srv/backups"]
);
