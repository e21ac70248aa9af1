//! What proves to others that this server answers: a certificate for its address, by an authority of its own whose key is
//! forgotten at once. Renewing means both anew.

use std::net::IpAddr;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};

/// As PEM.
pub struct Identity {
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

pub fn identity(address: IpAddr) -> Result<Identity, rcgen::Error> {
    let (mut authority, pair) = (CertificateParams::new(Vec::<String>::new())?, KeyPair::generate()?);
    authority.distinguished_name.push(DnType::CommonName, "infra: authority of a database");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = authority.self_signed(&pair)?.pem();
    let mut server = CertificateParams::new(Vec::<String>::new())?;
    // libpq before 15 knows addresses by the name alone.
    server.distinguished_name.push(DnType::CommonName, address.to_string());
    server.subject_alt_names.push(SanType::IpAddress(address));
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::new(authority, pair))?;
    Ok(Identity { authority: root, certificate: certificate.pem(), key: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    /// Whether a client that trusts `authority` takes the server for the one at `address`.
    fn is_taken(server: &Identity, authority: &Identity, address: &str) -> bool {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificate = CertificateDer::from_pem_slice(server.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes()).unwrap();
        let config =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.authority.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let mut client = ClientConnection::new(config, ServerName::try_from(address.to_owned()).unwrap()).unwrap();
        while client.is_handshaking() {
            let (mut there, mut back) = (vec![], vec![]);
            client.write_tls(&mut there).unwrap();
            server.read_tls(&mut there.as_slice()).unwrap();
            if server.process_new_packets().is_err() {
                return false;
            }
            server.write_tls(&mut back).unwrap();
            client.read_tls(&mut back.as_slice()).unwrap();
            if client.process_new_packets().is_err() {
                return false;
            }
        }
        true
    }

    #[test]
    fn it_is_the_server_at_its_address_for_who_trusts_its_authority() {
        for address in ["10.0.0.7", "fd00::7"] {
            let (own, another) =
                (identity(address.parse().unwrap()).unwrap(), identity(address.parse().unwrap()).unwrap());
            assert!(is_taken(&own, &own, address));
            assert!(!is_taken(&own, &own, "10.0.0.8"), "another address");
            assert!(!is_taken(&own, &another, address), "another authority of the same name");
        }
    }
}
