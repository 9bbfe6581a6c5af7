//! What an email says when the way a user signs in was changed: what happened, when, from where,
//! and what to do if it wasn't them. Holds no secret, and no address but the desk's own.

use super::presentable::{first_name, plain_name};

/// One thing that was changed about how a user signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInChange {
    PasswordChanged,
    PasskeyAdded {
        name: String,
    },
    PasskeyRemoved {
        name: String,
    },
    AppAdded,
    /// In place of the one before.
    AppReplaced,
    AppRemoved,
    RecoveryCodesMade,
    /// In place of the ones before.
    RecoveryCodesReplaced,
    RecoveryCodesRemoved,
    /// Authenticator app, passkeys and recovery codes were all removed.
    FactorsReset,
    IdentityLinked {
        provider: String,
    },
    IdentityUnlinked {
        provider: String,
    },
}

/// Who changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedBy {
    /// The user, or somebody in the user's session: where the request came from, as far as that is
    /// known.
    User {
        browser: String,
        address: String,
    },
    Administrator {
        name: String,
        merchant: String,
    },
    /// By the command line.
    Operator,
}

/// What the email is made of; the first change gives it its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    pub changes: Vec<SignInChange>,
    pub by: ChangedBy,
    /// "24 Nov 2026, 12:00 GMT".
    pub at: String,
}

impl SignInChange {
    /// What happened, as a subject says it.
    fn subject(&self) -> String {
        match self {
            Self::PasswordChanged => "Your password was changed".to_owned(),
            Self::PasskeyAdded { .. } => "A passkey was added to your account".to_owned(),
            Self::PasskeyRemoved { .. } => "A passkey was removed from your account".to_owned(),
            Self::AppAdded => "An authenticator app was added to your account".to_owned(),
            Self::AppReplaced => "Your authenticator app was replaced".to_owned(),
            Self::AppRemoved => "Your authenticator app was removed".to_owned(),
            Self::RecoveryCodesMade => "Recovery codes were added to your account".to_owned(),
            Self::RecoveryCodesReplaced => "Your recovery codes were replaced".to_owned(),
            Self::RecoveryCodesRemoved => "Your recovery codes were removed".to_owned(),
            Self::FactorsReset => "Your second factors were reset".to_owned(),
            Self::IdentityLinked { provider } => format!("{provider} was linked to your account"),
            Self::IdentityUnlinked { provider } => {
                format!("{provider} was unlinked from your account")
            }
        }
    }

    /// What it means.
    fn sentence(&self) -> String {
        match self {
            Self::PasswordChanged => {
                "Your password was changed. Your other sessions have ended.".to_owned()
            }
            Self::PasskeyAdded { name } => format!(
                "The passkey{} was added. Anyone who has it can sign in to your account.",
                quoted(name)
            ),
            Self::PasskeyRemoved { name } => format!(
                "The passkey{} was removed. It can no longer be used to sign in.",
                quoted(name)
            ),
            Self::AppAdded => "An authenticator app was added. You'll need its code when you sign \
                               in."
            .to_owned(),
            Self::AppReplaced => "Another authenticator app was set up. The codes of the previous \
                                  app no longer work."
                .to_owned(),
            Self::AppRemoved => {
                "Your authenticator app was removed. Its codes no longer work.".to_owned()
            }
            Self::RecoveryCodesMade => {
                "Ten recovery codes were created. Each can be used once to sign in instead of the \
                 second factor."
                    .to_owned()
            }
            Self::RecoveryCodesReplaced => "Ten new recovery codes were created. The old ones no \
                                            longer work."
                .to_owned(),
            Self::RecoveryCodesRemoved => "Your recovery codes were removed with your last second \
                factor. They no longer work."
                .to_owned(),
            Self::FactorsReset => {
                "Your authenticator app, passkeys and recovery codes were removed, and your \
                 sessions have ended. Until you set up a new one, you sign in without a second \
                 factor."
                    .to_owned()
            }
            Self::IdentityLinked { provider } => {
                format!(
                    "An account at {provider} was linked. Signing in there now signs you in to \
                     your account here."
                )
            }
            Self::IdentityUnlinked { provider } => format!(
                "Your account at {provider} was unlinked. You can no longer sign in here with it."
            ),
        }
    }
}

/// A name that somebody typed, in quotes; nothing, if mail programs could read more than a name in
/// it.
fn quoted(name: &str) -> String {
    plain_name(name).map(|name| format!(" “{name}”")).unwrap_or_default()
}

impl AccountChange {
    pub(super) fn subject(&self) -> String {
        self.changes
            .first()
            .map_or_else(|| "Your account was changed".to_owned(), SignInChange::subject)
    }

    /// `name`: the user's; `merchant`: the one in whose name the email is sent.
    pub(super) fn paragraphs(&self, name: &str, merchant: &str) -> Vec<String> {
        let mut paragraphs = vec![
            first_name(name).map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},")),
        ];
        paragraphs.extend(self.changes.iter().map(SignInChange::sentence));
        paragraphs.push(format!("When: {}", self.at));
        match &self.by {
            ChangedBy::User { browser, address } => {
                let known: Vec<&str> = [browser.as_str(), address]
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect();
                paragraphs.push(format!(
                    "From: {}",
                    if known.is_empty() { "unknown".to_owned() } else { known.join(", ") }
                ));
                paragraphs.push("If it was you, you don't need to do anything.".to_owned());
                paragraphs.push(format!(
                    "If it wasn’t you, someone else may have access to your account. Tell an \
                     administrator of {merchant} now and ask them to end your sessions. Then sign \
                     in, choose a new password and undo this on your account page."
                ));
            }
            ChangedBy::Administrator { name, merchant: theirs } => {
                let name = plain_name(name).map(|name| format!("{name}, ")).unwrap_or_default();
                paragraphs.push(format!("By: {name}an administrator of {theirs}"));
                paragraphs.push(
                    "If you asked for this, you only need to set up a new second factor."
                        .to_owned(),
                );
                paragraphs.push(format!(
                    "If you didn’t, ask an administrator of {merchant} now why it was done."
                ));
            }
            ChangedBy::Operator => {
                paragraphs.push("By: the operator of Reward Desk, on its server".to_owned());
                paragraphs.push(
                    "If you asked for this, you only need to set up a new second factor."
                        .to_owned(),
                );
                paragraphs.push(format!(
                    "If you didn’t, ask an administrator of {merchant} now why it was done."
                ));
            }
        }
        paragraphs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraphs(changes: Vec<SignInChange>, by: ChangedBy) -> Vec<String> {
        AccountChange { changes, by, at: "24 Nov 2026, 12:00 GMT".to_owned() }
            .paragraphs("Kim Lee", "ACME Ltd")
    }

    fn by_user() -> ChangedBy {
        ChangedBy::User {
            browser: "Firefox on Linux".to_owned(),
            address: "198.51.100.7".to_owned(),
        }
    }

    #[test]
    fn every_change_says_what_when_where_and_what_to_do() {
        let name = "Work laptop".to_owned();
        let provider = "Acme".to_owned();
        let all = [
            (SignInChange::PasswordChanged, "password"),
            (SignInChange::PasskeyAdded { name: name.clone() }, "passkey “Work laptop” was added"),
            (SignInChange::PasskeyRemoved { name }, "passkey “Work laptop” was removed"),
            (SignInChange::AppAdded, "authenticator app was added"),
            (SignInChange::AppReplaced, "Another authenticator app"),
            (SignInChange::AppRemoved, "authenticator app was removed"),
            (SignInChange::RecoveryCodesMade, "Ten recovery codes"),
            (SignInChange::RecoveryCodesReplaced, "Ten new recovery codes"),
            (SignInChange::RecoveryCodesRemoved, "recovery codes were removed"),
            (
                SignInChange::FactorsReset,
                "authenticator app, passkeys and recovery codes were removed",
            ),
            (
                SignInChange::IdentityLinked { provider: provider.clone() },
                "account at Acme was linked",
            ),
            (SignInChange::IdentityUnlinked { provider }, "account at Acme was unlinked"),
        ];
        for (change, says) in all {
            let text = paragraphs(vec![change], by_user()).join("\n");
            for part in [
                says,
                "Hello Kim Lee,",
                "When: 24 Nov 2026, 12:00 GMT",
                "From: Firefox on Linux, 198.51.100.7",
                "If it wasn’t you",
            ] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
        }
        let unknown = paragraphs(
            vec![SignInChange::AppAdded],
            ChangedBy::User { browser: String::new(), address: String::new() },
        );
        assert!(unknown.contains(&"From: unknown".to_owned()), "{unknown:?}");
    }

    #[test]
    fn what_an_administrator_or_the_operator_did_says_so() {
        let administrator =
            ChangedBy::Administrator { name: "Ada".to_owned(), merchant: "Globex".to_owned() };
        assert!(
            paragraphs(vec![SignInChange::FactorsReset], administrator)
                .contains(&"By: Ada, an administrator of Globex".to_owned())
        );
        assert!(
            paragraphs(vec![SignInChange::FactorsReset], ChangedBy::Operator)
                .join("\n")
                .contains("the operator of Reward Desk")
        );
    }

    #[test]
    fn a_name_that_is_more_than_a_name_is_left_out() {
        for name in [
            "http://evil.example",
            "evil.example",
            "a@evil.example",
            "ok“. Confirm at evil.example",
            "<b>x</b>",
            "\u{202e}gnp",
        ] {
            let text =
                paragraphs(vec![SignInChange::PasskeyAdded { name: name.to_owned() }], by_user())
                    .join("\n");
            assert!(
                !text.contains("evil") && !text.contains('<') && !text.contains('\u{202e}'),
                "{text}"
            );
            assert!(text.contains("The passkey"), "{text}");
            let by =
                ChangedBy::Administrator { name: name.to_owned(), merchant: "Globex".to_owned() };
            let text = paragraphs(vec![SignInChange::FactorsReset], by).join("\n");
            assert!(
                !text.contains("evil")
                    && !text.contains('<')
                    && text.contains("an administrator of Globex"),
                "{text}"
            );
        }
        assert_eq!(quoted("Kim's phone 2"), " “Kim's phone 2”");
    }

    #[test]
    fn no_name_brings_in_an_address_or_a_sign_that_acts() {
        let names = ("\\PC{0,60}", "\\PC{0,60}");
        let tried = proptest::test_runner::TestRunner::default().run(&names, |(name, user)| {
            let change = AccountChange {
                changes: vec![SignInChange::PasskeyAdded { name }],
                by: by_user(),
                at: "now".to_owned(),
            };
            for paragraph in change.paragraphs(&user, "ACME") {
                let is_safe = !paragraph.contains(['<', '>', '@', '\n', '\r', '/']);
                proptest::prop_assert!(is_safe, "{}", paragraph);
            }
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }
}
