//! What a relay's error means for a mail, and the words for it. Only a 5xx to this mail's RCPT or
//! DATA is final (guarantee R9). The words never hold what the relay wrote: it may quote the
//! address or the mail.

use std::error::Error as _;

use lettre::transport::smtp::{Error, response::Severity};

use super::SendError;

/// Where in the dialogue something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmtpStep {
    /// TCP, TLS from the start, greeting and EHLO.
    Connect,
    StartTls,
    SignIn,
    /// MAIL FROM: about us, not about this mail.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA and the mail itself.
    Content,
}

impl SmtpStep {
    fn words(self) -> &'static str {
        match self {
            Self::Connect => "the connection",
            Self::StartTls => "encryption",
            Self::SignIn => "our sign-in",
            Self::Sender => "the sender",
            Self::Recipient => "the recipient",
            Self::Content => "the mail",
        }
    }

    /// What a person would say we were waiting for.
    pub(super) fn too_late(self) -> SendError {
        SendError::Temporary(format!("the relay did not answer in time ({})", self.words()))
    }
}

/// The verdict over an error at `step`.
pub(super) fn judge(step: SmtpStep, error: &Error) -> SendError {
    let Some(code) = error.status() else {
        return SendError::Temporary(without_status(step, error));
    };
    let enhanced = error.source().and_then(|text| enhanced_status(&text.to_string()));
    let mut reason = format!("the relay refused {}: {code}", step.words());
    if let Some(status) = &enhanced {
        reason.push(' ');
        reason.push_str(status);
    }
    if let Some(meaning) = enhanced.as_deref().and_then(meaning) {
        reason.extend([" (", meaning, ")"]);
    }
    let is_final = code.severity == Severity::PermanentNegativeCompletion
        && matches!(step, SmtpStep::Recipient | SmtpStep::Content);
    if is_final { SendError::Permanent(reason) } else { SendError::Temporary(reason) }
}

/// The verdict over an answer that is neither a refusal nor the one that `step` needs: the mail may
/// or may not have been taken.
pub(super) fn unexpected(step: SmtpStep, code: u16) -> SendError {
    SendError::Temporary(format!("the relay's response makes no sense ({}): {code}", step.words()))
}

/// The verdict where there is no connection yet. Nothing of a mail has been said: the system's own
/// words can only be about the relay.
pub(super) fn unreachable(what: &str, error: &std::io::Error) -> SendError {
    SendError::Temporary(format!("the relay {what}: {error}"))
}

fn without_status(step: SmtpStep, error: &Error) -> String {
    if error.is_response() {
        // Its text quotes the relay.
        return format!("the relay's answer was not SMTP ({})", step.words());
    }
    match step {
        // Nothing of a mail has been said yet: the engine's own words can only be about the relay.
        SmtpStep::Connect | SmtpStep::StartTls | SmtpStep::SignIn => {
            let mut root: &dyn std::error::Error = error;
            while let Some(source) = root.source() {
                root = source;
            }
            let what = if step == SmtpStep::Connect && !error.is_tls() {
                "could not be reached"
            } else {
                "could not be used"
            };
            format!("the relay {what}: {root}")
        }
        SmtpStep::Sender | SmtpStep::Recipient | SmtpStep::Content => {
            format!("the connection to the relay broke ({})", step.words())
        }
    }
}

/// The RFC 3463 status at the beginning of a relay's text, such as `5.1.1`.
fn enhanced_status(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let fits = parts.len() == 3
        && parts
            .iter()
            .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    fits.then(|| first.to_owned())
}

/// What the commoner ones mean.
fn meaning(status: &str) -> Option<&'static str> {
    let (_, detail) = status.split_once('.')?;
    Some(match detail {
        "1.1" => "mailbox doesn't exist",
        "1.2" | "4.4" => "mail domain doesn't exist",
        "1.0" | "1.3" => "address unknown to the relay",
        "1.10" => "this domain accepts no mail",
        "2.1" => "the mailbox is disabled",
        "2.2" => "the mailbox is full",
        "3.4" | "2.3" => "the email is too large",
        _ if detail.starts_with("7.") => "against the relay's policy",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_is_taken_from_the_relays_text() {
        assert_eq!(enhanced_status("5.1.1 <jo@x.example>: unknown").as_deref(), Some("5.1.1"));
        for text in ["", "jo@x.example", "5.1", "5.1.1234", "5.1.x", "5.1.1.1"] {
            assert_eq!(enhanced_status(text), None, "{text:?}");
        }
        assert_eq!(meaning("5.1.1"), Some("mailbox doesn't exist"));
        assert_eq!(meaning("5.7.26"), Some("against the relay's policy"));
    }
}
