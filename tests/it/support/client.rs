//! A person at a browser without a script: keeps cookies, fills in the forms that pages hand out.
//! Also what htmx would send.

use reqwest::{
    Method, RequestBuilder,
    header::{HeaderMap, HeaderValue},
    redirect::Policy,
};

use super::{page::Page, statements, world::PASSWORD};

/// One person's session.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub base: String,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Self { http, base: base.to_owned() }
    }

    /// Signs in by the form.
    pub async fn signed_in(self, email: &str) -> Self {
        self.signed_in_cookie(email).await;
        self
    }

    /// Signs in by the form, and answers the cookie as it was set.
    pub async fn signed_in_cookie(&self, email: &str) -> String {
        let form = self.get("/sign-in").await.fields("/sign-in");
        let page =
            self.post("/sign-in", &form.with("email", email).with("password", PASSWORD)).await;
        assert_eq!(page.status, 303, "{email} could not sign in: {}", page.words());
        page.header("Set-Cookie").to_owned()
    }

    /// A request as a browser sends it from a page of ours.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .header("Sec-Fetch-Site", "same-origin")
            .header("Origin", &self.base)
    }

    /// A request with no header but those given: what other sites and scripts send.
    pub async fn bare(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Page {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("a header"));
        }
        let form = if method == Method::POST { "a=b" } else { "" };
        let request = self.http.request(method, format!("{}{path}", self.base));
        send(
            request
                .header("Content-Type", "application/x-www-form-urlencoded")
                .headers(map)
                .body(form),
        )
        .await
    }

    pub async fn get(&self, path: &str) -> Page {
        send(self.request(Method::GET, path)).await
    }

    /// As htmx asks for a part of a page.
    pub async fn get_fragment(&self, path: &str) -> Page {
        send(self.request(Method::GET, path).header("HX-Request", "true")).await
    }

    pub async fn post(&self, path: &str, fields: &Fields) -> Page {
        send(self.request(Method::POST, path).form(&fields.0)).await
    }

    /// A form with files, as a browser sends it: each part a field's name, a file's name, and what
    /// is in it.
    pub async fn post_parts(&self, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Page {
        const BOUNDARY: &str = "----a-boundary-that-is-in-no-file";
        let mut body = vec![];
        for (name, file, content) in parts {
            let file = file
                .map(|file| format!("; filename=\"{file}\"\r\nContent-Type: text/csv"))
                .unwrap_or_default();
            body.extend(
                format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
                )
                .bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        send(self.request(Method::POST, path).header("Content-Type", kind).body(body)).await
    }

    /// As htmx sends a form.
    pub async fn post_fragment(&self, path: &str, fields: &Fields) -> Page {
        send(self.request(Method::POST, path).header("HX-Request", "true").form(&fields.0)).await
    }

    /// The fields that a reward's dialog hands out, with a token of its own each time.
    pub async fn dialog(&self, path: &str) -> Fields {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "no dialog at {path}: {}", page.words());
        page.fields(path)
    }
}

/// Sends and reads to the end.
pub async fn send(request: RequestBuilder) -> Page {
    let (client, request) = request.build_split();
    let request = request.expect("a request");
    let (method, path) = (request.method().to_string(), request.url().path().to_owned());
    let during = statements::during(&format!("{method} {path}"));
    let answer = client.execute(request).await.unwrap_or_else(|e| panic!("no answer came: {e:?}"));
    let (status, headers, address) =
        (answer.status().as_u16(), answer.headers().clone(), answer.url().clone());
    let body = answer.text().await.expect("an answer to its end");
    drop(during);
    let location =
        headers.get("Location").and_then(|value| value.to_str().ok()).unwrap_or_default();
    statements::answered(&method, &path, status, location);
    Page { status, headers, address, body }
}

/// A form's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// With the box for the fulfilment e-mail ticked.
    pub fn ticked(self) -> Self {
        self.with("send_notification_email", "yes")
    }

    /// With this field set.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }
}
