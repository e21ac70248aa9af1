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
