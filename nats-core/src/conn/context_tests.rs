use std::collections::HashMap;

use super::*;

/// A directory of contexts, and an environment that leads there.
struct Home {
    dir: tempfile::TempDir,
    variables: HashMap<String, String>,
}

impl Home {
    fn new(variables: &[(&str, &str)]) -> Home {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("nats/context")).unwrap();
        let mut variables: HashMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        variables.insert("XDG_CONFIG_HOME".into(), dir.path().display().to_string());
        Home { dir, variables }
    }

    fn write(&self, file: &str, content: &str) -> String {
        let path = self.dir.path().join(file);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn context(&self, name: &str, content: &str) -> String {
        self.write(&format!("nats/context/{name}.json"), content)
    }

    fn fill(&self, options: ConnectOptions) -> Result<ConnectOptions> {
        fill(options, &|name| self.variables.get(name).cloned())
    }

    fn named(&self, name: &str) -> Result<ConnectOptions> {
        self.fill(ConnectOptions::new().context(name))
    }
}

fn path(text: &str) -> Option<PathBuf> {
    Some(text.into())
}

#[test]
fn every_field_of_a_context_finds_its_option() {
    let home = Home::new(&[("HOME", "/me"), ("WHERE", "there")]);
    let file = home.context(
        "all",
        r#"{"description": "x", "url": "nats://a:1,nats://b:2", "socks_proxy": "proxy:1080",
            "creds": "~/${WHERE}/$WHERE.creds", "cert": "~/c.pem", "key": "/k.pem", "ca": "~/ca.pem",
            "inbox_prefix": "_MINE", "tls_first": true, "jetstream_domain": "d",
            "color_scheme": "", "unknown": [1]}"#,
    );
    for name in ["all", &file] {
        let options = home.named(name).unwrap();
        assert_eq!(options.servers, ["nats://a:1,nats://b:2"]);
        assert_eq!(options.proxy, Some("socks5://proxy:1080".into()));
        assert_eq!(options.creds_file, path("/me/there/there.creds"));
        assert_eq!(options.tls_cert_file, path("/me/c.pem"));
        assert_eq!(options.tls_key_file, path("/k.pem"));
        assert_eq!(options.tls_ca_file, path("/me/ca.pem"));
        assert_eq!((options.inbox_prefix.as_str(), options.tls_first), ("_MINE", true));
    }
}

#[test]
fn one_way_to_authenticate_in_the_tools_order() {
    let home = Home::new(&[]);
    let ways = |json: &str| {
        home.context("c", json);
        let options = home.named("c").unwrap();
        (options.login_ways(), options)
    };
    let (way, options) = ways(r#"{"user": "u", "password": "p", "creds": "/c", "token": "t"}"#);
    assert_eq!((way, options.password), (vec!["user"], Some("p".into())));
    assert_eq!(ways(r#"{"creds": "/c", "nkey": "/n"}"#).0, ["creds_file"]);
    let (way, options) = ways(r#"{"nkey": "/n", "user_jwt": "j"}"#);
    assert_eq!((way, options.jwt), (vec!["nkey_seed_file"], Some("j".into())));
    let (way, options) = ways(r#"{"user_jwt": "j", "user_seed": "SU"}"#);
    assert_eq!((way, options.jwt), (vec!["nkey_seed"], Some("j".into())));
    assert_eq!(ways(r#"{"token": "t"}"#).0, ["token"]);
    assert!(ways("{}").0.is_empty());
}

#[test]
fn options_go_before_the_environment_and_that_before_the_context() {
    let mut home = Home::new(&[
        ("NATS_URL", "nats://env:1"),
        ("NATS_USER", "s3cr3t"),
        ("NATS_CA", "/env.pem"),
        ("NATS_TIMEOUT", "1m1.5s"),
        ("NATS_CONTEXT", "c"),
    ]);
    home.context(
        "c",
        r#"{"url": "nats://context:1", "creds": "/c", "ca": "/c.pem", "cert": "/cc"}"#,
    );
    let asking = || ConnectOptions::new().environment(true);
    let options = home.fill(asking()).unwrap();
    assert_eq!(options.servers, ["nats://env:1"]);
    assert_eq!(options.login_ways(), ["token"], "a user without a password is a token");
    assert_eq!((options.tls_ca_file, options.tls_cert_file), (path("/env.pem"), path("/cc")));
    assert_eq!(options.connect_timeout, Duration::from_millis(61_500));

    let mut given = asking().servers(["nats://mine:1"]).user_and_password("u", "p");
    given.connect_timeout = Duration::from_secs(1);
    let options = home.fill(given).unwrap();
    assert_eq!((options.servers, options.user), (vec!["nats://mine:1".into()], Some("u".into())));
    assert!(options.token.is_none() && options.creds_file.is_none());
    assert_eq!(options.connect_timeout, Duration::from_secs(1));

    home.variables.insert("NATS_PASSWORD".into(), "p".into());
    assert_eq!(home.fill(asking()).unwrap().login_ways(), ["user"]);
    home.variables.insert("NATS_TIMEOUT".into(), "soon".into());
    assert!(home.fill(asking()).unwrap_err().text().contains("NATS_TIMEOUT"));
}

#[test]
fn the_selected_context_is_that_of_the_tool() {
    let home = Home::new(&[]);
    let none = home.fill(ConnectOptions::new().environment(true)).unwrap();
    assert_eq!(none.servers, ConnectOptions::new().servers);
    assert!(home.named("").unwrap_err().text().contains("none is selected"));
    home.context("prod", r#"{"url": "nats://prod:1"}"#);
    home.write("nats/context.txt", "prod\n");
    assert_eq!(home.named("").unwrap().servers, ["nats://prod:1"]);
    let asked = home.fill(ConnectOptions::new().environment(true)).unwrap();
    assert_eq!(asked.servers, ["nats://prod:1"]);
}

#[test]
fn what_is_wrong_is_told_without_secrets() {
    let home = Home::new(&[]);
    home.context("json", r#"{"password": "s3cr3t"#);
    home.context("type", r#"{"url": "a", "password": {"s3cr3t": 1}}"#);
    home.context("windows", r#"{"windows_cert_store": "user"}"#);
    home.context("nsc", r#"{"nsc": "nsc://o/a/u"}"#);
    for (name, text) in [
        ("none", "No such file"),
        ("../up", "no name of a context"),
        ("/no/such/file.json", "No such file"),
        ("json", "no valid JSON at line 1"),
        ("type", "a wrong type at line 1"),
        ("windows", "windows_cert_store"),
        ("nsc", "not to be found"),
    ] {
        let error = home.named(name).unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption);
        assert!(error.text().contains(text) && error.text().contains(name), "{error}");
        assert!(!error.text().contains("s3cr3t"), "{error}");
    }
}

#[test]
fn nsc_is_asked_for_credentials() {
    use std::os::unix::fs::PermissionsExt;
    let mut home = Home::new(&[]);
    home.context("c", r#"{"nsc": "nsc://o/a/u"}"#);
    let script = |text: &str| {
        let program = home.write("nsc", &format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    script(
        r#"[ "$*" = "generate profile nsc://o/a/u" ] && echo '{"user_creds": "/u.creds",
           "operator": {"service": ["nats://a:1", "nats://b:1"]}}'"#,
    );
    home.variables.insert("PATH".into(), home.dir.path().display().to_string());
    let options = home.named("c").unwrap();
    assert_eq!(options.creds_file, path("/u.creds"));
    assert_eq!(options.servers, ["nats://a:1,nats://b:1"]);
    let script = |text: &str| {
        std::fs::write(home.dir.path().join("nsc"), format!("#!/bin/sh\n{text}\n")).unwrap();
    };
    script("echo s3cr3t; exit 3");
    let error = home.named("c").unwrap_err();
    assert!(error.text().contains("exit status: 3") && !error.text().contains("s3cr3t"), "{error}");
    script("echo no profile");
    assert!(home.named("c").unwrap_err().text().contains("no profile"));
}

#[test]
fn durations() {
    for (text, millis) in [("5s", 5000), ("500ms", 500), ("1m30s", 90_000), ("1.5h", 5_400_000)] {
        assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
    }
    for text in ["", "5", "s", "5x", "-5s", "0s", "1e9s"] {
        assert_eq!(duration(text), None, "{text}");
    }
}
