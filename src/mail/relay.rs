//! One SMTP relay, and a few connections to it that are kept for the next mail. lettre's own pooled
//! transport tells the code of a refusal but not which command was refused; what is final hangs on
//! that (guarantee R9), so the dialogue is led here, command by command, on a connection that
//! trusts the relay less: see `replies`.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, TlsParameters},
    commands::{Data, Mail, Rcpt},
    extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    response::Response,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use super::{
    SendError,
    judge::{SmtpStep, judge, unexpected, unreachable},
    message::Message,
    replies::Replies,
};
use crate::domain::Invalid;

/// A whole dialogue takes no longer (RFC 5321 section 4.5.3.2 lets one command take as long).
const SMTP_REPLY_TIMEOUT: Duration = Duration::from_mins(5);
/// How long a connection is kept without use; relays close them after a minute or more.
const IDLE_CONNECTION_LIFETIME: Duration = Duration::from_secs(30);
const MOST_KEPT: usize = 4;
/// Relays count the mails of one connection and cut it off at some hundred.
const MAILS_PER_CONNECTION: u32 = 50;
/// A kept connection that says nothing for so long is dead, whatever TCP thinks.
const KEPT_PATIENCE: Duration = Duration::from_secs(10);

/// A relay and how to reach it.
pub struct Relay {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    /// Whether the password may leave without TLS.
    may_sign_in_unencrypted: bool,
    hello: ClientId,
    patience: Duration,
    kept: Mutex<VecDeque<SmtpConnection>>,
}

enum Security {
    Plain,
    /// STARTTLS where the relay offers it.
    Opportunistic(TlsParameters),
    /// STARTTLS or nothing.
    Required(TlsParameters),
    /// TLS from the first byte.
    Wrapped(TlsConnector, ServerName<'static>),
}

struct SmtpConnection {
    conn: AsyncSmtpConnection,
    mails: u32,
    since: Instant,
}

/// Without host or credentials: this may end up in a log.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relay(…)")
    }
}

impl Relay {
    /// Takes lettre's URL form: `smtp://`, `smtp://…?tls=required`, `smtp://…?tls=opportunistic`,
    /// `smtps://`; the path is the EHLO name. With `cleartext-password=allowed` the password may
    /// leave without TLS, as it may to a relay on this machine.
    ///
    /// Errors: a sentence without the address itself.
    pub fn from_url(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::because(
                "a mail relay's address must start with smtp:// or smtps://, such as \
                 smtps://user:password@mail.example.com",
            )
        };
        let url = url::Url::parse(text).map_err(|_| invalid())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(invalid)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = || {
            TlsParameters::new(host.clone()).map_err(|_| {
                Invalid::because("the mail relay's host name can't be used in a certificate")
            })
        };
        let asked =
            url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        let (security, usual_port) = match (url.scheme(), asked.as_deref()) {
            ("smtp", None) => (Security::Plain, 25),
            ("smtp", Some("opportunistic")) => (Security::Opportunistic(tls()?), 587),
            ("smtp", Some("required")) => (Security::Required(tls()?), 587),
            ("smtps", _) => (wrapped(&host)?, 465),
            ("smtp", Some(_)) => {
                return Err(Invalid::because(
                    "tls must be required or opportunistic: smtp://mail.example.com?tls=required",
                ));
            }
            _ => return Err(invalid()),
        };
        let credentials = match url.password() {
            Some(password) => Some(Credentials::new(decoded(url.username())?, decoded(password)?)),
            None if url.username().is_empty() => None,
            None => {
                return Err(Invalid::because(
                    "the mail relay's address has a user but no password: \
                     smtps://user:password@mail.example.com",
                ));
            }
        };
        let is_allowed =
            url.query_pairs().any(|(key, value)| key == "cleartext-password" && value == "allowed");
        let may_sign_in_unencrypted = is_allowed || is_this_machine(&host);
        if credentials.is_some() && matches!(security, Security::Plain) && !may_sign_in_unencrypted
        {
            return Err(Invalid::because(
                "the password would leave this machine without encryption: use smtps://, or \
                 smtp://…?tls=required; if you trust the whole network up to the relay, add \
                 cleartext-password=allowed",
            ));
        }
        let name = url.path().trim_matches('/');
        let hello =
            if name.is_empty() { ClientId::default() } else { ClientId::Domain(name.to_owned()) };
        let port = url.port().unwrap_or(usual_port);
        Ok(Self {
            host,
            port,
            security,
            credentials,
            may_sign_in_unencrypted,
            hello,
            patience: SMTP_REPLY_TIMEOUT,
            kept: Mutex::default(),
        })
    }

    /// With another bound for a whole dialogue than five minutes.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Connects and signs in, sends nothing.
    pub async fn probe(&self) -> Result<(), SendError> {
        self.connect(Instant::now() + self.patience).await.map(|connection| self.keep(connection))
    }

    /// Sends one message over a kept connection or a fresh one.
    pub(super) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let deadline = Instant::now() + self.patience;
        if let Some(mut connection) = self.take_kept() {
            // Whatever a kept connection answers to MAIL FROM, a fresh one gets its chance: this
            // one may just be tired.
            if name_sender(&mut connection, message, (Instant::now() + KEPT_PATIENCE).min(deadline))
                .await
                .is_ok()
            {
                return self.hand_over(connection, message, deadline).await;
            }
        }
        let mut connection = self.connect(deadline).await?;
        name_sender(&mut connection, message, deadline).await?;
        self.hand_over(connection, message, deadline).await
    }

    async fn connect(&self, deadline: Instant) -> Result<SmtpConnection, SendError> {
        let mut conn = self.greet(deadline).await?;
        let upgrade = match &self.security {
            Security::Required(tls) => Some(tls),
            Security::Opportunistic(tls) if conn.can_starttls() => Some(tls),
            _ => None,
        };
        if let Some(tls) = upgrade {
            step(SmtpStep::StartTls, deadline, conn.starttls(tls.clone(), &self.hello)).await?;
        }
        let is_encrypted = upgrade.is_some() || matches!(self.security, Security::Wrapped(..));
        if let Some(credentials) = &self.credentials {
            if !is_encrypted && !self.may_sign_in_unencrypted {
                return Err(SendError::Temporary(
                    "the relay offers no encryption, so our password was not sent".into(),
                ));
            }
            command(SmtpStep::SignIn, &[235], deadline, conn.auth(DEFAULT_MECHANISMS, credentials))
                .await?;
        }
        Ok(SmtpConnection { conn, mails: 0, since: Instant::now() })
    }

    /// TCP, TLS where it is there from the first byte, greeting and EHLO.
    async fn greet(&self, deadline: Instant) -> Result<AsyncSmtpConnection, SendError> {
        let connecting = async {
            let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
            let peer = tcp.peer_addr()?;
            std::io::Result::Ok((tcp, peer))
        };
        let in_time =
            timeout_at(deadline, connecting).await.map_err(|_| SmtpStep::Connect.too_late())?;
        let (tcp, peer) = in_time.map_err(|error| unreachable("could not be reached", &error))?;
        let Security::Wrapped(connector, name) = &self.security else {
            let stream = Box::new(Replies::of(tcp, peer));
            return step(
                SmtpStep::Connect,
                deadline,
                AsyncSmtpConnection::connect_with_transport(stream, &self.hello),
            )
            .await;
        };
        let in_time = timeout_at(deadline, connector.connect(name.clone(), tcp))
            .await
            .map_err(|_| SmtpStep::Connect.too_late())?;
        let tls = in_time.map_err(|error| unreachable("could not be used", &error))?;
        let stream = Box::new(Replies::of(tls, peer));
        step(
            SmtpStep::Connect,
            deadline,
            AsyncSmtpConnection::connect_with_transport(stream, &self.hello),
        )
        .await
    }

    /// RCPT, DATA and the message: from here on an answer of 5xx is final. A connection that saw
    /// any error is not kept.
    async fn hand_over(
        &self,
        mut connection: SmtpConnection,
        message: &Message,
        deadline: Instant,
    ) -> Result<(), SendError> {
        command(
            SmtpStep::Recipient,
            &[250, 251],
            deadline,
            connection.conn.command(Rcpt::new(message.to.clone(), vec![])),
        )
        .await?;
        command(SmtpStep::Content, &[354], deadline, connection.conn.command(Data)).await?;
        command(SmtpStep::Content, &[250], deadline, connection.conn.message(&message.bytes))
            .await?;
        connection.mails += 1;
        self.keep(connection);
        Ok(())
    }

    fn take_kept(&self) -> Option<SmtpConnection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|connection| connection.since.elapsed() < IDLE_CONNECTION_LIFETIME);
        kept.pop_back()
    }

    fn keep(&self, mut connection: SmtpConnection) {
        if connection.mails >= MAILS_PER_CONNECTION {
            return;
        }
        connection.since = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_KEPT {
            kept.push_back(connection);
        }
    }
}

async fn name_sender(
    connection: &mut SmtpConnection,
    message: &Message,
    deadline: Instant,
) -> Result<(), SendError> {
    let server = connection.conn.server_info();
    let mut parameters = vec![];
    if !message.has_plain_addresses() {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(SendError::Temporary(
                "the relay doesn't accept addresses with non-ASCII characters (SMTPUTF8)".into(),
            ));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.bytes.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let mail = Mail::new(Some(message.from.clone()), parameters);
    command(SmtpStep::Sender, &[250], deadline, connection.conn.command(mail)).await
}

/// A step that is done only by one of these answers: the library takes any of 2xx and 3xx for a
/// yes, and a mail is taken by 250 alone.
async fn command(
    at: SmtpStep,
    codes: &[u16],
    deadline: Instant,
    work: impl Future<Output = Result<Response, Error>>,
) -> Result<(), SendError> {
    let code = u16::from(step(at, deadline, work).await?.code());
    if codes.contains(&code) { Ok(()) } else { Err(unexpected(at, code)) }
}

async fn step<T>(
    step: SmtpStep,
    deadline: Instant,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, SendError> {
    match timeout_at(deadline, work).await {
        Ok(outcome) => outcome.map_err(|error| judge(step, &error)),
        Err(_) => Err(step.too_late()),
    }
}

/// TLS from the first byte, with the roots that STARTTLS trusts, too.
fn wrapped(host: &str) -> Result<Security, Invalid> {
    let invalid = || Invalid::because("the mail relay's host name can't be used in a certificate");
    let name = ServerName::try_from(host.to_owned()).map_err(|_| invalid())?;
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| invalid())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Security::Wrapped(TlsConnector::from(Arc::new(config)), name))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn decoded(text: &str) -> Result<String, Invalid> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Invalid::because("the mail relay's user or password isn't UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_are_named_as_lettre_names_them() {
        let port = |url: &str| Relay::from_url(url).map(|relay| relay.port);
        assert_eq!(port("smtp://localhost"), Ok(25));
        assert_eq!(port("smtp://[::1]:2525"), Ok(2525));
        assert_eq!(port("smtp://mail.example.com?tls=required"), Ok(587));
        assert_eq!(port("smtps://jo:p%40ss@mail.example.com/desk.example"), Ok(465));
        for url in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://x?tls=maybe",
            "smtps://user@x",
            "smtp:x",
        ] {
            assert!(Relay::from_url(url).is_err(), "{url:?} was taken");
        }
    }

    #[test]
    fn a_password_leaves_this_machine_encrypted_unless_it_may_not() {
        for url in [
            "smtp://jo:word@mail.example.com",
            "smtp://jo:word@mail.example.com?cleartext-password=yes",
            "smtp://jo:word@10.0.0.1",
        ] {
            assert!(
                Relay::from_url(url).is_err_and(|invalid| invalid.0.contains("without encryption")),
                "{url}"
            );
        }
        for url in [
            "smtp://jo:word@localhost",
            "smtp://jo:word@[::1]:25",
            "smtp://jo:word@127.0.0.2",
            "smtp://mail.example.com",
            "smtps://jo:word@mail.example.com",
            "smtp://jo:word@mail.example.com?tls=required",
            "smtp://jo:word@mail.example.com?tls=opportunistic",
            "smtp://jo:word@mail.example.com?cleartext-password=allowed",
        ] {
            assert!(Relay::from_url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_output_hold_the_password() {
        let url = "smtp://jo:secret-word@mail.example.com?tls=maybe";
        assert!(Relay::from_url(url).is_err_and(|invalid| !invalid.0.contains("secret-word")));
        let relay = Relay::from_url("smtps://jo:secret-word@mail.example.com")
            .map(|relay| format!("{relay:?}"));
        assert!(relay.is_ok_and(|text| !text.contains("secret-word")));
    }
}
