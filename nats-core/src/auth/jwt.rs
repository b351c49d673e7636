//! JWTs of accounts and users, version 2 (ADR-14): what an operator or an account signs, and a
//! server believes.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::base32;
use super::nkey::{KeyKind, KeyPair, PublicKey};
use crate::crypto;
use crate::error::{Code, Error, Result};

/// Bytes of a token that is read; servers take no longer ones.
const LIMIT: usize = 1 << 20;
const ALGORITHM: &str = "ed25519-nkey";
/// Of each type of token: the kind of key that it is about, and the kinds that may sign it.
const TYPES: [(&str, KeyKind, &[KeyKind]); 3] = [
    ("operator", KeyKind::Operator, &[KeyKind::Operator]),
    ("account", KeyKind::Account, &[KeyKind::Operator, KeyKind::Account]),
    ("user", KeyKind::User, &[KeyKind::Account]),
];

/// What a token says, whoever it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// The public key of who signed it.
    pub issuer: PublicKey,
    /// The public key of what it is about.
    pub subject: PublicKey,
    /// The name.
    pub name: String,
    /// When it was signed, in seconds since 1970.
    pub issued_at: i64,
    /// When it ends, in seconds since 1970; None: never.
    pub expires: Option<i64>,
    /// From when on it is valid; None: at once.
    pub not_before: Option<i64>,
    /// Everything, as it is in the token; what is particular to NATS is under `nats`.
    pub document: Value,
}

impl Claims {
    /// Reads a token and checks the signature against the issuer that it names, and that keys of
    /// these kinds may sign, and be what it is about, in a token of its type. Whether that issuer
    /// is trusted, and whether the token is valid now, is for the caller to say.
    ///
    /// # Errors
    /// [`Code::InvalidCredentials`] when it is no such token, the signature is wrong, or a key is
    /// of the wrong kind.
    pub fn decode(token: &str) -> Result<Claims> {
        let invalid = |why: &str| Error::new(Code::InvalidCredentials, format!("JWT: {why}"));
        let token = token.trim();
        let mut parts = token.split('.');
        let (Some(header), Some(body), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("expected three parts with dots between them"));
        };
        if token.len() > LIMIT {
            return Err(invalid("it is too long"));
        }
        let decoded = |part: &str, what: &str| {
            BASE64.decode(part).map_err(|_| invalid(&format!("its {what} is not base64url")))
        };
        let object = |bytes: &[u8], what: &str| match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(invalid(&format!("its {what} is no JSON object"))),
        };
        let header = object(&decoded(header, "header")?, "header")?;
        if header.get("alg").and_then(Value::as_str) != Some(ALGORITHM) {
            return Err(invalid("it is not signed by an NKey"));
        }
        let body_bytes = decoded(body, "body")?;
        let document = object(&body_bytes, "body")?;
        let key = |name: &str| {
            let text = document.get(name).and_then(Value::as_str).unwrap_or_default();
            PublicKey::parse(text).map_err(|error| invalid(&format!("{name}: {}", error.text())))
        };
        let (issuer, subject) = (key("iss")?, key("sub")?);
        let signature = decoded(signature, "signature")?;
        let signed = &token[..token.rfind('.').unwrap_or_default()];
        if !issuer.verify(signed.as_bytes(), &signature) {
            return Err(invalid("the signature is wrong"));
        }
        let about = document.get("nats").and_then(|nats| nats.get("type")).and_then(Value::as_str);
        if let Some((_, of, by)) = TYPES.iter().find(|(name, ..)| Some(*name) == about) {
            expect("iss", issuer.kind(), by)
                .and_then(|()| expect("sub", subject.kind(), &[*of]))
                .map_err(|error| invalid(error.text()))?;
        }
        let time = |name: &str| document.get(name).and_then(Value::as_i64).filter(|at| *at != 0);
        Ok(Claims {
            issuer,
            subject,
            name: document.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            issued_at: time("iat").unwrap_or_default(),
            expires: time("exp"),
            not_before: time("nbf"),
            document: Value::Object(document),
        })
    }
}

/// The subjects that a user may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Permission {
    /// Nothing but these; empty: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// What a user's token says. Limits of -1 are none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserClaims {
    /// The user's name.
    pub name: String,
    /// When the token ends, in seconds since 1970; None: never.
    pub expires: Option<i64>,
    /// From when on it is valid; None: at once.
    pub not_before: Option<i64>,
    /// The account, where one of its signing keys signs.
    pub issuer_account: Option<String>,
    /// Where the user may publish.
    pub publish: Permission,
    /// Where the user may subscribe.
    pub subscribe: Permission,
    /// How many answers a message with a reply subject allows beyond that, 0 for the server's
    /// default of one; with it, an empty `publish.allow` allows nothing else. None: no more than
    /// `publish` does.
    pub responses: Option<i64>,
    /// For how long it does, in milliseconds; 0: for the server's default of two minutes.
    pub response_millis: i64,
    /// Subscriptions.
    pub subscriptions: i64,
    /// Bytes.
    pub data: i64,
    /// Bytes of a message.
    pub payload: i64,
    /// The token alone suffices, without a signature.
    pub bearer: bool,
    /// Networks that the user may come from, as `10.0.0.0/8`; empty: any.
    pub source_networks: Vec<String>,
    /// Kinds of connections, for example `STANDARD`, `WEBSOCKET`; empty: any.
    pub connection_types: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
}

impl Default for UserClaims {
    fn default() -> UserClaims {
        UserClaims {
            name: String::new(),
            expires: None,
            not_before: None,
            issuer_account: None,
            publish: Permission::default(),
            subscribe: Permission::default(),
            responses: None,
            response_millis: 0,
            subscriptions: -1,
            data: -1,
            payload: -1,
            bearer: false,
            source_networks: Vec::new(),
            connection_types: Vec::new(),
            tags: Vec::new(),
        }
    }
}

/// What an account's token says. Limits of -1 are none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountClaims {
    /// The account's name.
    pub name: String,
    /// When the token ends, in seconds since 1970; None: never.
    pub expires: Option<i64>,
    /// From when on it is valid; None: at once.
    pub not_before: Option<i64>,
    /// Public keys that may sign users in the account's place.
    pub signing_keys: Vec<String>,
    /// Subscriptions.
    pub subscriptions: i64,
    /// Connections.
    pub connections: i64,
    /// Connections of leaf nodes.
    pub leaf_nodes: i64,
    /// Bytes.
    pub data: i64,
    /// Bytes of a message.
    pub payload: i64,
    /// Imports.
    pub imports: i64,
    /// Exports.
    pub exports: i64,
    /// Whether exports may have wildcards.
    pub wildcards: bool,
    /// Bytes of JetStream in memory; 0: none.
    pub memory_storage: i64,
    /// Bytes of JetStream on disk; 0: none.
    pub disk_storage: i64,
    /// Streams.
    pub streams: i64,
    /// Consumers.
    pub consumers: i64,
    /// Tags.
    pub tags: Vec<String>,
}

impl Default for AccountClaims {
    fn default() -> AccountClaims {
        AccountClaims {
            name: String::new(),
            expires: None,
            not_before: None,
            signing_keys: Vec::new(),
            subscriptions: -1,
            connections: -1,
            leaf_nodes: -1,
            data: -1,
            payload: -1,
            imports: -1,
            exports: -1,
            wildcards: true,
            memory_storage: -1,
            disk_storage: -1,
            streams: -1,
            consumers: -1,
            tags: Vec::new(),
        }
    }
}

impl UserClaims {
    /// The token of the user with this public key, signed by an account's key.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when a key is of the wrong kind.
    pub fn sign(&self, user: &PublicKey, account: &KeyPair) -> Result<String> {
        expect("user", user.kind(), &[KeyKind::User])?;
        expect("signer", account.kind(), &[KeyKind::Account])?;
        let mut nats = json!({
            "pub": self.publish,
            "sub": self.subscribe,
            "subs": self.subscriptions,
            "data": self.data,
            "payload": self.payload,
            "type": "user",
            "version": 2,
        });
        let mut set = |name: &str, value: Value| nats[name] = value;
        if let Some(max) = self.responses {
            set("resp", json!({"max": max, "ttl": self.response_millis * 1_000_000}));
        }
        if self.bearer {
            set("bearer_token", true.into());
        }
        if let Some(issuer) = &self.issuer_account {
            let issuer = PublicKey::parse(issuer)?;
            expect("issuer_account", issuer.kind(), &[KeyKind::Account])?;
            set("issuer_account", issuer.to_string().into());
        }
        for (name, texts) in [
            ("src", &self.source_networks),
            ("allowed_connection_types", &self.connection_types),
            ("tags", &self.tags),
        ] {
            if !texts.is_empty() {
                set(name, texts.clone().into());
            }
        }
        token(&self.name, user, (self.expires, self.not_before), nats, account)
    }
}

impl AccountClaims {
    /// The token of the account with this public key, signed by an operator's key, or by the
    /// account's own.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when a key is of the wrong kind.
    pub fn sign(&self, account: &PublicKey, operator: &KeyPair) -> Result<String> {
        expect("account", account.kind(), &[KeyKind::Account])?;
        expect("signer", operator.kind(), &[KeyKind::Operator, KeyKind::Account])?;
        let mut nats = json!({
            "limits": {
                "subs": self.subscriptions,
                "data": self.data,
                "payload": self.payload,
                "imports": self.imports,
                "exports": self.exports,
                "wildcards": self.wildcards,
                "conn": self.connections,
                "leaf": self.leaf_nodes,
                "mem_storage": self.memory_storage,
                "disk_storage": self.disk_storage,
                "streams": self.streams,
                "consumer": self.consumers,
            },
            "default_permissions": {"pub": {}, "sub": {}},
            "type": "account",
            "version": 2,
        });
        if !self.signing_keys.is_empty() {
            for key in &self.signing_keys {
                expect("signing_keys", PublicKey::parse(key)?.kind(), &[KeyKind::Account])?;
            }
            nats["signing_keys"] = self.signing_keys.clone().into();
        }
        if !self.tags.is_empty() {
            nats["tags"] = self.tags.clone().into();
        }
        token(&self.name, account, (self.expires, self.not_before), nats, operator)
    }
}

fn expect(what: &str, kind: KeyKind, allowed: &[KeyKind]) -> Result<()> {
    if allowed.contains(&kind) {
        return Ok(());
    }
    let names: Vec<_> = allowed.iter().map(|kind| kind.name()).collect();
    let (names, kind) = (names.join(" or "), kind.name());
    Err(Error::new(
        Code::InvalidArgument,
        format!("{what}: expected a key of kind {names}, not {kind}"),
    ))
}

/// A signed token. Its id is a hash of what it says, as in the tools of NATS.
fn token(
    name: &str,
    subject: &PublicKey,
    (expires, not_before): (Option<i64>, Option<i64>),
    nats: Value,
    signer: &KeyPair,
) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut body = Map::new();
    body.insert("iat".into(), now.into());
    body.insert("iss".into(), signer.public_key().to_string().into());
    body.insert("sub".into(), subject.to_string().into());
    body.insert("name".into(), name.into());
    for (key, time) in [("exp", expires), ("nbf", not_before)] {
        if let Some(time) = time {
            body.insert(key.into(), time.into());
        }
    }
    body.insert("nats".into(), nats);
    let hash = crypto::digest::digest(
        &crypto::digest::SHA512_256,
        Value::from(body.clone()).to_string().as_bytes(),
    );
    body.insert("jti".into(), base32::encode(hash.as_ref()).into());
    let header = BASE64.encode(json!({"typ": "JWT", "alg": ALGORITHM}).to_string());
    let signed = format!("{header}.{}", BASE64.encode(Value::from(body).to_string()));
    let signature = BASE64.encode(signer.sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(kind: KeyKind) -> KeyPair {
        KeyPair::generate(kind).unwrap()
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let (account, user) = (pair(KeyKind::Account), pair(KeyKind::User));
        let claims = UserClaims {
            name: "joe".into(),
            expires: Some(2_000_000_000),
            publish: Permission { allow: vec!["app.>".into()], deny: vec![] },
            responses: Some(1),
            response_millis: 2000,
            bearer: true,
            ..UserClaims::default()
        };
        let token = claims.sign(&user.public_key(), &account).unwrap();
        let read = Claims::decode(&format!(" {token}\n")).unwrap();
        assert_eq!((read.issuer, read.subject), (account.public_key(), user.public_key()));
        assert_eq!((read.name.as_str(), read.expires), ("joe", Some(2_000_000_000)));
        let nats = &read.document["nats"];
        assert_eq!(nats["pub"], json!({"allow": ["app.>"]}));
        assert_eq!(nats["resp"], json!({"max": 1, "ttl": 2_000_000_000_i64}));
        assert_eq!((&nats["subs"], &nats["type"]), (&json!(-1), &json!("user")));
        assert!(read.issued_at > 1_700_000_000 && nats["bearer_token"] == json!(true));
    }

    #[test]
    fn keys_of_the_wrong_kind_are_named() {
        let (account, user) = (pair(KeyKind::Account), pair(KeyKind::User));
        let claims = UserClaims::default();
        let error = claims.sign(&account.public_key(), &account).unwrap_err();
        assert!(error.text().contains("user: expected a key of kind user"), "{error}");
        let error = claims.sign(&user.public_key(), &user).unwrap_err();
        assert!(error.text().contains("signer"), "{error}");
        let claims = AccountClaims { signing_keys: vec!["U".into()], ..AccountClaims::default() };
        assert!(claims.sign(&account.public_key(), &pair(KeyKind::Operator)).is_err());
    }

    #[test]
    fn a_token_by_a_key_that_may_not_sign_it_is_refused() {
        let (operator, account) = (pair(KeyKind::Operator), pair(KeyKind::Account));
        let user = pair(KeyKind::User);
        for (about, subject, signer) in [
            ("user", &user, &user),
            ("user", &user, &operator),
            ("user", &account, &account),
            ("account", &account, &user),
            ("account", &user, &operator),
            ("operator", &operator, &account),
        ] {
            let nats = json!({"type": about, "version": 2});
            let token = token("", &subject.public_key(), (None, None), nats, signer).unwrap();
            let error = Claims::decode(&token).unwrap_err();
            assert_eq!(error.code(), Code::InvalidCredentials);
            assert!(error.text().contains("expected a key of kind"), "{error}");
        }
        let nats = json!({"type": "something else", "version": 2});
        let token = token("", &user.public_key(), (None, None), nats, &user).unwrap();
        Claims::decode(&token).unwrap();
    }

    #[test]
    fn what_was_changed_or_is_no_token_is_refused() {
        let operator = pair(KeyKind::Operator);
        let account = pair(KeyKind::Account).public_key();
        let token = AccountClaims::default().sign(&account, &operator).unwrap();
        Claims::decode(&token).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let other = AccountClaims { name: "b".into(), ..AccountClaims::default() };
        let other = other.sign(&account, &operator).unwrap();
        let foreign = other.split('.').nth(1).unwrap();
        for bad in [
            String::new(),
            "a.b".into(),
            "a.b.c".into(),
            format!("{token}.x"),
            format!("{}.{foreign}.{}", parts[0], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}.{}", BASE64.encode("{\"alg\":\"none\"}"), parts[1], parts[2]),
            format!("{}.{}.{}", parts[0], BASE64.encode("[]"), parts[2]),
        ] {
            let error = Claims::decode(&bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidCredentials, "{bad}");
        }
    }
}
