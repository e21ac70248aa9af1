//! Blocks of addresses that a firewall rule lets in.

use std::fmt;

use ipnet::IpNet;

use crate::plan::scalar::{ScalarError, text_scalar};

/// Who may connect: a block of addresses without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(IpNet);

impl Source {
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let refused = |rule: &str| ScalarError::new(text, "a CIDR block", rule);
        if let Ok(address) = text.parse::<core::net::IpAddr>() {
            let written = IpNet::from(address);
            return Err(refused("an address needs its prefix length").remedy(format!("write `\"{written}\"`")));
        }
        let net: IpNet = text.parse().map_err(|_| {
            refused("an IPv4 or IPv6 address, `/` and the prefix length")
                .remedy("write it like `\"203.0.113.0/24\"`; everyone is `\"0.0.0.0/0\"` and `\"::/0\"`")
        })?;
        if net != net.trunc() {
            return Err(refused("bits are set behind the prefix").remedy(format!(
                "write `\"{}\"` for the network, or `\"{}/{}\"` for the one address",
                net.trunc(),
                net.addr(),
                net.max_prefix_len()
            )));
        }
        Ok(Self(net))
    }

    pub fn net(&self) -> IpNet {
        self.0
    }

    /// All of IPv4 or all of IPv6.
    pub fn is_everyone(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_scalar!(
    Source, pattern: r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$", max: 49,
    "CIDR block, IPv4 or IPv6", examples: ["203.0.113.0/24", "0.0.0.0/0", "::/0"]
);
