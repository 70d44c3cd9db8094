//! Whom the client trusts, and as whom it presents itself.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::digest::{SHA256, digest};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

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

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read, or is not what it should be.
    #[error("cannot use {path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Roots, certificate and key do not make a set-up.
    #[error("cannot set TLS up")]
    Setup(#[from] TlsError),
}

/// Makes the client's side of TLS.
pub(super) fn config(settings: &Settings) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = if !settings.pins.is_empty() {
        let pinned = Pinned { pins: settings.pins.clone(), provider };
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

fn roots(file: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| unusable(file, &error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(file, &error))?;
    if found.is_empty() {
        return Err(unusable(file, &io::Error::other("it holds no certificate")));
    }
    Ok(found)
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &dyn std::error::Error) -> Error {
    let problem = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Error::File { path: file.to_owned(), problem }
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
            _ => "have the listener's certificate made anew",
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
struct Pinned {
    pins: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let found = Fingerprint::of(end_entity);
        if self.pins.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        tracing::warn!(?found, "the listener's certificate is not the one in listener.pin_sha256");
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
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
