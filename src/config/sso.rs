//! Settings of single sign-on: all that is needed to ask a provider, or nothing.

use std::path::Path;

use url::{Host, Url};

use super::{
    About, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_CLIENT_SECRET_FILE, OIDC_ISSUER, OIDC_NAME,
    Secret, SettingError, Settings,
};

/// A provider of single sign-on, as set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoSettings {
    /// Exactly as the provider names itself, with or without a slash at the end.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub name: String,
}

const LONGEST_NAME: usize = 40;

impl Settings {
    /// The provider; `None`: there is none. Half of one stops the start.
    pub fn sso(&self) -> Result<Option<SsoSettings>, SettingError> {
        let all: [&About; 5] = [
            &OIDC_ISSUER,
            &OIDC_CLIENT_ID,
            &OIDC_CLIENT_SECRET,
            &OIDC_CLIENT_SECRET_FILE,
            &OIDC_NAME,
        ];
        if all.into_iter().all(|about| self.get(about).is_none()) {
            return Ok(None);
        }
        let name = self.get(&OIDC_NAME).unwrap_or("single sign-on").to_owned();
        // The page has one button that is called so, and people and scripts look for it.
        if name.to_lowercase().contains("sign in")
            || name.chars().any(char::is_control)
            || name.chars().count() > LONGEST_NAME
        {
            return Err(OIDC_NAME.malformed(format!(
                "it comes after “Continue with”, must have at most {LONGEST_NAME} characters and \
                 must not contain “sign in”"
            )));
        }
        Ok(Some(SsoSettings {
            issuer: self.issuer()?,
            client_id: self
                .get(&OIDC_CLIENT_ID)
                .ok_or_else(|| OIDC_CLIENT_ID.missing())?
                .to_owned(),
            client_secret: self.client_secret()?,
            name,
        }))
    }

    fn issuer(&self) -> Result<String, SettingError> {
        let text = self.get(&OIDC_ISSUER).ok_or_else(|| OIDC_ISSUER.missing())?;
        let url = Url::parse(text).map_err(|e| OIDC_ISSUER.malformed(e))?;
        let is_plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        match url.scheme() {
            _ if !is_plain || !url.has_host() => {
                Err(OIDC_ISSUER.malformed("expected a host and optionally a path, nothing else"))
            }
            "https" => Ok(text.to_owned()),
            "http" if is_near(&url) => Ok(text.to_owned()),
            "http" => Err(OIDC_ISSUER
                .malformed("http:// only works for a provider on this machine; use https://")),
            _ => Err(OIDC_ISSUER.malformed("it must start with https://")),
        }
    }

    fn client_secret(&self) -> Result<Secret, SettingError> {
        let text = match (self.get(&OIDC_CLIENT_SECRET), self.sso_secret_file()) {
            (Some(_), Some(_)) => {
                return Err(OIDC_CLIENT_SECRET.malformed(format!(
                    "{} is also set; keep only one of them",
                    OIDC_CLIENT_SECRET_FILE.name
                )));
            }
            (Some(text), None) => text.to_owned(),
            (None, Some(path)) => std::fs::read_to_string(path).map_err(|e| {
                OIDC_CLIENT_SECRET_FILE.malformed(format!("can't read {}: {e}", path.display()))
            })?,
            (None, None) => return Err(OIDC_CLIENT_SECRET.missing()),
        };
        match text.trim() {
            "" => Err(OIDC_CLIENT_SECRET_FILE.malformed("the file is empty")),
            text => Ok(Secret::new(text)),
        }
    }

    pub fn sso_secret_file(&self) -> Option<&Path> {
        self.get(&OIDC_CLIENT_SECRET_FILE).map(Path::new)
    }
}

/// Whether that address is on this machine.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, &str); 3] = [
        ("REWARDDESK_OIDC_ISSUER", "https://login.acme.example"),
        ("REWARDDESK_OIDC_CLIENT_ID", "desk"),
        ("REWARDDESK_OIDC_CLIENT_SECRET", "hush-hush"),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Option<SsoSettings>, String> {
        let pairs = WHOLE
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        // The last value of a name wins, as in a map.
        let map: std::collections::HashMap<String, String> = pairs.collect();
        Settings::from_pairs(map).sso().map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_is_whole_or_not_there() {
        assert_eq!(Settings::default().sso(), Ok(None));
        let found = with(&[]).ok().flatten();
        assert_eq!(
            found.map(|sso| (sso.issuer, sso.name)),
            Some(("https://login.acme.example".to_owned(), "single sign-on".to_owned()))
        );
        for (name, _) in WHOLE {
            let told = with(&[(name, " ")]).err().unwrap_or_default();
            assert!(
                told.starts_with(&format!("{name} is not set: "))
                    && told.contains(&format!("for example {name}=")),
                "{told}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_with_an_example() {
        for (name, value) in [
            ("REWARDDESK_OIDC_ISSUER", "login.acme.example"),
            ("REWARDDESK_OIDC_ISSUER", "http://login.acme.example"),
            ("REWARDDESK_OIDC_ISSUER", "ftp://login.acme.example"),
            ("REWARDDESK_OIDC_ISSUER", "https://a:b@login.acme.example"),
            ("REWARDDESK_OIDC_ISSUER", "https://login.acme.example/?tenant=1"),
            ("REWARDDESK_OIDC_NAME", "Sign in Ltd"),
            ("REWARDDESK_OIDC_CLIENT_SECRET_FILE", "/nowhere/secret"),
        ] {
            let told = with(&[(name, value)]).err().unwrap_or_default();
            assert!(
                told.starts_with("REWARDDESK_OIDC_")
                    && told.contains("can't be used")
                    && told.contains("for example "),
                "{told}"
            );
            assert!(!told.contains("hush-hush") && !told.contains("a:b@"), "{told}");
        }
        for near in ["http://localhost:3000", "http://127.0.0.1:3000/realm", "http://[::1]:3000"] {
            assert!(with(&[("REWARDDESK_OIDC_ISSUER", near)]).is_ok(), "{near}");
        }
    }
}
