//! A browser of few words: one connection that is kept, a session's cookie, forms and fragments.

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Bytes, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One kept connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: String,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub body: Bytes,
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("a connection");
        tokio::task::spawn_local(connection);
        Self { sender, address: address.to_owned() }
    }

    /// Asks as a browser does within the site; as htmx does where `fragment`.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        cookie: &str,
        form: &str,
        fragment: bool,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.address)
            .header("Sec-Fetch-Site", "same-origin")
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if fragment {
            request = request.header("HX-Request", "true");
        }
        let request =
            request.body(Full::new(Bytes::copy_from_slice(form.as_bytes()))).expect("a request");
        self.sender.ready().await.expect("the connection is kept");
        let answer: Response<_> = self.sender.send_request(request).await.expect("an answer");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("the answer's end").to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub async fn get(&mut self, path: &str, cookie: &str) -> Answer {
        self.ask(Method::GET, path, cookie, "", false).await
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of the form's field of that name.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        let rest = text.split_once(&format!("name=\"{name}\" value=\""))?.1;
        Some(rest.split('"').next()?.to_owned())
    }
}

/// Signs in; answers the session's cookie.
pub async fn sign_in(address: &str, email: &str, password: &str) -> String {
    let mut connection = Connection::open(address).await;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("email", email)
        .append_pair("password", password)
        .finish();
    let answer = connection.ask(Method::POST, "/sign-in", "", &form, false).await;
    assert_eq!(answer.status, 303, "signing in: {}", answer.text());
    let mut cookies = answer
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next());
    cookies.rfind(|cookie| cookie.starts_with("rewarddesk=")).expect("a session").to_owned()
}
