//! Whom the client trusts, and as whom it presents itself.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::digest::{SHA256, digest};
use rustls::{
    CertificateError, ClientConfig, Error as TlsError, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

pub use crate::trust::Error;
use crate::trust::{Judge, Judged, Presented, certificates, roots, unusable};

/// The SHA-256 of a certificate, as `openssl x509 -noout -fingerprint -sha256` prints it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Reads 64 hexadecimal digits, with or without colons between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u32> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16))
            .collect::<Option<Vec<_>>>()?;
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair
                .iter()
                .fold(0, |byte: u8, digit| byte << 4 | u8::try_from(*digit).unwrap_or_default());
        }
        Some(Self(bytes))
    }

    fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Files and fingerprints. By default the machine's own roots are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// PEM file with the only authorities that are trusted.
    pub ca_file: Option<PathBuf>,
    /// PEM files with the client's certificate and its key.
    pub client: Option<ClientFiles>,
    /// The only certificates that are trusted, whoever signed them, whatever their names, and even where
    /// they have expired.
    pub pins: Vec<Fingerprint>,
}

/// The client's certificate, with those between it and its authority, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The certificates.
    pub cert_file: PathBuf,
    /// The key.
    pub key_file: PathBuf,
}

/// Makes the client's side of TLS.
pub(super) fn config(settings: &Settings) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = if !settings.pins.is_empty() {
        let pinned = Judged { judge: Pinned(settings.pins.clone()), provider };
        builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
    } else if let Some(file) = &settings.ca_file {
        builder.with_root_certificates(roots(file)?)
    } else {
        let system = Verifier::new(provider)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(system))
    };
    let mut config = match &settings.client {
        Some(client) => builder
            .with_client_auth_cert(certificates(&client.cert_file)?, key(&client.key_file)?)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Makes a set-up that trusts nobody, for a listener without TLS.
pub(super) fn unused() -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unusable(file, &error))
}

/// Says what to do about a handshake that failed, where that is known.
pub(super) fn hint(error: &TlsError) -> Option<&'static str> {
    match error {
        TlsError::InvalidCertificate(wrong) => Some(match wrong {
            CertificateError::UnknownIssuer => {
                "name its authority in ca_file, or the certificate itself in pin_sha256"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "renew the listener's certificate, or set this machine's clock"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "take a name that the certificate is for into the url"
            }
            CertificateError::ApplicationVerificationFailure => {
                "it is not the one in pin_sha256: if it was renewed, name the new one"
            }
            _ => {
                "name the certificate itself in pin_sha256, or have it made anew: for a server, not as \
                 an authority's"
            }
        }),
        TlsError::AlertReceived(_) => {
            Some("the listener refuses the handshake: see client_cert_file and client_key_file")
        }
        TlsError::InvalidMessage(_) => Some("no TLS is spoken there: is http:// meant?"),
        _ => None,
    }
}

/// Trusts the certificates that were named, and no other.
#[derive(Debug)]
struct Pinned(Vec<Fingerprint>);

impl Judge for Pinned {
    fn judge(&self, presented: Presented<'_>) -> Result<(), TlsError> {
        let found = Fingerprint::of(presented.end_entity);
        if self.0.contains(&found) {
            return Ok(());
        }
        tracing::warn!(?found, "the listener's certificate is not the one in listener.pin_sha256");
        Err(CertificateError::ApplicationVerificationFailure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_is_read_as_openssl_prints_it() {
        let plain = "ab".repeat(32);
        let colons = ["AB"; 32].join(":");
        assert_eq!(Fingerprint::parse(&plain), Fingerprint::parse(&colons));
        assert_eq!(format!("{:?}", Fingerprint::parse(&plain).unwrap()), plain);
        for wrong in ["", "ab", "zz".repeat(32).as_str(), "ab".repeat(33).as_str()] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let settings = Settings { ca_file: Some(file.clone()), ..Settings::default() };
        for content in [None, Some("no certificate")] {
            if let Some(content) = content {
                std::fs::write(&file, content).unwrap();
            }
            let error = config(&settings).unwrap_err().to_string();
            assert!(error.contains("ca.pem: "), "{error}");
        }
    }
}
