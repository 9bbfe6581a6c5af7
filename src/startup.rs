//! Builds the desk, its server and its workers from the settings, and runs them until they are
//! asked to stop. Wiring only.

use std::{
    fs,
    io::Write,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::dev::Server;
use chrono::TimeDelta;
use tokio::{signal::unix::SignalKind, sync::watch, task::LocalSet};
use url::Url;

use crate::{
    app::{
        Desk,
        sign_in::{
            passwords,
            provider::{OidcProvider, Terms},
            sessions::SessionLimits,
        },
        users::set_up,
    },
    cli::{database::open_limited, outcome::CommandFailure},
    config::{MailRoute, Secret, ServerSettings, SessionSettings, Settings, SsoSettings},
    db::{Database, DatabaseUrl, database::PAGE_STATEMENT_LIMIT, migrate},
    demo,
    domain::{clock::Clock, email::Mailbox},
    jobs::{audit_chain, import_worker, mail_worker, stock_keeper},
    mail::mailer::Mailer,
    web::{
        server::{
            self,
            metrics::{self, Metrics},
        },
        shared::{open_files, site::Site},
    },
};

/// What `rewarddesk serve` was asked for.
#[derive(Debug)]
pub struct ServeRequest {
    pub settings: Settings,
    /// Wins over `REWARDDESK_LISTEN`.
    pub listen: Option<SocketAddr>,
    pub hold_mail: bool,
}

/// What `rewarddesk demo` was asked for; `listen` is loopback.
#[derive(Debug)]
pub struct DemoRequest {
    pub listen: SocketAddr,
    pub dir: PathBuf,
    /// `None`: the small sample.
    pub customers: Option<u32>,
    pub reset: bool,
}

/// Everything a running server needs.
struct ServerParts {
    desk: Desk,
    mailer: Mailer,
    hold_mail: bool,
    listen: SocketAddr,
    metrics_listen: Option<SocketAddr>,
    site: Site,
}

/// Runs the real server until SIGTERM.
#[allow(clippy::needless_pass_by_value, reason = "what was asked for is used up by running")]
pub fn serve(serve: ServeRequest) -> Result<(), CommandFailure> {
    let settings = serve.settings.for_server(serve.listen)?;
    let db = open_limited(&serve.settings, Some(PAGE_STATEMENT_LIMIT))?;
    let mailer = mailer(&settings.mail)?;
    let SessionSettings { idle_minutes, hours, confirmation_minutes, absence_days } =
        settings.sessions;
    let session_limits = SessionLimits {
        idle: TimeDelta::minutes(idle_minutes),
        absolute: TimeDelta::hours(hours),
        absence: absence_days.map(TimeDelta::days),
        confirmation: TimeDelta::minutes(confirmation_minutes),
    };
    let site = Site {
        base_url: Some(settings.base_url.clone()),
        session_limits,
        trusted_proxies: settings.trusted_proxies,
        demo_sign_ins: vec![],
    };
    let ServerSettings {
        listen,
        metrics_listen,
        secret,
        mail_from,
        base_url,
        heads_recipient,
        sso,
        ..
    } = settings;
    let desk = Desk::new(db, Clock::System, mail_from, secret.expose())
        .reached_at(base_url.as_str())
        .sending_heads_to(heads_recipient);
    let desk = match sso {
        Some(sso) => desk.with_provider(provider(sso, &base_url)),
        None => desk,
    };
    if let Some(link) = set_up::open_the_door(&desk)? {
        // Beside the log, whose lines may be sent elsewhere; the reader of this output is the
        // machine's operator.
        writeln!(
            std::io::stderr(),
            "Nobody can sign in yet. To become the first user, open this link within a day (it \
             works once):\n\n  {link}\n"
        )?;
    }
    run(
        ServerParts { desk, mailer, hold_mail: serve.hold_mail, listen, metrics_listen, site },
        |address| tracing::info!(%address, "listening"),
    )
}

/// Runs the server on sample data until SIGTERM.
#[allow(clippy::needless_pass_by_value, reason = "what was asked for is used up by running")]
pub fn demo(demo: DemoRequest) -> Result<(), CommandFailure> {
    if demo.reset {
        forget(&demo.dir)?;
    }
    fs::create_dir_all(demo.dir.join("mail"))?;
    let secret = demo_secret(&demo.dir)?;
    let desk = Desk::new(
        demo_database(&demo.dir)?,
        Clock::System,
        Mailbox::parse("Reward Desk <rewards@desk.example>")?,
        secret.expose(),
    )
    .reached_at(&format!("http://{}", demo.listen));
    let sign_ins = demo::settle(&desk, demo.customers)?;
    let mailer = Mailer::from_url(&format!("file:{}", demo.dir.join("mail").display()))?;
    let site = Site {
        base_url: None,
        session_limits: SessionLimits::default(),
        trusted_proxies: vec![],
        demo_sign_ins: sign_ins
            .iter()
            .map(|s| (s.role.label().to_owned(), s.email.to_owned(), s.password.to_owned()))
            .collect(),
    };
    let mails = demo.dir.join("mail");
    run(
        ServerParts {
            desk,
            mailer,
            hold_mail: false,
            listen: demo.listen,
            metrics_listen: None,
            site,
        },
        |address| {
            demo::announce(address, &sign_ins, &mails);
        },
    )
}

/// The demo's database. One that is too old for this program is set aside: the demo starts, with
/// new sample data.
fn demo_database(dir: &Path) -> Result<Database, CommandFailure> {
    let open = || {
        let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.join("desk.db").display()))?;
        Database::open(&url)
    };
    let db = open()?;
    match migrate::migrate(&db) {
        Err(crate::db::Error::TooOld(_)) => {}
        done => return Ok(done.map(|_| db)?),
    }
    db.close();
    for end in ["", "-wal", "-shm"] {
        let (from, to) = (format!("desk.db{end}"), format!("{OLD_DEMO_DATABASE}{end}"));
        match fs::rename(dir.join(from), dir.join(to)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    writeln!(
        std::io::stderr(),
        "The data in {0} is from an earlier version and can't be used any more. It is in \
         {0}/{OLD_DEMO_DATABASE} now, and the demo starts with new data.",
        dir.display()
    )?;
    let db = open()?;
    migrate::migrate(&db)?;
    Ok(db)
}

/// Where the data of a demo that is too old is kept.
const OLD_DEMO_DATABASE: &str = "desk-old.db";

/// Removes what an earlier demo left; nothing else that may lie in the folder.
fn forget(dir: &Path) -> Result<(), CommandFailure> {
    let databases = ["desk.db", OLD_DEMO_DATABASE]
        .map(|name| ["", "-wal", "-shm"].map(|end| format!("{name}{end}")));
    for name in databases.iter().flatten().map(String::as_str).chain(["secret"]) {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let mails = fs::read_dir(dir.join("mail")).into_iter().flatten().flatten();
    for entry in mails.filter(|entry| entry.path().extension().is_some_and(|e| e == "eml")) {
        fs::remove_file(entry.path())?;
    }
    Ok(())
}

/// The demo's own secret, made once, so that sessions and forms live over a restart.
fn demo_secret(dir: &Path) -> Result<Secret, CommandFailure> {
    let path = dir.join("secret");
    if let Ok(text) = fs::read_to_string(&path) {
        return Ok(Secret::new(text));
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| {
        CommandFailure::because(format!("this machine provides no random numbers: {e}"))
    })?;
    let text = crate::domain::hex::hex(&bytes);
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(&path)?, text.as_bytes())?;
    Ok(Secret::new(text))
}

/// The provider of single sign-on, as set; `base_url` is where the desk is reached.
pub fn provider(sso: SsoSettings, base_url: &Url) -> OidcProvider {
    let SsoSettings { issuer, client_id, client_secret, name } = sso;
    OidcProvider::new(
        Terms { issuer, client_id, client_secret: client_secret.expose().to_owned(), name },
        base_url.as_str(),
    )
}

fn mailer(route: &MailRoute) -> Result<Mailer, CommandFailure> {
    Ok(match route {
        MailRoute::Smtp(url) => Mailer::from_url(url.expose())?,
        MailRoute::Folder(dir) => Mailer::from_url(&format!("file:{}", dir.display()))?,
    })
}

fn run(house: ServerParts, ready: impl FnOnce(SocketAddr)) -> Result<(), CommandFailure> {
    open_files::raise();
    let listener = bind(house.listen, "--listen")?;
    let metrics_listener = house
        .metrics_listen
        .map(|address| bind(address, "REWARDDESK_METRICS_LISTEN"))
        .transpose()?;
    // The first sign-in should not pay for it.
    passwords::warm_up();
    let db = house.desk.db.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serving = until_told(house, listener, metrics_listener, ready);
    let outcome = LocalSet::new().block_on(&runtime, serving);
    // A call that waits for a lock of another process is left where it is. A runtime that is
    // dropped waits for such calls, without a limit.
    runtime.shutdown_background();
    db.close();
    outcome
}

fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, CommandFailure> {
    TcpListener::bind(address).map_err(|e| {
        CommandFailure::because(format!(
            "can't listen on {address}: {e}; stop the program that uses this address, or choose \
             another one with {setting}"
        ))
    })
}

/// How long the mail worker sends what the last requests queue. A server that slow clients hold up
/// for longer ends beside it: both patiences after one another would be more than an operator
/// grants a process that was told to stop.
const WORKER_GOES_ON: Duration = Duration::from_secs(5);
/// How long after the signal server and workers have ended, or are left to themselves: then the log
/// is sealed and the database closed.
const ALL_END: Duration = Duration::from_secs(14);
/// The server for metrics ends while the log is sealed.
const METRICS_END: Duration = Duration::from_secs(1);

/// Runs server and worker side by side; on SIGTERM or Ctrl-C first the server ends what it has
/// accepted, then the worker.
async fn until_told(
    house: ServerParts,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), CommandFailure> {
    let ServerParts { desk, mailer, hold_mail, site, .. } = house;
    let (stop, mut stopped) = watch::channel(false);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let metrics = Arc::new(Metrics::new(if desk.db.is_sqlite() { "sqlite" } else { "postgresql" }));
    let (server, address) =
        server::start(listener, desk.clone(), site, Arc::clone(&metrics), workers)?;
    let measuring = metrics_listener
        .map(|listener| metrics::start(listener, desk.clone(), metrics))
        .transpose()?;
    let measured = measuring.as_ref().map(Server::handle);
    if let Some(measuring) = measuring {
        actix_web::rt::spawn(measuring);
    }
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    let mut told = stopped.clone();
    let keeping = actix_web::rt::spawn(stock_keeper::run(desk.clone(), async move {
        let _ = told.wait_for(|stop| *stop).await;
    }));
    // An import can go on at the next start: it is stopped at once.
    let (halt, mut halted) = watch::channel(false);
    let importing = actix_web::rt::spawn(import_worker::run(desk.clone(), async move {
        let _ = halted.wait_for(|halt| *halt).await;
    }));
    // The sealing job ends last of all: whatever the others have written is sealed.
    let (written, mut all_written) = watch::channel(false);
    let sealing = actix_web::rt::spawn(audit_chain::run(desk.clone(), async move {
        let _ = all_written.wait_for(|written| *written).await;
    }));
    let mailing = actix_web::rt::spawn(mail_worker::run(desk, mailer, hold_mail, async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    }));
    ready(address);
    signal().await?;
    tracing::info!("stopping: what was accepted is answered first");
    let _ = halt.send(true);
    let all_end = tokio::time::Instant::now() + ALL_END;
    let ending = handle.stop(true);
    tokio::pin!(ending);
    if tokio::time::timeout(WORKER_GOES_ON, &mut ending).await.is_err() {
        let _ = stop.send(true);
        ending.await;
    }
    let _ = stop.send(true);
    let all = async {
        (serving.await.err(), mailing.await.err(), importing.await.err(), keeping.await.err())
    };
    let (served, mailed, imported, kept) =
        tokio::time::timeout_at(all_end, all).await.unwrap_or_else(|_| {
            tracing::warn!("what a worker was at is left as it is; the next start goes on with it");
            (None, None, None, None)
        });
    let _ = written.send(true);
    let measured = async {
        if let Some(measured) = measured {
            let _ = tokio::time::timeout(METRICS_END, measured.stop(true)).await;
        }
    };
    let (sealed, ()) = tokio::join!(sealing, measured);
    let failures = [
        ("server", served),
        ("mail worker", mailed),
        ("import worker", imported),
        ("stock keeper", kept),
        ("sealer", sealed.err()),
    ];
    for (what, failure) in failures {
        if let Some(error) = failure {
            tracing::error!(%error, "the {what} did not end well");
        }
    }
    Ok(())
}

async fn signal() -> Result<(), CommandFailure> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL_END, METRICS_END, WORKER_GOES_ON};
    use crate::{db::database, jobs, web::server};
    use std::time::Duration;

    /// Guarantee R11, whatever hangs: each of these ends at its limit, one after the other.
    #[test]
    fn the_limits_of_the_end_add_up_to_less_than_twenty_seconds() {
        let server = Duration::from_secs(server::SHUTDOWN_SECONDS);
        assert!(
            server < ALL_END && WORKER_GOES_ON + jobs::mail_worker::LAST_PATIENCE < ALL_END,
            "those end well within their limit"
        );
        let last = jobs::audit_chain::LAST_PATIENCE.max(METRICS_END);
        assert!(
            ALL_END + last + database::SQLITE_CLOSE_TIMEOUT + database::CLOSED
                < Duration::from_secs(20)
        );
    }
}
