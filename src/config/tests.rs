//! Settings as people write them, and mistakes as they make them.

use super::*;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_pairs(
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn refusal<T: fmt::Debug>(outcome: Result<T, SettingError>) -> String {
    outcome.map_or_else(|error| error.to_string(), |value| panic!("{value:?} was taken"))
}

#[test]
fn a_server_without_settings_is_told_one_name_and_an_example() {
    assert!(
        refusal(settings(&[]).for_server(None))
            .contains("REWARDDESK_SECRET_KEY=\"$(openssl rand -hex 32)\"")
    );
    let secret = ("REWARDDESK_SECRET_KEY", "0123456789abcdef0123456789abcdef");
    assert!(refusal(settings(&[secret]).for_server(None)).contains("SMTP_URL=smtps://"));
    let mail = ("SMTP_URL", "file:/tmp/mail");
    assert!(
        refusal(settings(&[secret, mail]).for_server(None))
            .contains("MAIL_FROM=\"Rewards <rewards@example.com>\"")
    );
    let server = settings(&[secret, mail, ("MAIL_FROM", "desk@example.com")]).for_server(None);
    assert_eq!(
        server.map(|s| (s.listen.to_string(), s.base_url.to_string())),
        Ok(("127.0.0.1:8080".into(), "http://127.0.0.1:8080/".into()))
    );
}

#[test]
fn the_option_wins_over_the_setting_and_the_base_url_follows() {
    let all = settings(&[
        ("REWARDDESK_LISTEN", "127.0.0.1:1"),
        ("REWARDDESK_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("SMTP_URL", "smtp://127.0.0.1:2525"),
        ("MAIL_FROM", "desk@example.com"),
    ]);
    let server = all.for_server(Some(SocketAddr::from(([127, 0, 0, 1], 9))));
    assert_eq!(server.map(|s| s.base_url.to_string()), Ok("http://127.0.0.1:9/".into()));
}

#[test]
fn malformed_values_are_named() {
    for (name, value) in [
        ("REWARDDESK_LISTEN", "8080"),
        ("REWARDDESK_METRICS_LISTEN", "localhost"),
        ("REWARDDESK_BASE_URL", "desk.example.com"),
        ("REWARDDESK_BASE_URL", "https://desk.example.com/sub"),
        ("REWARDDESK_BASE_URL", "ftp://desk.example.com"),
        ("REWARDDESK_SECRET_KEY", "too short"),
        ("REWARDDESK_SECRET_KEY_FILE", "/no/such/file"),
        ("SMTP_URL", "mail.example.com"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "file:"),
        ("MAIL_FROM", "nobody"),
        ("REWARDDESK_LOG_FORMAT", "xml"),
        ("DATABASE_URL", "mysql://x"),
    ] {
        let s = settings(&[(name, value)]);
        let complaints = [
            s.listen().err(),
            s.metrics_listen().err(),
            s.base_url(SocketAddr::from(([127, 0, 0, 1], 1))).err(),
            s.secret().err(),
            s.mail_route().err(),
            s.mail_from().err(),
            s.log_format().err(),
            s.database().err(),
        ];
        let complaints: Vec<String> =
            complaints.into_iter().flatten().map(|e| e.to_string()).collect();
        assert!(
            complaints.iter().any(|c| c.starts_with(&format!("{name} can't be used"))),
            "{name}={value}: {complaints:?}"
        );
        assert!(complaints.iter().all(|c| !c.contains('\n')));
    }
}

#[test]
fn an_empty_setting_counts_as_not_set() {
    assert_eq!(settings(&[("REWARDDESK_LISTEN", " ")]).listen().map(|a| a.port()), Ok(8080));
}

#[test]
fn secrets_never_show_in_debug_output() {
    let all = settings(&[
        ("REWARDDESK_SECRET_KEY", "hush-0123456789abcdef0123456789abcdef"),
        ("SMTP_URL", "smtp://user:hush@127.0.0.1"),
        ("MAIL_FROM", "desk@example.com"),
        ("DATABASE_URL", "postgres://desk:hush@127.0.0.1/x"),
    ]);
    let server = all.for_server(None).unwrap_or_else(|e| panic!("{e}"));
    assert!(!format!("{all:?} {:?} {:?}", server.secret, server.mail).contains("hush"));
    assert!(!refusal(settings(&[("SMTP_URL", "smtp://user:hu sh@")]).mail_route()).contains("sh@"));
}

#[test]
fn a_database_across_the_network_needs_tls_or_a_waiver() {
    for near in [
        "postgres://desk@127.0.0.1/x",
        "postgres://desk:a%40b@localhost:5433/x",
        "postgresql://[::1]/x",
        "postgres:///x",
        "postgres://%2Fvar%2Frun%2Fpostgresql/x",
        "postgres:///x?host=/var/run/postgresql",
        "postgres://db.example.com/x?hostaddr=127.0.0.1",
    ] {
        assert_eq!(postgres::check(near, false), Ok(()), "{near}");
    }
    for far in [
        "postgres://desk@db.example.com/x",
        "postgres://desk@10.0.0.1/x",
        "postgres://localhost,db.example.com:5432/x",
        "postgres:///x?host=db.example.com",
        "postgres://desk@127.0.0.1@db.example.com/x?sslmode=prefer",
    ] {
        assert!(
            postgres::check(far, false)
                .is_err_and(|e| e.contains("pg-tls") && e.contains("sslmode=disable")),
            "{far}"
        );
        assert!(
            postgres::check(far, true)
                .is_err_and(|e| e.contains("sslmode=verify-full") && !e.contains("pg-tls")),
            "{far}"
        );
    }
    assert_eq!(postgres::check("postgres://db.example.com/x?sslmode=disable", false), Ok(()));
    assert_eq!(postgres::check("postgres://db.example.com/x?sslmode=verify-full", true), Ok(()));
    assert_eq!(postgres::check("postgres://db.example.com/x?sslrootcert=system", true), Ok(()));
    assert!(postgres::proves_the_server("postgres://db.example.com/x?sslrootcert=system"));
    assert!(postgres::proves_the_server(
        "postgres://db.example.com/x?sslmode=verify-full&sslrootcert=ca.crt"
    ));
    assert!(!postgres::proves_the_server(
        "postgres://db.example.com/x?sslmode=require&sslrootcert=ca.crt"
    ));
    assert!(
        postgres::check("postgres://127.0.0.1/x?sslmode=require", false)
            .is_err_and(|e| e.contains("--features pg-tls"))
    );
}

#[test]
fn nothing_but_the_address_decides_where_it_leads() {
    let here = "postgres://desk@127.0.0.1/x";
    assert_eq!(postgres::check_ambient(here, &["PGHOST"]), Ok(()));
    for (url, ambient) in [("postgres:///x", "PGHOST"), (here, "PGHOSTADDR"), (here, "PGSERVICE")] {
        assert!(
            postgres::check_ambient(url, &[ambient]).is_err_and(|e| e.contains(ambient)),
            "{url} {ambient}"
        );
    }
    assert!(postgres::check_ambient("postgres://127.0.0.1/x?service=far", &[]).is_err());
}

#[test]
fn a_malformed_address_is_refused_without_a_word_of_it() {
    for url in [
        "postgres://u:hunter%2_secret@127.0.0.1/db",
        "postgres://u:hunter secret@127.0.0.1/db",
        "postgres://u:hunter@secret@127.0.0.1/db",
    ] {
        let refusal = settings(&[("DATABASE_URL", url)])
            .database()
            .map(drop)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(
            refusal.starts_with("DATABASE_URL ")
                && !refusal.contains("hunter")
                && !refusal.contains("secret"),
            "{refusal}"
        );
    }
}

#[test]
fn the_audit_heads_go_to_an_address_or_nowhere() {
    assert_eq!(settings(&[]).heads_recipient(), Ok(None));
    let set = settings(&[("REWARDDESK_AUDIT_HEAD_MAIL", "auditor@example.com")]).heads_recipient();
    assert_eq!(
        set.map(|address| address.map(|address| address.to_string())),
        Ok(Some("auditor@example.com".into()))
    );
    assert!(
        refusal(settings(&[("REWARDDESK_AUDIT_HEAD_MAIL", "auditor")]).heads_recipient())
            .contains("REWARDDESK_AUDIT_HEAD_MAIL")
    );
}

#[test]
fn sessions_and_proxies_are_set_in_numbers_and_networks() {
    let all = settings(&[
        ("REWARDDESK_LOCK_AFTER_DAYS", "0"),
        ("REWARDDESK_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,::1"),
    ]);
    assert_eq!(
        all.sessions(),
        Ok(SessionSettings {
            idle_minutes: 30,
            hours: 8,
            confirmation_minutes: 15,
            absence_days: None
        })
    );
    assert_eq!(all.trusted_proxies().map(|nets| nets.len()), Ok(3));
    for (name, value) in [
        ("REWARDDESK_SESSION_IDLE_MINUTES", "0"),
        ("REWARDDESK_SESSION_HOURS", "8h"),
        ("REWARDDESK_LOCK_AFTER_DAYS", "-1"),
    ] {
        assert!(refusal(settings(&[(name, value)]).sessions()).contains(name));
    }
    assert!(
        refusal(settings(&[("REWARDDESK_TRUSTED_PROXIES", "10.0.0.0/8, proxy")]).trusted_proxies())
            .contains("\"proxy\" isn't an address")
    );
}

#[test]
fn a_pooler_is_said_in_one_of_two_words() {
    let here =
        ("DATABASE_URL", "postgres://a:1,b:2/desk?target_session_attrs=read-write&sslmode=disable");
    let behind = |word| {
        settings(&[here, ("REWARDDESK_DATABASE_POOLER", word)])
            .database()
            .map(|url| url.has_pooler())
    };
    assert_eq!(settings(&[here]).database().map(|url| url.has_pooler()), Ok(false));
    assert_eq!((behind("none"), behind("transaction")), (Ok(false), Ok(true)));
    assert!(refusal(behind("session")).starts_with("REWARDDESK_DATABASE_POOLER "));
}
