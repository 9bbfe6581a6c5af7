//! The small parts that many screens share: tones, moments, badges, toasts, pagers, stock bars.

/// What a colour means, everywhere alike. Never shown without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Usable, sent, done.
    Good,
    /// Expiring, low, waiting.
    Notice,
    /// Barred, failed, empty, refused.
    Bad,
    /// Redeemed, replaced, expired long ago; plain facts.
    Quiet,
}

impl Tone {
    /// Its name in classes and among the icons.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Notice => "notice",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
    /// Whether it is to be announced at once.
    pub fn is_bad(self) -> bool {
        self == Self::Bad
    }
}

/// A moment: UTC for machines, words in the merchant's zone for people.
#[derive(Clone, Debug)]
pub struct When {
    /// RFC 3339 in UTC, for `<time datetime>`.
    pub datetime_utc: String,
    /// "3 Oct 2026, 23:59 BST".
    pub text: String,
}

/// A short flag beside a name: "E-mails off", "Blocked".
#[derive(Clone, Debug)]
pub struct Badge {
    /// Its meaning.
    pub tone: Tone,
    /// Its words.
    pub text: String,
}

/// One line of state in words, perhaps with its moment: "Barred by Kim: leaked online", when.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its meaning.
    pub tone: Tone,
    /// Its words, without the moment.
    pub text: String,
    /// The moment, shown after the words.
    pub when: Option<When>,
}

/// A label and its value, in a list of facts. `when` is shown after `text`; either may be missing.
#[derive(Clone, Debug)]
pub struct Fact {
    /// "Customer since".
    pub label: String,
    /// The value in words; may be empty when `when` is given.
    pub text: String,
    /// The value, or the rest of it, as a moment.
    pub when: Option<When>,
}

/// A link with its words.
#[derive(Clone, Debug)]
pub struct TextLink {
    /// Its words.
    pub label: String,
    /// A path of our own, or an outside address made by the server.
    pub href: String,
}

/// What just happened, in words. A toast in a fragment, a message at the top of a page.
#[derive(Clone, Debug)]
pub struct Toast {
    /// Its meaning.
    pub tone: Tone,
    /// What happened: "Coupon reissued".
    pub title: String,
    /// What it means: "E-mail on its way to jo@…". May be empty.
    pub text: String,
    /// A code to copy: the new one. Never in an error.
    pub code: Option<String>,
    /// What to do next.
    pub links: Vec<TextLink>,
    /// The request id, for a failure that is in the log.
    pub request_id: Option<String>,
}

/// The ends of a keyset page. Both missing: everything is on this page.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// Back to the first page; none on the first page.
    pub first_href: Option<String>,
    /// The next, older page; none on the last page.
    pub older_href: Option<String>,
}

/// One part of a stock bar.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its colour.
    pub tone: Tone,
    /// Left edge, 0 to 1000.
    pub x: u16,
    /// Width, 0 to 1000.
    pub width: u16,
}

/// A batch's stock as a bar with a title; the number stands beside it as text.
#[derive(Clone, Debug)]
pub struct StockBar {
    /// "Stock of Spring: 39 left of 500".
    pub title: String,
    /// Parts from left to right; what is left of 1000 stays empty.
    pub segments: Vec<Segment>,
}

impl StockBar {
    /// Lays parts out over 1000 units. A part that is not zero is at least 6 units wide, so it can
    /// be seen.
    pub fn new(title: String, parts: &[(Tone, u64)]) -> Self {
        Self::of(parts.iter().map(|(_, n)| *n).sum(), title, parts)
    }

    /// As [`Self::new`], where the parts may be less than all.
    pub fn of(total: u64, title: String, parts: &[(Tone, u64)]) -> Self {
        let total = total.max(parts.iter().map(|(_, n)| *n).sum());
        let mut x = 0_u16;
        let mut segments = Vec::with_capacity(parts.len());
        let mut rest = u16::try_from(parts.iter().filter(|(_, n)| *n > 0).count()).unwrap_or(1);
        for (tone, n) in parts.iter().filter(|(_, n)| *n > 0) {
            rest -= 1;
            let share = u128::from(*n) * 1000 / u128::from(total);
            let width = u16::try_from(share).unwrap_or(1000).max(6).min(1000 - x - 6 * rest);
            segments.push(Segment { tone: *tone, x, width });
            x += width;
        }
        Self { title, segments }
    }
}
