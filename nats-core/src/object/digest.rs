//! Digests of objects: `SHA-256=` and 32 bytes in the base64 of URLs.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};

use crate::crypto::digest::{Context, SHA256};

const ALGORITHM: &str = "SHA-256";

/// Takes the bytes of an object.
#[derive(Clone)]
pub(super) struct Digest(Context);

impl Digest {
    pub(super) fn new() -> Digest {
        Digest(Context::new(&SHA256))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The text for the bytes so far.
    pub(super) fn text(&self) -> String {
        let digest = self.0.clone().finish();
        format!("{ALGORITHM}={}", URL_SAFE.encode(digest.as_ref()))
    }

    /// Whether the bytes so far are those of the text.
    pub(super) fn fits(&self, text: &str) -> bool {
        read(text).is_some_and(|expected| expected == self.0.clone().finish().as_ref())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// The bytes of a digest. Some clients have written the usual base64, or left its padding out.
fn read(text: &str) -> Option<Vec<u8>> {
    let (algorithm, digest) = text.split_once('=')?;
    if !algorithm.eq_ignore_ascii_case(ALGORITHM) {
        return None;
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&alphabet::URL_SAFE, config);
    engine.decode(digest.replace('+', "-").replace('/', "_")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_have_the_text_that_all_clients_write() {
        let mut digest = Digest::new();
        let empty = "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(digest.text(), empty);
        for same in [
            empty,
            "sha-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
            "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        ] {
            assert!(digest.fits(same), "{same}");
        }
        for bad in ["", "SHA-256=", "SHA-256=x", "47DEQpj8", &empty.replace("256", "512")] {
            assert!(!digest.fits(bad), "{bad}");
        }
        digest.update(b"a");
        digest.update(b"bc");
        assert_eq!(digest.text(), "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=");
        assert!(!digest.fits(empty));
    }
}
