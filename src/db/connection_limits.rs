//! How long a `PostgreSQL` host may be silent.

/// How soon a host that has gone without a word is given up, in libpq's words: the system's own
/// patience is hours. Together they are less than the ten seconds in which the desk is to heal
/// (guarantee R7), with another host at hand.
const CONNECTION_LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "3"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "2"),
    ("tcp_user_timeout", "7000"),
];

/// The address with [`CONNECTION_LIMITS`], as far as it does not say otherwise.
pub(super) fn patient(url: &str) -> String {
    let query = url.split_once('?').map(|(_, query)| query);
    let said: Vec<&str> =
        query.unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next()).collect();
    let ours = CONNECTION_LIMITS
        .iter()
        .filter(|(name, _)| !said.contains(name))
        .map(|(name, value)| format!("{name}={value}"));
    let joint = match query {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{}", ours.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::patient;

    #[test]
    fn a_host_that_is_gone_is_given_up_unless_its_url_says_no() {
        let ours = "connect_timeout=3&keepalives_idle=3&keepalives_interval=2&keepalives_count=2&tcp_user_timeout=7000";
        assert_eq!(patient("postgres://a:1,b:2/desk"), format!("postgres://a:1,b:2/desk?{ours}"));
        assert_eq!(patient("postgres://a/desk?"), format!("postgres://a/desk?{ours}"));
        let own = "postgres://a/desk?connect_timeout=9&tcp_user_timeout=0&keepalives_idle=60&target_session_attrs=read-write";
        assert_eq!(patient(own), format!("{own}&keepalives_interval=2&keepalives_count=2"));
    }
}
