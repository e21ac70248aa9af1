//! Whom the services of a release talk to, as the kernel of their host sees it: nothing is asked of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::deploy::site_script;
use super::error::HostError;
use super::session::Session;
use super::site::Site;

/// Of services that run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connections {
    /// Service → the other ends of its connections, also of those that ended in the last minute. A service in the host's
    /// own network has all of the host's.
    pub peers: BTreeMap<String, BTreeSet<SocketAddr>>,
    /// Where the bundle's own database is, in each network that it has.
    pub beside: BTreeSet<IpAddr>,
}

impl Session {
    pub async fn connections(
        &self,
        site: &Site,
        services: &[String],
        database: &str,
    ) -> Result<Connections, HostError> {
        let script = site_script("looking at the clients' connections", include_str!("scripts/connections.sh"), site)
            .set("DATABASE", database)
            .list("SERVICES", services);
        Ok(read(&self.run(&script).await?))
    }
}

fn read(text: &str) -> Connections {
    let mut found = Connections::default();
    for line in text.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["running", service] => drop(found.peers.entry(service.to_owned()).or_default()),
            ["peer", service, address] => {
                found.peers.entry(service.to_owned()).or_default().extend(socket_address(address));
            }
            ["beside", address] => found.beside.extend(address.parse::<IpAddr>()),
            _ => {}
        }
    }
    found
}

/// `0100007F:1538`: the address in words of the machine's order, the port as one reads it.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        if cfg!(target_endian = "big") {
            return;
        }
        let found = read(concat!(
            "running\tapp\nrunning\tidle\n",
            "peer\tapp\t0100007F:1538\n",
            "peer\tapp\t0000000000000000FFFF0000050011AC:1538\n",
            "peer\tapp\tB80D01200000000067452301EFCDAB89:0050\n",
            "peer\tapp\tnonsense\n",
            "beside\t172.17.0.5\n",
        ));
        let peers: Vec<String> = found.peers["app"].iter().map(ToString::to_string).collect();
        assert_eq!(peers, ["127.0.0.1:5432", "172.17.0.5:5432", "[2001:db8::123:4567:89ab:cdef]:80"]);
        assert!(found.peers["idle"].is_empty() && found.beside.len() == 1);
    }
}
