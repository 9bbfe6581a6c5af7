//! The settings, and the one reader of the environment and of `.env`.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use url::Url;

use crate::{
    db::{DatabaseUrl, Pooler},
    domain::email::{EmailAddress, Mailbox},
    mail::relay::Relay,
};

mod access;
mod postgres;
mod sso;

pub use access::SessionSettings;
pub use postgres::{is_far, proves_the_server};
pub use sso::SsoSettings;

#[cfg(test)]
mod tests;

/// A setting's name, what it is for, and a value that would be taken.
struct About {
    name: &'static str,
    what: &'static str,
    example: &'static str,
}

macro_rules! settings {
    ($($constant:ident = $name:literal, $what:literal, $example:literal;)+) => {
        $(const $constant: About = About { name: $name, what: $what, example: $example };)+
        const ALL: &[About] = &[$($constant),+];
    };
}

settings! {
    DATABASE_URL = "DATABASE_URL", "where the data lives: sqlite:PATH, postgres://… or \
        postgresql://… [default: sqlite:rewarddesk.db]", "sqlite:rewarddesk.db";
    POOLER = "REWARDDESK_DATABASE_POOLER", "the pooler in front of PostgreSQL: none, or \
                                            transaction for pgbouncer in transaction mode \
                                            [default: none]", "transaction";
    LISTEN = "REWARDDESK_LISTEN", "address and port that serve listens on [default: \
        127.0.0.1:8080]", "127.0.0.1:8080";
    BASE_URL = "REWARDDESK_BASE_URL", "the address people type [default: http:// and the \
        listening address]", "https://desk.example.com";
    SECRET_KEY = "REWARDDESK_SECRET_KEY", "secret text of 32 or more characters, needed by serve", "$(openssl rand -hex \
        \
        32)";
    SECRET_KEY_FILE = "REWARDDESK_SECRET_KEY_FILE", "a file that contains the secret text, instead \
                                                     of the above", "/etc/rewarddesk/secret";
    SMTP_URL = "SMTP_URL", "the mail relay: smtps://, smtp://…?tls=required, smtp:// (a password \
                            only with cleartext-password=allowed), or file:DIR to write .eml files", "smtps://user:password@smtp.example.com";
    MAIL_FROM = "MAIL_FROM", "sender of emails for merchants without their own sender", "Rewards \
        <rewards@example.com>";
    SESSION_IDLE = "REWARDDESK_SESSION_IDLE_MINUTES", "minutes of inactivity after which a session \
                                                       ends [default: 30]", "30";
    SESSION_HOURS = "REWARDDESK_SESSION_HOURS", "hours after which a session ends in any case \
        [default: 8]", "8";
    CONFIRMATION = "REWARDDESK_CONFIRMATION_MINUTES", "minutes after which exports, changes to \
                                                       users and purges need to be confirmed again \
                                                       [default: 15]", "15";
    ABSENCE = "REWARDDESK_LOCK_AFTER_DAYS", "days of inactivity after which an account is locked; \
                                             0: never [default: 90]", "90";
    TRUSTED_PROXIES = "REWARDDESK_TRUSTED_PROXIES", "proxies whose X-Forwarded-For is trusted, \
                                                     separated by commas [default: none]", "127.0.0.1,10.0.0.0/8";
    HEAD_MAIL = "REWARDDESK_AUDIT_HEAD_MAIL", "address that receives the audit log heads once a \
                                               day [default: nobody]", "auditor@example.com";
    METRICS_LISTEN = "REWARDDESK_METRICS_LISTEN", "address and port of /metrics, for machines, \
        without a sign-in [default: off]", "127.0.0.1:9100";
    OIDC_ISSUER = "REWARDDESK_OIDC_ISSUER", "single sign-on: the OpenID Connect provider's issuer \
        [default: off]", "https://login.example.com";
    OIDC_CLIENT_ID = "REWARDDESK_OIDC_CLIENT_ID", "the desk's client ID at the provider", "rewarddesk";
    OIDC_CLIENT_SECRET = "REWARDDESK_OIDC_CLIENT_SECRET", "the client secret from the provider", "the-secret-it-gave";
    OIDC_CLIENT_SECRET_FILE = "REWARDDESK_OIDC_CLIENT_SECRET_FILE", "a file that contains that \
                                                                     secret, instead of the above", "/etc/rewarddesk/oidc-secret";
    OIDC_NAME = "REWARDDESK_OIDC_NAME", "the provider's name on the sign-in page: Continue with … \
                                         [default: single sign-on]", "Acme";
    RUST_LOG = "RUST_LOG", "what is logged [default: info for servers and imports, warn for the \
        rest]", "info,rewarddesk=debug";
    LOG_FORMAT = "REWARDDESK_LOG_FORMAT", "pretty or json [default: pretty]", "json";
}

/// A setting that is missing or cannot be used. Reads as one line and never holds a secret's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

impl About {
    fn missing(&self) -> SettingError {
        SettingError(format!(
            "{} is not set: {}; for example {}={}",
            self.name,
            self.what,
            self.name,
            quoted(self.example)
        ))
    }

    fn malformed(&self, why: impl fmt::Display) -> SettingError {
        SettingError(format!(
            "{} can't be used: {why}; for example {}={}",
            self.name,
            self.name,
            quoted(self.example)
        ))
    }
}

fn quoted(example: &str) -> String {
    if example.contains([' ', '(', '&']) { format!("\"{example}\"") } else { example.to_owned() }
}

/// A value that no log and no debug output may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How mail leaves the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailRoute {
    /// To a relay, by lettre's URL form; it may hold a password.
    Smtp(Secret),
    /// Each mail as an .eml file in this folder.
    Folder(PathBuf),
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// The settings as found, not yet judged: a command is only stopped by those that it asks for.
#[derive(Clone, Default)]
pub struct Settings(HashMap<&'static str, String>);

/// All that a server needs, judged.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    pub database: DatabaseUrl,
    pub listen: SocketAddr,
    pub base_url: Url,
    pub secret: Secret,
    pub mail: MailRoute,
    pub mail_from: Mailbox,
    pub metrics_listen: Option<SocketAddr>,
    pub sessions: SessionSettings,
    pub trusted_proxies: Vec<IpNet>,
    pub sso: Option<SsoSettings>,
    pub heads_recipient: Option<EmailAddress>,
}

/// Names only: values may be secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What libpq would read from the environment to decide where a connection leads, behind the back
/// of `DATABASE_URL`.
const AMBIENT: [&str; 3] = ["PGHOST", "PGHOSTADDR", "PGSERVICE"];

impl Settings {
    /// Reads `.env` in the current folder and the environment, which wins.
    pub fn load() -> Result<Self, SettingError> {
        let mut found: HashMap<String, String> = HashMap::new();
        match dotenvy::from_path_iter(".env") {
            Ok(lines) => {
                for line in lines {
                    // The error would show the line, which may hold a secret.
                    let (name, value) = line.map_err(|_| {
                        SettingError(
                            "the file .env in this folder has a line that isn't NAME=value; put \
                             values with spaces in quotes"
                                .into(),
                        )
                    })?;
                    found.insert(name, value);
                }
            }
            Err(error) if error.not_found() => {}
            Err(_) => {
                return Err(SettingError("the file .env in this folder can't be read".into()));
            }
        }
        for about in ALL {
            if let Some(value) = std::env::var_os(about.name) {
                found.insert(
                    about.name.to_owned(),
                    value.into_string().map_err(|_| about.malformed("it isn't UTF-8 text"))?,
                );
            }
        }
        for name in AMBIENT {
            if std::env::var_os(name).is_some_and(|value| !value.is_empty()) {
                found.insert(name.to_owned(), "set".to_owned());
            }
        }
        Ok(Self::from_pairs(found))
    }

    /// Settings from pairs of name and value; unknown names are ignored, an empty value counts as
    /// not set.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let known = |name: &str| {
            ALL.iter().map(|about| about.name).chain(AMBIENT).find(|known| *known == name)
        };
        Self(
            pairs
                .into_iter()
                .filter(|(_, value)| !value.trim().is_empty())
                .filter_map(|(n, v)| Some((known(&n)?, v)))
                .collect(),
        )
    }

    fn get(&self, about: &About) -> Option<&str> {
        self.0.get(about.name).map(|value| value.trim())
    }

    pub fn database(&self) -> Result<DatabaseUrl, SettingError> {
        let text = self.get(&DATABASE_URL).unwrap_or("sqlite:rewarddesk.db");
        let url = DatabaseUrl::parse(text).map_err(|why| DATABASE_URL.malformed(why))?;
        if let Some(url) = url.postgres_url() {
            postgres::check(url, cfg!(feature = "pg-tls")).map_err(SettingError)?;
            let ambient: Vec<&str> =
                AMBIENT.into_iter().filter(|name| self.0.contains_key(name)).collect();
            postgres::check_ambient(url, &ambient).map_err(|why| DATABASE_URL.malformed(why))?;
        }
        Ok(url.behind(self.pooler()?))
    }

    fn pooler(&self) -> Result<Pooler, SettingError> {
        match self.get(&POOLER) {
            None | Some("none") => Ok(Pooler::None),
            Some("transaction") => Ok(Pooler::Transaction),
            Some(_) => Err(POOLER.malformed("it must be none or transaction")),
        }
    }

    pub fn listen(&self) -> Result<SocketAddr, SettingError> {
        self.address(&LISTEN)
            .map(|address| address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))))
    }

    pub fn metrics_listen(&self) -> Result<Option<SocketAddr>, SettingError> {
        self.address(&METRICS_LISTEN)
    }

    fn address(&self, about: &About) -> Result<Option<SocketAddr>, SettingError> {
        let parse = |text: &str| {
            text.parse().map_err(|_| about.malformed("expected an address and a port"))
        };
        self.get(about).map(parse).transpose()
    }

    /// The public address, without a path's trailing slash; `listen` is where the server really
    /// listens.
    pub fn base_url(&self, listen: SocketAddr) -> Result<Url, SettingError> {
        let default = format!("http://{listen}");
        let url = Url::parse(self.get(&BASE_URL).unwrap_or(&default))
            .map_err(|e| BASE_URL.malformed(e))?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none();
        if !plain
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(
                BASE_URL.malformed("expected http:// or https://, a host and nothing after it")
            );
        }
        Ok(url)
    }

    /// The installation's secret, from the setting or the file.
    pub fn secret(&self) -> Result<Secret, SettingError> {
        let (about, text) = match (self.get(&SECRET_KEY), self.secret_file()) {
            (Some(_), Some(_)) => {
                return Err(SECRET_KEY.malformed(format!(
                    "{} is also set; keep only one of them",
                    SECRET_KEY_FILE.name
                )));
            }
            (Some(text), None) => (&SECRET_KEY, text.to_owned()),
            (None, Some(path)) => {
                let read = std::fs::read_to_string(path);
                (
                    &SECRET_KEY_FILE,
                    read.map_err(|e| {
                        SECRET_KEY_FILE.malformed(format!("can't read {}: {e}", path.display()))
                    })?,
                )
            }
            (None, None) => return Err(SECRET_KEY.missing()),
        };
        let text = text.trim();
        match text.chars().count() {
            0..32 => Err(about.malformed("the secret has fewer than 32 characters")),
            _ => Ok(Secret(text.to_owned())),
        }
    }

    /// Whether the secret is set at all, for commands that can do without.
    pub fn has_secret(&self) -> bool {
        self.get(&SECRET_KEY).is_some() || self.secret_file().is_some()
    }

    pub fn secret_file(&self) -> Option<&Path> {
        self.get(&SECRET_KEY_FILE).map(Path::new)
    }

    /// How mail leaves; a server cannot do without.
    pub fn mail_route(&self) -> Result<MailRoute, SettingError> {
        let text = self.get(&SMTP_URL).ok_or_else(|| SMTP_URL.missing())?;
        if let Some(folder) = text.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return if folder.is_empty() {
                Err(SMTP_URL.malformed("file: must be followed by a folder"))
            } else {
                Ok(MailRoute::Folder(folder.into()))
            };
        }
        if !text.starts_with("smtp://") && !text.starts_with("smtps://") {
            return Err(SMTP_URL.malformed("it must start with smtp://, smtps:// or file:"));
        }
        match (Url::parse(text), Relay::from_url(text)) {
            (Ok(_), Ok(_)) => Ok(MailRoute::Smtp(Secret(text.to_owned()))),
            (Ok(_), Err(invalid)) => Err(SMTP_URL.malformed(invalid.0)),
            (Err(_), _) => Err(SMTP_URL.malformed(
                "it isn't a mail relay address; percent-encode special characters in the password",
            )),
        }
    }

    pub fn mail_from(&self) -> Result<Mailbox, SettingError> {
        let text = self.get(&MAIL_FROM).ok_or_else(|| MAIL_FROM.missing())?;
        Mailbox::parse(text).map_err(|why| MAIL_FROM.malformed(why))
    }

    /// Who gets the heads of the audit logs.
    pub fn heads_recipient(&self) -> Result<Option<EmailAddress>, SettingError> {
        self.get(&HEAD_MAIL)
            .map(|text| EmailAddress::parse(text).map_err(|why| HEAD_MAIL.malformed(why)))
            .transpose()
    }

    /// What is logged, in the form of `RUST_LOG`.
    pub fn log_filter(&self) -> Option<&str> {
        self.get(&RUST_LOG)
    }

    /// A complaint about [`Settings::log_filter`]'s value.
    pub fn bad_log_filter(why: impl fmt::Display) -> SettingError {
        RUST_LOG.malformed(why)
    }

    pub fn log_format(&self) -> Result<LogFormat, SettingError> {
        match self.get(&LOG_FORMAT) {
            None | Some("pretty") => Ok(LogFormat::Pretty),
            Some("json") => Ok(LogFormat::Json),
            Some(_) => Err(LOG_FORMAT.malformed("it must be pretty or json")),
        }
    }

    /// Everything `serve` needs; `listen` is its command-line option, which wins.
    pub fn for_server(&self, listen: Option<SocketAddr>) -> Result<ServerSettings, SettingError> {
        let listen = listen.map_or_else(|| self.listen(), Ok)?;
        Ok(ServerSettings {
            database: self.database()?,
            listen,
            base_url: self.base_url(listen)?,
            secret: self.secret()?,
            mail: self.mail_route()?,
            mail_from: self.mail_from()?,
            metrics_listen: self.metrics_listen()?,
            sessions: self.sessions()?,
            trusted_proxies: self.trusted_proxies()?,
            sso: self.sso()?,
            heads_recipient: self.heads_recipient()?,
        })
    }
}

/// The settings as `--help` lists them.
pub fn help() -> String {
    let lines = ALL.iter().map(|about| format!("  {:<34} {}", about.name, about.what));
    format!(
        "Settings (environment variables, or lines of a file .env in the current folder):\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}
