//! Where a request comes from: what records and mails say of it.

/// One request: its id in the log, and the browser and address it came from, as far as they are
/// known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub request_id: String,
    /// The browser in words that its user may recognise; empty: not known.
    pub agent: String,
    pub address: String,
}
