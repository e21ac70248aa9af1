//! Rules of a firewall as a provider tells them: every one that lets something in, whatever its protocol.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::plan::{PortRange, Protocol};

/// One rule of a host's firewall.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenPort {
    pub range: RuleRange,
    pub protocol: RuleProtocol,
    pub from: BTreeSet<IpNet>,
    /// Provider-side names of address groups, such as `lightsail-connect`.
    #[serde(default)]
    pub aliases: BTreeSet<String>,
}

/// As the provider counts: ports of TCP and UDP; type and code of ICMP, -1 for any; no meaning where all protocols are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleRange {
    pub from: i32,
    pub to: i32,
}

/// What a plan may ask for is the first two; the others are seen and closed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleProtocol {
    Tcp,
    Udp,
    All,
    Icmp,
    Icmpv6,
    /// One that this infra does not know, as the provider calls it.
    Other(String),
}

impl OpenPort {
    /// Lets SSH in.
    pub fn admits_ssh(&self) -> bool {
        match self.protocol {
            RuleProtocol::All => true,
            RuleProtocol::Tcp => self.range.contains(22),
            _ => false,
        }
    }

    /// Without its sources: `443/tcp`, `all protocols`, `icmp type 8`.
    pub fn what(&self) -> String {
        let RuleRange { from, to } = self.range;
        match &self.protocol {
            RuleProtocol::All => "all protocols".to_owned(),
            protocol @ (RuleProtocol::Icmp | RuleProtocol::Icmpv6) if from < 0 => protocol.to_string(),
            protocol @ (RuleProtocol::Icmp | RuleProtocol::Icmpv6) if to < 0 => format!("{protocol} type {from}"),
            protocol @ (RuleProtocol::Icmp | RuleProtocol::Icmpv6) => format!("{protocol} type {from} code {to}"),
            protocol => format!("{}/{protocol}", self.range),
        }
    }
}

impl RuleRange {
    pub fn contains(self, port: u16) -> bool {
        (self.from..=self.to).contains(&i32::from(port))
    }
}

impl From<PortRange> for RuleRange {
    fn from(range: PortRange) -> Self {
        Self { from: range.from.get().into(), to: range.to.get().into() }
    }
}

impl fmt::Display for RuleRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{}-{}", self.from, self.to) }
    }
}

impl From<Protocol> for RuleProtocol {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => Self::Tcp,
            Protocol::Udp => Self::Udp,
        }
    }
}

impl fmt::Display for RuleProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::All => "all",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Other(name) => name,
        })
    }
}
