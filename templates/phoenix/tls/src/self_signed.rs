//! Makes a self-signed certificate, and remembers which files it made.
//!
//! Beside the certificate lies `self-signed.json`: the SHA-256 of every file made here with the names it is for. Files
//! with other hashes came from elsewhere and stay as they are. The record is written before the files, so whatever a
//! crash leaves behind is still known as ours and is made again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Certificate, TlsError};

/// SHA-256 in hex of a file that was made here → the names in it.
#[derive(Default, Serialize, Deserialize)]
struct Record(BTreeMap<String, Vec<String>>);

/// Makes the files unless they came from elsewhere or are already right.
pub(crate) fn ensure(certificate: &Certificate) -> Result<(), TlsError> {
    let folder = certificate.cert.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(TlsError::file(folder))?;
    let _turn = lock(&folder.join(".lock"))?;
    let record_path = folder.join("self-signed.json");
    let mut record = read_record(&record_path)?;
    let found = (hash(&certificate.cert)?, hash(&certificate.key)?);
    if !must_make(certificate, &record, &found)? {
        return Ok(());
    }
    record.0.retain(|known, _| Some(known) == found.0.as_ref() || Some(known) == found.1.as_ref());
    make(certificate, record, &record_path)
}

/// Decides, for the hashes of certificate and key as found.
fn must_make(
    certificate: &Certificate,
    record: &Record,
    found: &(Option<String>, Option<String>),
) -> Result<bool, TlsError> {
    let ours = |hash: &Option<String>| hash.as_ref().is_none_or(|hash| record.0.contains_key(hash));
    let current = |hash: &Option<String>| hash.as_ref().and_then(|hash| record.0.get(hash)) == Some(&certificate.names);
    match found {
        (None, None) => Ok(true),
        _ if ours(&found.0) && ours(&found.1) => {
            Ok(!current(&found.0) || !current(&found.1) || certificate.load().is_err())
        }
        (Some(_), None) => Err(half(&certificate.cert, &certificate.key)),
        (None, Some(_)) => Err(half(&certificate.key, &certificate.cert)),
        (Some(_), Some(_)) => Ok(false),
    }
}

fn half(present: &Path, missing: &Path) -> TlsError {
    TlsError::Half { present: present.to_owned(), missing: missing.to_owned() }
}

fn make(certificate: &Certificate, mut record: Record, record_path: &Path) -> Result<(), TlsError> {
    let (cert, key) = generate(&certificate.names)?;
    for content in [&cert, &key] {
        record.0.insert(sha256(content.as_bytes()), certificate.names.clone());
    }
    let text = serde_json::to_string_pretty(&record).expect("strings serialize");
    write(record_path, text.as_bytes(), 0o644)?;
    write(&certificate.key, key.as_bytes(), 0o600)?;
    write(&certificate.cert, cert.as_bytes(), 0o644)?;
    tracing::info!(names = certificate.names.join(","), cert = %certificate.cert.display(), "self-signed certificate made");
    Ok(())
}

/// A new key (ECDSA P-256) and its certificate, both as PEM.
///
/// It does not expire within the life of a deployment: those who pin it would only be cut off.
fn generate(names: &[String]) -> Result<(String, String), TlsError> {
    let failed = |error: rcgen::Error| TlsError::Make { names: names.join(","), reason: error.to_string() };
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "phoenix self-signed");
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    let key = KeyPair::generate().map_err(failed)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok((cert.pem(), key.serialize_pem()))
}

/// Waits for the file's lock; the returned file holds it.
fn lock(path: &Path) -> Result<File, TlsError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(TlsError::file(path))?;
    file.lock().map_err(TlsError::file(path))?;
    Ok(file)
}

fn read_record(path: &Path) -> Result<Record, TlsError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|error| TlsError::Pem { path: path.to_owned(), reason: error.to_string() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Record::default()),
        Err(error) => Err(TlsError::file(path)(error)),
    }
}

fn hash(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(sha256(&content))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TlsError::file(path)(error)),
    }
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces the file in one step; it is on disk with its final mode before it has its name.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), TlsError> {
    let temporary = PathBuf::from(format!("{}.new", path.display()));
    let failed = || TlsError::file(path);
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(&temporary)
        .map_err(TlsError::file(&temporary))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed())?;
    fs::rename(&temporary, path).map_err(failed())?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(TlsError::file(folder))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn in_folder(folder: &Path, names: &[&str]) -> Certificate {
        Certificate {
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn is_made_once_and_again_for_other_names() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = in_folder(folder.path(), &["localhost", "192.0.2.1"]).ensure().unwrap();
        let first = hash(&certificate.cert).unwrap();
        certificate.load().unwrap();
        assert_eq!(fs::metadata(&certificate.key).unwrap().permissions().mode() & 0o777, 0o600);
        let again = certificate.ensure().unwrap();
        assert_eq!(hash(&again.cert).unwrap(), first);
        let other = in_folder(folder.path(), &["vault.example"]).ensure().unwrap();
        assert_ne!(hash(&other.cert).unwrap(), first);
        other.load().unwrap();
    }

    #[test]
    fn a_certificate_from_elsewhere_stays() {
        let (mine, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = in_folder(mine.path(), &["theirs.example"]).ensure().unwrap();
        let certificate = in_folder(folder.path(), &["localhost"]);
        fs::copy(&made.cert, &certificate.cert).unwrap();
        assert!(matches!(self_signed_error(&certificate), TlsError::Half { .. }));
        fs::copy(&made.key, &certificate.key).unwrap();
        let before = hash(&certificate.cert).unwrap();
        let certificate = certificate.ensure().unwrap();
        assert_eq!(hash(&certificate.cert).unwrap(), before);
    }

    fn self_signed_error(certificate: &Certificate) -> TlsError {
        ensure(certificate).unwrap_err()
    }

    #[test]
    fn what_a_crash_left_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = in_folder(folder.path(), &["localhost"]).ensure().unwrap();
        // The key was replaced, the certificate not yet.
        let old = fs::read(&certificate.cert).unwrap();
        let renamed = in_folder(folder.path(), &["vault.example"]).ensure().unwrap();
        fs::write(&renamed.cert, old).unwrap();
        let mut record = read_record(&folder.path().join("self-signed.json")).unwrap();
        record.0.insert(hash(&renamed.cert).unwrap().unwrap(), vec!["localhost".into()]);
        write(&folder.path().join("self-signed.json"), &serde_json::to_vec(&record).unwrap(), 0o644).unwrap();
        assert!(renamed.load().is_err());
        renamed.ensure().unwrap().load().unwrap();
        // The key is there, the certificate never came.
        fs::remove_file(&certificate.cert).unwrap();
        certificate.ensure().unwrap().load().unwrap();
    }

    #[test]
    fn services_that_share_the_files_agree() {
        let folder = tempfile::tempdir().unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let certificate = in_folder(folder.path(), &["localhost"]);
                std::thread::spawn(move || hash(&certificate.ensure().unwrap().cert).unwrap())
            })
            .collect();
        let mut hashes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        hashes.dedup();
        assert_eq!(hashes.len(), 1);
    }

    #[test]
    fn a_bad_name_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(self_signed_error(&in_folder(folder.path(), &["bücher.example"])), TlsError::Make { .. }));
    }
}
