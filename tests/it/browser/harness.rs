//! The harness itself, proven on a page of our own before it judges the app.

use std::collections::HashMap;

use thirtyfour::Key;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Browser, block_on};

const GOOD: &str = r#"<!doctype html><html lang="en"><head><title>Good</title><link rel="icon" href="data:,"><script src="/app.js" defer></script></head>
<body><main><h1>A good page</h1><form action="/good"><label for="n">Name</label> <input id="n"> <button type="button" id="b">Say it</button></form>
<p id="said"></p><p><a href="/bad">The bad one</a></p><button aria-label="Actions for A" aria-haspopup="menu">x</button><p hidden>hidden words</p></main></body></html>"#;
const BAD: &str = r#"<!doctype html><html lang="en"><head><title>Bad</title><link rel="icon" href="data:,"></head>
<body><main><h1>A bad page</h1><img src="/missing.png"><p style="color: red" onclick="x()">Text</p><script>document.title = 'ran'</script>
<div style="width: 2000px">wide</div></main></body></html>"#;
const SCRIPT: &str = "document.getElementById('b').addEventListener('click', () => {
    document.getElementById('said').textContent = 'Hello ' + document.getElementById('n').value; \
    });";

/// Serves the two pages on a port of its own.
async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let pages = HashMap::from([
        ("/good", ("text/html", GOOD)),
        ("/bad", ("text/html", BAD)),
        ("/app.js", ("text/javascript", SCRIPT)),
    ]);
    tokio::spawn(async move {
        loop {
            let (mut line, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 8192];
            let n = line.read(&mut asked).await.unwrap_or(0);
            let path = String::from_utf8_lossy(&asked[..n])
                .split(' ')
                .nth(1)
                .unwrap_or_default()
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned();
            let (status, kind, body) = pages
                .get(path.as_str())
                .map_or(("404 Not Found", "text/plain", ""), |(kind, body)| ("200 OK", kind, body));
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: \
                 {}\r\nConnection: close\r\n\
                 Content-Security-Policy: default-src 'none'; script-src 'self'; style-src \
                 'self'; img-src 'self' data:; form-action 'self'\r\n\r\n",
                body.len()
            );
            let _ = line.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    base
}

#[test]
fn the_harness_finds_by_role_and_name_and_presses_keys() {
    block_on(async {
        let (base, browser) = (serve().await, Browser::open().await);
        browser.goto(&format!("{base}/good?x=1")).await;
        assert_eq!(browser.path().await, "/good?x=1");
        assert_eq!(
            browser.all("heading").await.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
            ["A good page"]
        );
        assert!(browser.has("button", "Actions").await && !browser.has("button", "Nothing").await);
        assert!(!browser.text().await.contains("hidden words"));
        assert_eq!(browser.focus().await, "body");
        browser.press(Key::Tab).await;
        assert_eq!(browser.focus().await, "input#n \"\"");
        browser.press("Jo").await;
        browser.press(Key::Tab).await;
        browser.press(Key::Enter).await;
        browser.shows("Hello Jo").await;
        assert_eq!(browser.keys_pressed(), 5);
        browser.fill("textbox", "Name", "Ann").await;
        browser.click("button", "Say it").await;
        browser.shows("Hello Ann").await;
        browser.is_accessible("the good page").await;
        browser.is_quiet_but_for(&[]).await;
        browser.click("link", "The bad one").await;
        browser.until("the bad page", async || browser.path().await == "/bad").await;
    });
}

#[test]
fn the_harness_sees_what_is_wrong_with_a_page() {
    block_on(async {
        let (base, browser) = (serve().await, Browser::open().await);
        browser.goto(&format!("{base}/bad")).await;
        let axe = browser.axe().await;
        assert!(axe.iter().any(|finding| finding.contains("image-alt")), "{axe:?}");
        let console = browser.console().await;
        assert!(
            console.iter().any(|line| line.contains("missing.png") && line.contains("404")),
            "{console:?}"
        );
        for refused in ["inline script", "inline style", "inline event handler"] {
            assert!(
                console.iter().any(|line| line.contains(refused)),
                "no word of an {refused}: {console:#?}"
            );
        }
        assert_eq!(browser.driver.title().await.unwrap(), "Bad", "the policy stopped the script");
    });
}

#[test]
fn the_harness_can_be_dark_narrow_and_without_a_script() {
    block_on(async {
        let (base, browser) = (serve().await, Browser::open().await);
        browser.dark(true).await;
        browser.width(320).await;
        browser.goto(&format!("{base}/good")).await;
        assert_eq!(
            browser.eval("return matchMedia('(prefers-color-scheme: dark)').matches").await,
            true
        );
        assert_eq!(browser.eval("return innerWidth").await, 320);
        assert!(!browser.scrolls_sideways().await);
        browser.without_script(true).await;
        browser.goto(&format!("{base}/good")).await;
        browser.click("button", "Say it").await;
        assert!(!browser.text().await.contains("Hello"));
        browser.without_script(false).await;
        browser.goto(&format!("{base}/good")).await;
        browser.click("button", "Say it").await;
        browser.shows("Hello").await;
    });
}
