//! Credentials files: a user JWT and the seed that belongs to it, each between lines of dashes.

use zeroize::Zeroizing;

use super::nkey::{KeyKind, KeyPair};
use crate::conn::secret::Secret;
use crate::error::{Code, Error, Result};

/// What a credentials file holds.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user's JWT.
    pub jwt: Secret,
    /// The user's key.
    pub key: KeyPair,
}

impl Credentials {
    /// Reads the content of a credentials file, as `nsc` writes it. Lines may end with CRLF and have
    /// white space around them; a byte order mark and text outside the blocks are ignored.
    ///
    /// # Errors
    /// [`Code::InvalidCredentials`] says which part is missing, occurs twice, or cannot be read. The
    /// text shows no secret.
    pub fn parse(text: &str) -> Result<Credentials> {
        let invalid = |why: &str| Error::new(Code::InvalidCredentials, why.to_owned());
        let (mut jwt, mut seed) = (None, None);
        for block in blocks(text)? {
            let part = if block.contains('.') { &mut jwt } else { &mut seed };
            if part.replace(block).is_some() {
                return Err(invalid(
                    "credentials: there is more than one JWT, or more than one seed",
                ));
            }
        }
        let jwt = jwt.ok_or_else(|| invalid("credentials: there is no JWT"))?;
        let seed = seed.ok_or_else(|| invalid("credentials: there is no seed"))?;
        Credentials::new(&jwt, &seed)
    }

    /// The credentials of a JWT and a seed.
    ///
    /// # Errors
    /// [`Code::InvalidCredentials`].
    pub fn new(jwt: &str, seed: &str) -> Result<Credentials> {
        let invalid = |why: String| Error::new(Code::InvalidCredentials, why);
        let jwt = jwt.trim();
        let letters = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !part.is_empty() && part.bytes().all(allowed)
        };
        if jwt.split('.').count() != 3 || !jwt.split('.').all(letters) {
            let text =
                "credentials: the JWT is not three parts in base64url with dots between them";
            return Err(invalid(text.into()));
        }
        let key = KeyPair::from_seed(seed)
            .map_err(|error| invalid(format!("credentials: {}", error.text())))?;
        if key.kind() != KeyKind::User {
            let name = key.kind().name();
            return Err(invalid(format!("credentials: the seed is that of a key of kind {name}")));
        }
        Ok(Credentials { jwt: jwt.into(), key })
    }

    /// The content of a credentials file.
    pub fn to_file(&self) -> Zeroizing<String> {
        let (jwt, seed) = (self.jwt.to_wire(), self.key.seed().to_wire());
        let mut text = Zeroizing::new(String::with_capacity(jwt.len() + seed.len() + 512));
        for piece in [
            "-----BEGIN NATS USER JWT-----\n",
            &jwt,
            "\n------END NATS USER JWT------\n\n",
            "************************* IMPORTANT *************************\n",
            "NKEY Seed printed below can be used to sign and prove identity.\n",
            "NKEYs are sensitive and should be treated as secrets.\n\n",
            "-----BEGIN USER NKEY SEED-----\n",
            &seed,
            "\n------END USER NKEY SEED------\n\n",
            "*************************************************************\n",
        ] {
            text.push_str(piece);
        }
        text
    }
}

/// What is between lines of dashes that say BEGIN and END.
fn blocks(text: &str) -> Result<Vec<Zeroizing<String>>> {
    let missing = |which: &str| {
        let text = format!("credentials: a line that {which} a block is missing");
        Err(Error::new(Code::InvalidCredentials, text))
    };
    let mut blocks = Vec::new();
    let mut open: Option<Zeroizing<String>> = None;
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        let dashes = line.starts_with("---");
        if dashes && line.contains("BEGIN") {
            if open.is_some() {
                return missing("ends");
            }
            open = Some(Zeroizing::new(String::with_capacity(text.len())));
        } else if dashes {
            match open.take() {
                Some(block) => blocks.push(block),
                None => return missing("begins"),
            }
        } else if let Some(block) = &mut open {
            block.push_str(line);
        }
    }
    if open.is_some() { missing("ends") } else { Ok(blocks) }
}
