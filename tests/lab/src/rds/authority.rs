//! The authority that signs the certificates of database servers, as Amazon's does for RDS. It lives as long as the
//! lab's state; `ca.pem` is what clients verify against.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};

pub struct Authority {
    certificate: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and its key, as PEM.
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// Reads the authority from `folder`, or makes it.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        if !certificate.exists() {
            make(&certificate, &key).context("cannot make the authority of RDS")?;
        }
        let issuer = Issuer::new(parameters()?, KeyPair::from_pem(&fs::read_to_string(&key)?)?);
        Ok(Self { certificate, issuer })
    }

    /// The file that clients trust.
    pub fn certificate(folder: &Path) -> PathBuf {
        folder.join("ca.pem")
    }

    /// A certificate for a server with this name and address.
    pub fn sign(&self, name: &str, address: Ipv4Addr) -> anyhow::Result<Signed> {
        let mut parameters = CertificateParams::new(vec![name.to_owned()])?;
        parameters.subject_alt_names.push(SanType::IpAddress(address.into()));
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn parameters() -> anyhow::Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::<String>::new())?;
    parameters.distinguished_name.push(DnType::CommonName, "Root CA of the lab's RDS");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(parameters)
}

/// The key first: a certificate without its key would be taken for complete.
fn make(certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let pair = KeyPair::generate()?;
    let signed = parameters()?.self_signed(&pair)?;
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(key)?;
    std::io::Write::write_all(&mut file, pair.serialize_pem().as_bytes())?;
    fs::write(certificate, signed.pem())?;
    Ok(())
}
