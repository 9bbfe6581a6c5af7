//! What a `PostgreSQL` address says about the way there: bearer money does not cross a network in
//! the clear by accident.

/// Refuses a host that is neither loopback nor a socket unless the address asks for TLS or waives
/// it.
pub fn check(url: &str, has_tls: bool) -> Result<(), String> {
    let way = PostgresTarget::of(url);
    let mode = way.ssl_mode.as_deref().unwrap_or("prefer");
    let demands_tls = matches!(mode, "require" | "verify-ca" | "verify-full");
    if demands_tls && !has_tls {
        return Err(format!(
            "DATABASE_URL can't be used: it says sslmode={mode}, but this rewarddesk was built \
             without TLS to PostgreSQL; build it with `cargo build --release --features pg-tls`, \
             or use a loopback address or a socket; for example \
             DATABASE_URL=postgres://desk@127.0.0.1/rewarddesk"
        ));
    }
    if is_far(url) && !demands_tls && mode != "disable" {
        let first = if has_tls { "" } else { "build with `--features pg-tls`, then " };
        return Err(format!(
            "DATABASE_URL can't be used: its host is on the network and the connection would not \
             be encrypted; {first}add sslmode=verify-full and sslrootcert, or set sslmode=disable \
             if you trust the network; for example \
             DATABASE_URL=\"postgres://desk:password@db.example.com/rewarddesk?sslmode=verify-full&sslrootcert=/etc/rewarddesk/ca.crt\""
        ));
    }
    Ok(())
}

/// Refuses an address whose way is decided elsewhere: by a service file, or by one of these
/// variables that libpq reads by itself.
pub fn check_ambient(url: &str, ambient: &[&str]) -> Result<(), String> {
    let way = PostgresTarget::of(url);
    if way.has_service {
        return Err(
            "it names a service, and the desk can't see where that leads; write out host, \
                    port and database"
                .to_owned(),
        );
    }
    let decides = |name: &str| match name {
        "PGHOST" => way.hosts.iter().all(String::is_empty),
        "PGHOSTADDR" => !way.has_address,
        _ => true,
    };
    match ambient.iter().find(|name| decides(name)) {
        Some(name) => Err(format!(
            "the variable {name} is also set and would override the host; unset {name} and put the \
             host in DATABASE_URL"
        )),
        None => Ok(()),
    }
}

/// Whether the address leads across a network.
pub fn is_far(url: &str) -> bool {
    PostgresTarget::of(url).hosts.iter().any(|host| !is_near(host))
}

/// Whether the server has to show a certificate for its own name from an authority that is trusted.
pub fn proves_the_server(url: &str) -> bool {
    PostgresTarget::of(url).ssl_mode.as_deref() == Some("verify-full")
}

/// Where the address leads and how.
struct PostgresTarget {
    hosts: Vec<String>,
    ssl_mode: Option<String>,
    has_service: bool,
    has_address: bool,
}

impl PostgresTarget {
    /// By libpq's rules: several hosts with commas, percent-encoded sockets, and parameters that
    /// win over the rest.
    fn of(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        let hosts = authority.rsplit('@').next().unwrap_or_default();
        let mut way = Self {
            hosts: hosts.split(',').map(without_port).collect(),
            ssl_mode: None,
            has_service: false,
            has_address: false,
        };
        let (mut addresses, mut trusts_the_system) = (None, false);
        for (name, value) in url::form_urlencoded::parse(query.replace('+', "%2B").as_bytes()) {
            match name.as_ref() {
                "host" => way.hosts = value.split(',').map(ToOwned::to_owned).collect(),
                "hostaddr" => addresses = Some(value.split(',').map(ToOwned::to_owned).collect()),
                "sslrootcert" => trusts_the_system = value == "system",
                "service" => way.has_service = true,
                "sslmode" => way.ssl_mode = Some(value.into_owned()),
                _ => {}
            }
        }
        if trusts_the_system && way.ssl_mode.is_none() {
            // So libpq decides, too, and it refuses anything weaker.
            way.ssl_mode = Some("verify-full".to_owned());
        }
        way.has_address = addresses.is_some();
        way.hosts = addresses.unwrap_or(way.hosts);
        way
    }
}

fn without_port(host: &str) -> String {
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None => host.split(':').next().unwrap_or_default(),
    };
    // The crate url decodes names and values alike.
    url::form_urlencoded::parse(host.replace('+', "%2B").as_bytes())
        .map(|(name, _)| name.into_owned())
        .next()
        .unwrap_or_default()
}

/// No host is the default socket; a path or `@name` is a socket too.
fn is_near(host: &str) -> bool {
    host.is_empty()
        || host.starts_with(['/', '@'])
        || host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}
