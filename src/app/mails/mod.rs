//! Emails: rendered and queued, delivered, sent again, released.

pub mod deliver_mail;
pub mod fulfilment_email;
pub mod release_mail;
pub mod resend_email;
