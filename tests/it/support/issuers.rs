//! Providers of single sign-on on loopback: a real one, and one that forges what it is asked to.
//! Each is a process that ends with its test.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use rewarddesk::{
    app::sign_in::provider::{OidcProvider, Terms},
    domain::clock::Clock,
};
use serde_json::{Value, json};

use super::{App, Client, Engine, TestDb, World, client::send, page::Page};

/// A provider's process.
pub struct Issuer {
    pub address: String,
    process: Child,
    /// Kept open: a process that cannot say anything any more ends.
    _says: Lines<BufReader<ChildStdout>>,
}

impl Issuer {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let script = format!("{}/tests/it/support/issuers/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new("node")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let address = lines
            .by_ref()
            .find_map(|line| line.ok().filter(|line| line.starts_with("http")))
            .expect("the issuer says where it is");
        Self { address, process, _says: lines }
    }

    /// The certified provider, with these accounts: name -> claims.
    pub fn real(desk: &str, accounts: &Value) -> Self {
        Self::start(
            "provider.mjs",
            &[&format!("{desk}/sign-in/sso/callback"), &accounts.to_string()],
        )
    }

    /// The one that forges.
    pub fn forging() -> Self {
        Self::start("forger.mjs", &[])
    }

    /// What the desk knows of it.
    pub fn terms(&self) -> Terms {
        Terms {
            issuer: self.address.clone(),
            client_id: "desk".to_owned(),
            client_secret: "a secret between the two".to_owned(),
            name: "Acme".to_owned(),
        }
    }

    /// A word to the forger, and its answer.
    pub async fn tell(&self, path: &str) -> Value {
        let page = Client::new(&self.address).get(path).await.expect(200);
        serde_json::from_str(&page.body).expect("JSON")
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An app with single sign-on, at the time of day: providers have their own clocks.
pub fn app(engine: Engine, issuer: impl FnOnce(&str) -> Issuer) -> (App, Issuer) {
    let mut made = None;
    let app = App::start_with(
        World::new(TestDb::new(engine), Utc::now()),
        Clock::fixed(Utc::now()),
        "127.0.0.1",
        |desk, url| {
            let issuer = issuer(url);
            let desk = desk.with_provider(OidcProvider::new(issuer.terms(), url));
            made = Some(issuer);
            desk
        },
    );
    (app, made.expect("an issuer"))
}

/// Somebody on their way: what the desk asked of the issuer.
#[derive(Debug, Clone)]
pub struct Asked(url::Url);

/// Where an answer leads: by a redirect, or by a page that goes on by itself.
pub fn leads_to(page: &Page) -> &str {
    let redirect = page.header("Location");
    if redirect.is_empty() {
        page.header("Refresh").strip_prefix("0; url=").unwrap_or_default()
    } else {
        redirect
    }
}

impl Asked {
    pub fn of(page: &Page) -> Self {
        Self(url::Url::parse(leads_to(page)).expect("the issuer's address"))
    }

    pub fn field(&self, name: &str) -> String {
        self.0
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    }

    /// The way back with a token like this.
    pub fn back(&self, wanted: &Value) -> String {
        format!("/sign-in/sso/callback?code={}&state={}", code(wanted), self.field("state"))
    }

    /// Claims with the nonce that was asked for.
    pub fn claims(&self, mut claims: Value) -> Value {
        if claims.get("nonce").is_none() {
            claims["nonce"] = json!(self.field("nonce"));
        }
        json!({ "claims": claims })
    }
}

/// What the forger is to do, as a code.
pub fn code(wanted: &Value) -> String {
    URL_SAFE_NO_PAD.encode(wanted.to_string())
}

/// Goes to the issuer.
pub async fn leave(client: &Client) -> Asked {
    Asked::of(&client.get("/sign-in/sso?return_to=/m/acme/check").await.expect(303))
}

/// Signs in over there by name, from the desk's answer that leads there; answers the desk's answer
/// to whoever comes back.
pub async fn over_there(client: &Client, led: &Page, name: &str) -> Page {
    // A browser that nobody has signed in with over there: the provider would first sign another
    // name out.
    let there = Client::new("").http;
    let mut address = leads_to(led).to_owned();
    for _ in 0..10 {
        if let Some(path) = address.strip_prefix(&client.base) {
            return client.get(path).await;
        }
        let page = send(there.get(&address)).await;
        let page = if page.status == 200 {
            send(there.post(&address).form(&[("name", name)])).await
        } else {
            page
        };
        let next = url::Url::parse(&address)
            .expect("an address")
            .join(page.header("Location"))
            .expect("a way on");
        address = next.into();
    }
    panic!("led around in circles");
}
