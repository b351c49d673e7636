use std::sync::atomic::{AtomicUsize, Ordering};

use nats_core::auth::KeyKind;

use super::*;

fn answer(pairs: &[(&str, &[u8])]) -> Answer {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec().into())).collect()
}

fn challenge() -> Challenge {
    Challenge::new("nats://a:1", Some("nonce"))
}

/// Options that are asked everything and get this answer.
fn answering(pairs: &'static [(&'static str, &'static [u8])]) -> ConnectOptions {
    let mut options = ConnectOptions::new();
    install(&mut options, Ask::ALL, move |question| question.answer(answer(pairs)));
    options
}

#[tokio::test]
async fn waits_and_servers() {
    let options = answering(&[("delay_ms", b"250")]);
    let asked = options.reconnect_delay.unwrap()(3).await;
    assert_eq!(asked, Some(Duration::from_millis(250)));
    let mut nonsense =
        [answering(&[]), answering(&[("delay_ms", b"soon")]), answering(&[("delay", b"1")])];
    for options in &mut nonsense {
        assert_eq!(options.reconnect_delay.take().unwrap()(3).await, None);
    }
    let options = answering(&[("url", b"nats://b:1"), ("delay_ms", b"5")]);
    let pick = options.pick_server.unwrap()(Vec::new(), Arc::default()).await.unwrap();
    assert_eq!(pick, Pick { url: "nats://b:1".into(), delay: Duration::from_millis(5) });
    let none = answering(&[]).pick_server.unwrap()(Vec::new(), Arc::default()).await;
    assert_eq!(none, None);
}

#[tokio::test]
async fn a_question_says_what_it_is_about() {
    let mut options = ConnectOptions::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    install(&mut options, &[Ask::Login], move |question| {
        counted.fetch_add(1, Ordering::Relaxed);
        assert_eq!(question.ask(), Ask::Login);
        assert_eq!(question.about().to_json(), r#"{"url":"nats://a:1","nonce":"nonce"}"#);
        question.refuse("not today");
    });
    let error = options.authenticator.unwrap()(challenge()).await.unwrap_err();
    assert!(error.text().contains("not today"), "{error}");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert!(options.reconnect_delay.is_none() && options.pick_server.is_none());
}

#[test]
fn logins() {
    let login = |pairs: &[(&str, &[u8])]| login(&answer(pairs), &challenge());
    let plain = login(&[("user", b"u"), ("password", b"p")]).unwrap();
    assert_eq!((plain.user.as_deref(), plain.password), (Some("u"), Some("p".into())));
    let key = KeyPair::generate(KeyKind::User).unwrap();
    let signed = login(&[("seed", key.seed().expose().as_bytes())]).unwrap();
    assert_eq!(signed.nkey, Some(key.public_key().to_string()));
    assert!(key.public_key().verify(b"nonce", &signed.signature.unwrap()));
    let with_jwt = login(&[("jwt", b"a.b.c"), ("seed", key.seed().expose().as_bytes())]).unwrap();
    assert!(with_jwt.nkey.is_none() && with_jwt.jwt == Some("a.b.c".into()));

    let raw = [0xfb; 64];
    for text in [
        &raw[..],
        b"+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+w==",
        b"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-w",
    ] {
        assert_eq!(login(&[("signature", text)]).unwrap().signature.as_deref(), Some(&raw[..]));
    }
    for bad in [("signature", &b"short"[..]), ("seed", b"s3cr3t"), ("jwt", b"\xff"), ("creds", b"")]
    {
        let error = login(&[bad]).unwrap_err();
        assert!(!error.text().contains("s3cr3t"), "{error}");
    }
}

#[tokio::test]
async fn names_that_are_not_known_and_answers_that_do_not_come() {
    let asked = answering(&[("pasword", b"s3cr3t")]).authenticator.unwrap()(challenge()).await;
    let error = asked.unwrap_err();
    assert!(error.text().contains("'password'"), "{error}");
    let mut silent = ConnectOptions::new();
    install(&mut silent, Ask::ALL, drop);
    let error = silent.tls_identity.unwrap()(String::new()).await.unwrap_err();
    assert!(error.text().contains("no answer"), "{error}");
    let error = answering(&[("cert", b"x")]).tls_identity.unwrap()(String::new()).await;
    assert!(error.unwrap_err().text().contains("'key'"));
    let headers = answering(&[("X-A", b"b")]).ws_headers_callback.unwrap()(String::new()).await;
    assert_eq!(headers.unwrap(), [("X-A".to_owned(), "b".into())]);
}
