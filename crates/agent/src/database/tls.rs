//! Whom the connection trusts, by libpq's `sslmode`.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, Error as TlsError,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
};
use rustls_platform_verifier::Verifier;

use crate::{
    database::{Error, Settings, SslMode},
    trust::{self, Judge, Judged, Presented},
};

/// Makes the client's side of TLS.
pub(super) fn config(settings: &Settings) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities: Option<Arc<dyn ServerCertVerifier>> =
        match (settings.sslmode, &settings.ca_file) {
            // As libpq does: who names authorities wants them asked.
            (SslMode::Disable | SslMode::Prefer | SslMode::Require, None) => None,
            (_, Some(file)) => {
                let roots = Arc::new(trust::roots(file)?);
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                Some(verifier.build().map_err(|error| trust::unusable(file, &error))?)
            }
            (SslMode::VerifyCa | SslMode::VerifyFull, None) => {
                Some(Arc::new(Verifier::new(Arc::clone(&provider))?))
            }
        };
    let needs_name = settings.sslmode == SslMode::VerifyFull;
    let judge = ByMode { authorities, needs_name };
    let verifier = Judged { judge, provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// Verifies as much as the mode asks for.
#[derive(Debug)]
struct ByMode {
    /// Without any, whoever answers is trusted.
    authorities: Option<Arc<dyn ServerCertVerifier>>,
    needs_name: bool,
}

impl Judge for ByMode {
    fn judge(&self, presented: Presented<'_>) -> Result<(), TlsError> {
        let Some(authorities) = &self.authorities else { return Ok(()) };
        let verified = authorities.verify_server_cert(
            presented.end_entity,
            presented.intermediates,
            presented.server_name,
            presented.ocsp_response,
            presented.now,
        );
        // The name is looked at last, when all else was right.
        match verified {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.needs_name => Ok(()),
            verified => verified.map(drop),
        }
    }
}
