//! What kind of request this is: a whole page, or a fragment for htmx; and its request id.

use std::{
    borrow::Cow,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::HeaderMap,
    web::{self, Bytes},
};
use ipnet::IpNet;
use tracing_actix_web::RequestId;

use crate::web::shared::{errors::Error, site::Site};

/// The fields of a form, read within a time: a socket that trickles is cut off (guarantee S9).
pub struct FormBody(Bytes);

/// How long a form of 16 KiB may take to arrive.
const FORM_PATIENCE: Duration = Duration::from_secs(15);

impl FormBody {
    /// The first value of that name.
    pub fn field(&self, wanted: &str) -> Option<String> {
        self.fields().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    }

    /// Names and values in their order.
    pub fn fields(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        url::form_urlencoded::parse(&self.0)
    }
}

impl FromRequest for FormBody {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            match tokio::time::timeout(FORM_PATIENCE, body).await {
                Ok(bytes) => bytes.map(Self),
                Err(_) => Err(Error::TooSlow.into()),
            }
        })
    }
}

/// Whether the answer is swapped into a page.
pub fn is_fragment(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| {
        headers.get(name).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
    };
    is("HX-Request", "true")
        && !is("HX-Request-Type", "full")
        && !is("HX-History-Restore-Request", "true")
}

/// The id under which the log knows this request.
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, ToString::to_string)
}

/// The address that a request comes from, as told by proxies that are believed; empty where it has
/// none.
pub fn address(request: &HttpRequest) -> String {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else {
        return String::new();
    };
    let trusted =
        request.app_data::<web::Data<Site>>().map_or(&[][..], |site| &site.trusted_proxies);
    let forwarded = request
        .headers()
        .get_all("X-Forwarded-For")
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect::<Vec<_>>()
        .join(",");
    client(peer, &forwarded, trusted).to_string()
}

/// Each proxy adds the address it was asked from at the end: the last one that is no proxy of ours
/// is the client. What stands before it, anybody may have written.
fn client(peer: IpAddr, forwarded: &str, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer;
    for told in forwarded.rsplit(',') {
        if !is_trusted(&client) {
            break;
        }
        match hop(told.trim()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    client
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn hop(told: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    told.parse()
        .ok()
        .or_else(|| bare(told))
        .or_else(|| told.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

/// A number in an address: anything that is not one of the desk's numbers does not exist.
pub fn number(text: &str) -> Option<i64> {
    let plain = !text.is_empty()
        && text.len() <= 19
        && !text.starts_with('0')
        && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| plain && *n > 0)
}

/// A path of our own to return to after signing in: no other host, no query (it may hold a code).
pub fn own_path(text: &str) -> Option<&str> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b));
    plain.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_desks_numbers_are_numbers() {
        assert_eq!(number("7"), Some(7));
        for text in ["", "0", "-1", "+1", "01", "9223372036854775808", "1e3", " 1", "abc", "００１"]
        {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_proxies_of_ours_are_believed() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "::1/128"]
            .map(|net| net.parse().unwrap_or_else(|_| panic!("a network")))
            .to_vec();
        for (peer, forwarded, expected) in [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
            ("::1", "2001:db8::7", "2001:db8::7"),
            ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
            ("10.0.0.1", "198.51.100.1:49152", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, 10.9.9.9:8080", "198.51.100.1"),
            ("10.0.0.1", "[2001:db8::7]:49152", "2001:db8::7"),
            ("10.0.0.1", "[2001:db8::7]", "2001:db8::7"),
            ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, unknown, 10.9.9.9", "10.9.9.9"),
            ("10.0.0.1", "198.51.100.1:port", "10.0.0.1"),
        ] {
            let peer: IpAddr = peer.parse().unwrap_or_else(|_| panic!("an address"));
            assert_eq!(
                client(peer, forwarded, &trusted).to_string(),
                expected,
                "{peer} with {forwarded:?}"
            );
        }
    }

    #[test]
    fn one_returns_only_to_paths_of_our_own_without_a_query() {
        assert_eq!(own_path("/m/acme/customers/7?q=CODE"), Some("/m/acme/customers/7"));
        for text in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:1",
            "",
            "/a\nb",
        ] {
            assert_eq!(own_path(text), None, "{text:?}");
        }
    }
}
