//! What kind of request this is: a whole page, or a fragment for htmx; and its request id.
//! Must not know what is asked for.

use std::{borrow::Cow, future::Future, pin::Pin, time::Duration};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header::HeaderMap, web::Bytes};
use tracing_actix_web::RequestId;

use super::errors::Error;

/// The fields of a form, read within a time: a socket that trickles is cut off (quality.md S9).
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

/// Whether the answer is swapped into a page (contract.md section 6).
pub fn is_fragment(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(value.as_bytes()));
    is("HX-Request", "true") && !is("HX-Request-Type", "full") && !is("HX-History-Restore-Request", "true")
}

/// The id under which the log knows this request.
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, ToString::to_string)
}

/// The address that a request comes from; empty where it has none.
pub fn address(request: &HttpRequest) -> String {
    request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
}

/// A number in an address: anything that is not one of the desk's numbers does not exist.
pub fn number(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 19 && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| plain && *n > 0)
}

/// A path of our own to return to after signing in: no other host, no query (it may hold a code).
pub fn own_path(text: &str) -> Option<&str> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let plain = path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b));
    plain.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_desks_numbers_are_numbers() {
        assert_eq!(number("7"), Some(7));
        for text in ["", "0", "-1", "+1", "01", "9223372036854775808", "1e3", " 1", "abc", "００１"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn one_returns_only_to_paths_of_our_own_without_a_query() {
        assert_eq!(own_path("/m/acme/customers/7?q=CODE"), Some("/m/acme/customers/7"));
        for text in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "", "/a\nb"] {
            assert_eq!(own_path(text), None, "{text:?}");
        }
    }
}
