use nats_core::auth::{
    AccountClaims, Claims, Credentials, KeyKind, KeyPair, Permission, PublicKey, UserClaims,
};
use nats_core::{Code, ConnectOptions, Request};
use nats_harness::{Config, Server};

use super::support::*;

/// Known answers, made by another implementation.
const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const SIGNATURE_OF_NONCE: &str = concat!(
    "0157e93bb3f0deb739ea1a0ed4e25c1715d409f0663b6aa8b9c8417214a52f8e",
    "45baeafdcd2d79533cad108d500b9c30546eee88721dab27e6392eae3ebc2a0a"
);
const TOKEN: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IkFBNFdET",
    "FFVRjJZVDVSTzJIRFJGSEoyVFVOTUZQNDI0Mk1TVU0yVUJKQ0s2TkVBR01DNDVQNVg2IiwibmFtZSI6Imtub3duI",
    "iwic3ViIjoiVURYVTRSQ1NKTlpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiL",
    "CJuYXRzIjp7InB1YiI6eyJhbGxvdyI6WyJhLj4iXX0sInN1YiI6e30sInN1YnMiOi0xLCJ0eXBlIjoidXNlciIsI",
    "nZlcnNpb24iOjJ9fQ.7spszk45ONbN-RJTeEP_uT7IBy1Cyk5Odx7ns9RdbIVzhUWm0srI8HrWQjDJ7HjVwZneVB",
    "rT8B4m37gVj-LiAw"
);
const SELF_SIGNED: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IlVEWFU0U",
    "kNTSk5aT0lRSFpOV1hIWE9SRFBSVEdOSkFIQUhGUkdaTkVFSkNQUVRUMk03TkxDTkY0Iiwic3ViIjoiVURYVTRSQ",
    "1NKTlpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXRzIjp7InR5cGUiO",
    "iJ1c2VyIiwidmVyc2lvbiI6Mn19.bE6kF6fuR8Wba4tGV6QHVUXof3CPmp1WYZk0Nhhzsys8J7qQcbRopNBr_d8U",
    "8x7876yl_9HTYZopntJuGCEPDA"
);

fn pair(kind: KeyKind) -> KeyPair {
    KeyPair::generate(kind).unwrap()
}

fn user_token(claims: &UserClaims, account: &KeyPair) -> nats_core::Result<String> {
    claims.sign(&pair(KeyKind::User).public_key(), account)
}

#[test]
fn keys_01() {
    let key = KeyPair::from_seed(SEED).unwrap();
    assert_eq!((key.public_key().to_string().as_str(), key.seed().expose()), (PUBLIC, SEED));
    let signature = key.sign(b"nonce").unwrap();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, SIGNATURE_OF_NONCE);
    for name in ["operator", "account", "user", "server", "cluster"] {
        let key = pair(KeyKind::from_name(name).unwrap());
        let same = KeyPair::from_seed(key.seed().expose()).unwrap();
        assert_eq!(same.kind().name(), name);
        let public = PublicKey::parse(&key.public_key().to_string()).unwrap();
        let signature = same.sign(b"bytes").unwrap();
        assert!(public.verify(b"bytes", &signature));
        assert!(!public.verify(b"bytez", &signature) && !public.verify(b"bytes", &[]));
    }
}

#[test]
fn keys_02() {
    let mut bad: Vec<String> = ["", "S", "SU", "süß", PUBLIC, TOKEN].map(Into::into).into();
    // Of no kind, and a byte too short.
    bad.push("SXAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBZ6RQ".into());
    bad.push("SUAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQP2UT".into());
    bad.extend((0..SEED.len()).map(|end| SEED[..end].to_owned()));
    bad.extend((0..SEED.len()).map(|at| {
        let other = if SEED.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &SEED[..at], &SEED[at + 1..])
    }));
    for seed in bad {
        let error = KeyPair::from_seed(&seed).unwrap_err();
        assert_eq!(error.code(), Code::InvalidKey, "{seed}");
        assert!(!error.to_string().contains("UACSSL3UAHUDXKFSNVUZRF5"), "{error}");
    }
    assert_eq!(PublicKey::parse(SEED).unwrap_err().code(), Code::InvalidKey);
}

#[test]
fn keys_03() {
    let (operator, account) = (pair(KeyKind::Operator), pair(KeyKind::Account));
    let claims = UserClaims { name: "joe".into(), payload: 7, ..UserClaims::default() };
    let read = Claims::decode(&user_token(&claims, &account).unwrap()).unwrap();
    assert_eq!((read.name.as_str(), &read.document["nats"]["payload"]), ("joe", &7.into()));
    let claims = AccountClaims { connections: 3, ..AccountClaims::default() };
    let read = Claims::decode(&claims.sign(&account.public_key(), &operator).unwrap()).unwrap();
    assert_eq!(read.document["nats"]["limits"]["conn"], 3);
    // A document whose members nobody knows cannot become claims.
    let unknown = serde_json::from_str::<UserClaims>(r#"{"payloads": 7}"#).unwrap_err();
    assert!(unknown.to_string().contains("payload"), "{unknown}");
    let error = user_token(&UserClaims::default(), &operator).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.text().contains("expected a key of kind account, not operator"), "{error}");
}

#[test]
fn keys_04() {
    let read = Claims::decode(TOKEN).unwrap();
    assert_eq!(read.subject.to_string(), PUBLIC);
    assert_eq!(read.document["nats"]["pub"]["allow"][0], "a.>");
    let changed = (0..TOKEN.len()).map(|at| {
        let other = if TOKEN.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &TOKEN[..at], &TOKEN[at + 1..])
    });
    let bad = ["", "a.b", "a.b.c", "....", SEED, SELF_SIGNED].map(String::from);
    for token in changed.chain(bad) {
        let error = Claims::decode(&token).unwrap_err();
        assert_eq!(error.code(), Code::InvalidCredentials, "{token}");
    }
}

#[test]
fn keys_05() {
    let file = Credentials::new(TOKEN, SEED).unwrap().to_file();
    let read = Credentials::parse(&file).unwrap();
    assert_eq!((read.jwt.expose(), read.key.public_key().to_string().as_str()), (TOKEN, PUBLIC));
    let other = pair(KeyKind::Account).seed();
    let damaged = [0, 20, 300, file.len() / 2, file.len() - 100].map(|end| &file[..end]);
    let errors = damaged.map(|content| Credentials::parse(content).unwrap_err());
    let made = [("no token", SEED), (TOKEN, other.expose()), (TOKEN, "SU")];
    let made = made.map(|(token, seed)| Credentials::new(token, seed).unwrap_err());
    for error in errors.into_iter().chain(made) {
        assert_eq!(error.code(), Code::InvalidCredentials);
        assert!(!error.to_string().contains("ACSSL3UAHUDX"), "{error}");
    }
}

/// Options with the credentials of a new user.
fn options_of(claims: &UserClaims, account: &KeyPair, server: &Server) -> ConnectOptions {
    let user = pair(KeyKind::User);
    let token = claims.sign(&user.public_key(), account).unwrap();
    let file = Credentials::new(&token, user.seed().expose()).unwrap().to_file();
    options(&server.url()).creds(file.as_str())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_06() {
    let (operator, account) = (pair(KeyKind::Operator), pair(KeyKind::Account));
    let id = account.public_key();
    let token = AccountClaims::default().sign(&id, &operator).unwrap();
    let lines = format!(
        "trusted: [{}]\nresolver: MEMORY\nresolver_preload: {{ {id}: {token} }}",
        operator.public_key()
    );
    let server = Server::start(Config::plain().with(&lines)).unwrap();
    let connect = |options: ConnectOptions| within("connect", options.connect());

    let client = connect(options_of(&UserClaims::default(), &account, &server)).await.unwrap();
    let subscription = client.subscribe("private.a").unwrap();
    client.publish("private.a", "works").await.unwrap();
    assert_eq!(next(&subscription).await.payload(), b"works");

    let publish = Permission { deny: vec!["private.>".into()], ..Permission::default() };
    let claims = UserClaims { publish, ..UserClaims::default() };
    let client = connect(options_of(&claims, &account, &server)).await.unwrap();
    let request = Request::new("private.a", b"x").timeout(FOREVER);
    let answer = within("a refusal", client.request_with(&request)).await;
    assert_eq!(answer.map(drop).unwrap_err().code(), Code::Permission);

    let stranger = pair(KeyKind::Account);
    let refused = connect(options_of(&UserClaims::default(), &stranger, &server)).await;
    assert_eq!(refused.map(drop).unwrap_err().code(), Code::Authorization);
}
