//! Servers that believe an operator, and the keys of those that it vouches for.
#![allow(dead_code, reason = "each test target uses its own part of it")]

use nats_core::auth::{AccountClaims, Credentials, KeyKind, KeyPair, UserClaims};
use nats_harness::{Config, Server};

pub(crate) fn pair(kind: KeyKind) -> KeyPair {
    KeyPair::generate(kind).unwrap()
}

pub(crate) fn seed(key: &KeyPair) -> String {
    key.seed().expose().to_owned()
}

/// A server that believes an operator, and an account that it signed.
pub(crate) struct Trusted {
    pub(crate) server: Server,
    pub(crate) account: KeyPair,
}

impl Trusted {
    pub(crate) fn start() -> Trusted {
        Trusted::of(Config::plain(), &AccountClaims::default())
    }

    /// The account has these claims.
    pub(crate) fn of(config: Config, claims: &AccountClaims) -> Trusted {
        let (operator, account) = (pair(KeyKind::Operator), pair(KeyKind::Account));
        // JetStream needs an account for the system, which has nothing of it itself.
        let system = pair(KeyKind::Account).public_key();
        let none = AccountClaims { memory_storage: 0, disk_storage: 0, ..AccountClaims::default() };
        let known = [(account.public_key(), claims), (system, &none)]
            .map(|(key, claims)| format!("{key}: {}", claims.sign(&key, &operator).unwrap()));
        let lines = format!(
            "trusted: [{}]\nsystem_account: {system}\nresolver: MEMORY\nresolver_preload: {{ {} }}",
            operator.public_key(),
            known.join(", ")
        );
        Trusted { server: Server::start(config.with(&lines)).unwrap(), account }
    }

    /// Credentials of a new user that the account signs.
    pub(crate) fn credentials(&self, claims: &UserClaims) -> Credentials {
        credentials(claims, &self.account)
    }

    pub(crate) fn named(&self, name: &str) -> Credentials {
        self.credentials(&UserClaims { name: name.into(), ..UserClaims::default() })
    }
}

/// Credentials of a new user.
pub(crate) fn credentials(claims: &UserClaims, signer: &KeyPair) -> Credentials {
    let user = pair(KeyKind::User);
    let token = claims.sign(&user.public_key(), signer).unwrap();
    Credentials::new(&token, &seed(&user)).unwrap()
}
