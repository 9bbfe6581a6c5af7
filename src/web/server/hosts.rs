//! Which host a request names, and whether that is this desk: a site that lets its own name lead to
//! this machine gets no page.

use std::net::IpAddr;

use actix_web::{
    Error as ActixError, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{header, uri::Authority},
    middleware::Next,
    web,
};
use url::{Host, Url};

use crate::web::shared::errors::Error;

/// The names under which a listener is reached. Ports are not looked at: they tell no sites apart,
/// and port mappings change them.
#[derive(Debug, Clone)]
pub struct Hosts {
    base: Option<Host>,
    /// Without a public name, the machine's own names and addresses are taken.
    takes_local: bool,
    listening: IpAddr,
}

impl Hosts {
    /// For people: the base URL's host. Where there is none, or it is this machine's own, loopback
    /// names and the listening address.
    pub fn of_site(base_url: Option<&Url>, listening: IpAddr) -> Self {
        let base = base_url.and_then(Url::host).map(|host| host.to_owned());
        let takes_local = base.as_ref().is_none_or(|host| {
            is_loopback(host)
                || address_of(host)
                    .is_some_and(|address| address == listening || address.is_unspecified())
        });
        Self { base, takes_local, listening }
    }

    /// For machines, such as a metrics collector: the same, and always loopback names and the
    /// listening address.
    pub fn of_machine(base_url: Option<&Url>, listening: IpAddr) -> Self {
        Self { takes_local: true, ..Self::of_site(base_url, listening) }
    }

    fn admit(&self, host: &Host) -> bool {
        let is_here = || {
            let address = address_of(host);
            is_loopback(host)
                || address.is_some_and(|address| {
                    address == self.listening || self.listening.is_unspecified()
                })
        };
        self.base.as_ref() == Some(host) || self.takes_local && is_here()
    }

    /// A request names one host, and it is ours; in its target too, where that is a whole address.
    pub fn check(&self, request: &ServiceRequest) -> Result<(), Error> {
        let mut named = request.headers().get_all(header::HOST);
        let (Some(host), None) = (named.next(), named.next()) else { return Err(Error::Malformed) };
        let host = host.to_str().map_err(|_| Error::Malformed)?;
        let target = request.uri().authority().map(Authority::as_str);
        for named in [Some(host), target].into_iter().flatten() {
            if !self.admit(&parse(named).ok_or(Error::Malformed)?) {
                return Err(Error::Misdirected);
            }
        }
        Ok(())
    }
}

/// Middleware for a listener without pages.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match request
        .app_data::<web::Data<Hosts>>()
        .map_or(Err(Error::Internal), |hosts| hosts.check(&request))
    {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => {
            let words = error.words();
            let text = format!("{}. {} {}\n", words.title, words.meaning, words.advice);
            let answer = HttpResponse::build(error.status_code())
                .content_type("text/plain; charset=utf-8")
                .body(text);
            Ok(request.into_response(answer))
        }
    }
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`, as browsers read them.
fn parse(text: &str) -> Option<Host> {
    let end = text.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match text[end..].find(':') {
        Some(colon) => (&text[..end + colon], &text[end + colon + 1..]),
        None => (text, ""),
    };
    let is_port = port.is_empty()
        || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    Host::parse(host).ok().filter(|_| is_port)
}

fn is_loopback(host: &Host) -> bool {
    matches!(host, Host::Domain(name) if name == "localhost")
        || address_of(host).is_some_and(|address| address.is_loopback())
}

fn address_of(host: &Host) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some(IpAddr::from(*address).to_canonical()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(base: Option<&str>, listening: &str, host: &str) -> Option<bool> {
        let base = base.map(|url| Url::parse(url).unwrap_or_else(|_| panic!("{url}")));
        let listening = listening.parse().unwrap_or_else(|_| panic!("{listening}"));
        parse(host).map(|host| Hosts::of_site(base.as_ref(), listening).admit(&host))
    }

    #[test]
    fn with_a_base_url_its_host_alone_is_ours() {
        let ours = |host| admits(Some("https://desk.example"), "127.0.0.1", host);
        for host in [
            "desk.example",
            "DESK.example",
            "desk.example:443",
            "desk.example:8443",
            "desk.example:",
        ] {
            assert_eq!(ours(host), Some(true), "{host}");
        }
        for host in [
            "evil.example",
            "desk.example.evil.example",
            "desk.example.",
            "localhost",
            "127.0.0.1:8080",
            "[::1]",
            "10.0.0.1",
        ] {
            assert_eq!(ours(host), Some(false), "{host}");
        }
        for host in [
            "",
            ":80",
            "desk.example:x",
            "desk.example:99999",
            "user@desk.example",
            "desk.example/",
            "a b",
            "[::1",
            "::1",
        ] {
            assert_eq!(ours(host), None, "{host}");
        }
        assert_eq!(
            admits(Some("https://bücher.example"), "127.0.0.1", "xn--bcher-kva.example"),
            Some(true)
        );
        assert_eq!(
            admits(Some("http://[2001:db8::7]:8080"), "127.0.0.1", "[2001:DB8::7]:8080"),
            Some(true)
        );
    }

    #[test]
    fn without_one_loopback_and_the_listening_address_are_ours() {
        for base in [None, Some("http://10.0.0.5:8080"), Some("http://localhost:8080")] {
            for host in [
                "localhost:8080",
                "127.0.0.1",
                "127.8.9.1:80",
                "[::1]:9000",
                "[::ffff:127.0.0.1]",
                "10.0.0.5",
            ] {
                assert_eq!(admits(base, "10.0.0.5", host), Some(true), "{base:?} {host}");
            }
            for host in ["evil.example", "10.0.0.6", "localhost.evil.example", "[2001:db8::1]"] {
                assert_eq!(admits(base, "10.0.0.5", host), Some(false), "{base:?} {host}");
            }
        }
        // All of the machine's addresses, which a name of another site is none of.
        assert_eq!(admits(Some("http://0.0.0.0:8080"), "0.0.0.0", "10.0.0.6:8080"), Some(true));
        assert_eq!(admits(None, "::", "[2001:db8::1]:80"), Some(true));
        assert_eq!(admits(None, "0.0.0.0", "evil.example"), Some(false));
    }

    #[test]
    fn a_collector_may_use_the_machines_own_names_beside_a_base_url() {
        let base = Url::parse("https://desk.example").ok();
        let hosts = Hosts::of_machine(base.as_ref(), IpAddr::from([10, 0, 0, 5]));
        for (host, expected) in [
            ("desk.example:9100", true),
            ("10.0.0.5:9100", true),
            ("localhost", true),
            ("evil.example", false),
        ] {
            assert_eq!(parse(host).map(|host| hosts.admit(&host)), Some(expected), "{host}");
        }
    }
}
