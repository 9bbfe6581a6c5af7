//! A real Chromium, headless, with a fresh profile, driven over chromedriver. Things are found by
//! role and name in the accessibility tree, as a person with a screen reader would.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use thirtyfour::{
    ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, TypingData, WebDriver,
    WebElement,
};

use super::world::PASSWORD;

const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// One browser of one test.
pub struct Browser {
    pub driver: WebDriver,
    session: String,
    chromedriver: Chromedriver,
    keys: AtomicUsize,
    console: Mutex<Vec<String>>,
    #[allow(dead_code, reason = "deletes the profile when dropped")]
    profile: tempfile::TempDir,
}

/// Something in the accessibility tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub role: String,
    pub name: String,
    node: i64,
}

impl Browser {
    /// Starts a browser; there is one for each test.
    pub async fn open() -> Self {
        let chromedriver = Chromedriver::start();
        let profile = tempfile::Builder::new()
            .prefix("rewarddesk-profile-")
            .tempdir()
            .expect("a profile's folder");
        let mut wanted = DesiredCapabilities::chrome();
        let user_data = format!("--user-data-dir={}", profile.path().display());
        for arg in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-prefers-reduced-motion",
            "--window-size=1280,900",
            &user_data,
        ] {
            wanted.add_arg(arg).expect("an argument");
        }
        if let Some(binary) = in_path(&["chromium", "google-chrome", "chromium-browser"]) {
            wanted.set_binary(&binary.to_string_lossy()).expect("a binary");
        }
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).expect("a log level");
        let driver = WebDriver::new(format!("http://127.0.0.1:{}", chromedriver.port), wanted)
            .await
            .expect("Chromium starts");
        let session = driver.handle().session_id().to_string();
        Self {
            driver,
            session,
            chromedriver,
            keys: AtomicUsize::new(0),
            console: Mutex::default(),
            profile,
        }
    }

    pub async fn goto(&self, address: &str) {
        self.driver.goto(address).await.unwrap_or_else(|e| panic!("{address}: {e}"));
    }

    /// The address' path and query.
    pub async fn path(&self) -> String {
        let url = self.driver.current_url().await.expect("an address");
        url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
    }

    /// Signs in by the form and waits for the page after it.
    pub async fn sign_in(&self, base: &str, email: &str) {
        self.goto(&format!("{base}/sign-in")).await;
        self.fill("textbox", "Email", email).await;
        self.fill("textbox", "Password", PASSWORD).await;
        self.click("button", "Sign in").await;
        self.until("signed in", async || !self.path().await.starts_with("/sign-in")).await;
    }

    // ── Finding
    // ─────────────────────────────────────────────────────────────────────────────────────

    /// Everything with that role that is there for a screen reader, in the page's order.
    pub async fn all(&self, role: &str) -> Vec<Found> {
        let root =
            self.cdp("DOM.getDocument", json!({ "depth": 0 })).await["root"]["nodeId"].clone();
        self.query(json!({ "nodeId": root, "role": role })).await
    }

    /// The same inside `element`.
    pub async fn all_in(&self, element: &WebElement, role: &str) -> Vec<Found> {
        let object = element.cdp_remote_object_id().await.expect("an element that is there");
        self.query(json!({ "objectId": object, "role": role })).await
    }

    async fn query(&self, what: Value) -> Vec<Found> {
        // A page that goes away in between has nothing to find.
        let Ok(tree) = self.driver.cdp().send_raw("Accessibility.queryAXTree", what).await else {
            return vec![];
        };
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let seen = nodes.iter().filter(|node| node["ignored"] != json!(true));
        seen.map(|n| Found {
            role: text(&n["role"]),
            name: text(&n["name"]),
            node: n["backendDOMNodeId"].as_i64().unwrap_or_default(),
        })
        .collect()
    }

    /// The first with that role whose name is, or starts with, `name`; waits for it.
    pub async fn find(&self, role: &str, name: &str) -> WebElement {
        let mut there = vec![];
        let end = Instant::now() + PAGE_TIMEOUT;
        while Instant::now() < end {
            there = self.all(role).await;
            let exact = there
                .iter()
                .find(|found| found.name == name)
                .or_else(|| there.iter().find(|found| found.name.starts_with(name)));
            if let Some(found) = exact
                && let Some(element) = self.element(found).await
            {
                return element;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let names: Vec<&str> = there.iter().map(|found| found.name.as_str()).collect();
        panic!(
            "no {role} named {name:?} on {}; there are {names:?}\n{}",
            self.path().await,
            self.text().await
        );
    }

    /// Whether there is one with that role and a name that starts so.
    pub async fn has(&self, role: &str, name: &str) -> bool {
        self.all(role).await.iter().any(|found| found.name.starts_with(name))
    }

    /// The element behind something found, unless it has gone.
    pub async fn element(&self, found: &Found) -> Option<WebElement> {
        let object = self
            .driver
            .cdp()
            .send_raw("DOM.resolveNode", json!({ "backendNodeId": found.node }))
            .await
            .ok()?;
        let keep = json!({ "objectId": object["object"]["objectId"], "functionDeclaration": "function () { globalThis.__found = this; }" });
        self.driver.cdp().send_raw("Runtime.callFunctionOn", keep).await.ok()?;
        self.driver.execute("return globalThis.__found", vec![]).await.ok()?.element().ok()
    }

    pub async fn click(&self, role: &str, name: &str) {
        let element = self.find(role, name).await;
        element.click().await.unwrap_or_else(|e| panic!("{role} {name:?} cannot be clicked: {e}"));
    }

    pub async fn fill(&self, role: &str, name: &str, text: &str) {
        let element = self.find(role, name).await;
        element.clear().await.expect("a field that can be cleared");
        element.send_keys(text).await.expect("a field that takes text");
    }

    /// All text that is shown.
    pub async fn text(&self) -> String {
        self.eval("return document.body ? document.body.innerText : ''")
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until `text` is shown.
    pub async fn shows(&self, text: &str) {
        self.until(&format!("{text:?} is shown"), async || self.text().await.contains(text)).await;
    }

    /// Waits until `is_so`.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let end = Instant::now() + PAGE_TIMEOUT;
        while !is_so().await {
            assert!(
                Instant::now() < end,
                "waited in vain until {what}, on {}\n{}",
                self.path().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    // ── Keys and focus
    // ──────────────────────────────────────────────────────────────────────────────

    /// Presses one key, or types a text; each letter counts.
    pub async fn press(&self, keys: impl Into<TypingData>) {
        let keys = keys.into().as_vec();
        self.keys.fetch_add(keys.len(), Ordering::Relaxed);
        let text: String = keys.into_iter().collect();
        self.driver.action_chain().send_keys(text).perform().await.expect("keys");
    }

    /// How many keys were pressed so far.
    pub fn keys_pressed(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// Where the focus is, as `tag#id "name"`; `body` when it was lost.
    pub async fn focus(&self) -> String {
        let script = "const e = document.activeElement; if (!e || e === document.body) return \
            'body';
            return `${e.localName}#${e.id} \"${(e.getAttribute('aria-label') || e.innerText || \
            e.name || '').trim()}\"`";
        self.eval(script).await.as_str().unwrap_or_default().to_owned()
    }

    // ── The screen
    // ──────────────────────────────────────────────────────────────────────────────────

    pub async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        self.cdp(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] }),
        )
        .await;
    }

    pub async fn width(&self, width: u32) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Turns page scripts off, or on again; counts from the next page on.
    pub async fn without_script(&self, without: bool) {
        self.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": without })).await;
    }

    /// Whether the page is wider than the window.
    pub async fn scrolls_sideways(&self) -> bool {
        self.eval(
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth",
        )
        .await
            == json!(true)
    }

    /// Keeps a picture in `target/tmp/screenshots`.
    pub async fn picture(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        self.driver.screenshot(&folder.join(format!("{name}.png"))).await.expect("a picture");
    }

    // ── Judging
    // ─────────────────────────────────────────────────────────────────────────────────────

    /// axe-core finds nothing on the page as it is now.
    pub async fn is_accessible(&self, what: &str) {
        let findings = self.axe().await;
        if !findings.is_empty() {
            self.picture(&format!("axe {what}").replace(|c: char| !c.is_alphanumeric(), "-")).await;
        }
        assert!(
            findings.is_empty(),
            "axe-core finds on {what} ({}):\n{}",
            self.path().await,
            findings.join("\n")
        );
    }

    /// What axe-core finds, one line each.
    pub async fn axe(&self) -> Vec<String> {
        let file =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&file)
            .unwrap_or_else(|e| panic!("{}: {e}; run npm ci, or scripts/test", file.display()));
        self.eval(&format!("if (!globalThis.axe) {{ {axe} }}")).await;
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then(
                (r) => done(r.violations.map((v) => `${v.id} (${v.impact}): ${v.help}: `
                    + v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160) + ' [' + \
                    n.any.concat(n.all).map((c) => c.message).join('; ').slice(0, 200) + \
                    ']').join(' | '))),
                (e) => done([String(e)]))";
        let found = self.driver.execute_async(script, vec![]).await.expect("axe runs");
        found
            .json()
            .as_array()
            .map(|all| all.iter().filter_map(|v| v.as_str().map(ToOwned::to_owned)).collect())
            .unwrap_or_default()
    }

    /// What the console said so far: errors, refused policies, things asked for and not there.
    pub async fn console(&self) -> Vec<String> {
        let new = self.driver.browser_log().await.expect("a log");
        let mut all = self.console.lock().expect("one at a time");
        all.extend(
            new.into_iter()
                .filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"))
                .map(|entry| entry.message),
        );
        all.clone()
    }

    /// Nothing went wrong in the console, but for answers with these statuses, which browsers
    /// always mention.
    pub async fn is_quiet_but_for(&self, statuses: &[u16]) {
        let console = self.console().await;
        let expected = |line: &String| {
            statuses.iter().any(|status| line.contains(&format!("status of {status}")))
        };
        let noise: Vec<&String> = console.iter().filter(|line| !expected(line)).collect();
        assert!(noise.is_empty(), "the console says: {noise:#?}");
    }

    pub async fn eval(&self, script: &str) -> Value {
        self.driver
            .execute(script, vec![])
            .await
            .unwrap_or_else(|e| panic!("{e}\nin: {}", &script[..script.len().min(300)]))
            .json()
            .clone()
    }

    async fn cdp(&self, method: &str, what: Value) -> Value {
        self.driver.cdp().send_raw(method, what).await.unwrap_or_else(|e| panic!("{method}: {e}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium, also when the test panics; chromedriver alone would leave it behind.
        if let Ok(mut line) = TcpStream::connect(("127.0.0.1", self.chromedriver.port)) {
            let _ = line.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = write!(
                line,
                "DELETE /session/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                self.session
            );
            let _ = line.read(&mut [0; 512]);
        }
    }
}

/// The process between us and Chromium; ends with this value.
struct Chromedriver {
    process: Child,
    port: u16,
}

impl Chromedriver {
    fn start() -> Self {
        let program =
            in_path(&["chromedriver"]).expect("chromedriver is not installed: run scripts/test");
        let started = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut this = Self { process: started.expect("chromedriver starts"), port: 0 };
        let mut lines = BufReader::new(this.process.stdout.take().expect("its output")).lines();
        this.port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok()
            })
            .expect("chromedriver says on which port it listens");
        // Keeps its pipe empty.
        std::thread::spawn(move || lines.for_each(drop));
        this
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn in_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(["/usr/bin", "/usr/lib/chromium"].map(PathBuf::from))
        .collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}
