//! What the templates of imports are given: the list, and one import in each of its states.

use askama::Template;

use crate::web::{
    batches::pages::StateCount,
    shared::{
        frame::Frame,
        ui::{Badge, Fact, Pager, StockBar, TextLink, Tone, When},
    },
};

/// `GET /m/{merchant}/imports`.
#[derive(Debug, Template)]
#[template(path = "imports/index.html")]
pub struct ImportListPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the batches.
    pub back_href: String,
    /// The imports.
    pub rows: Vec<ImportItem>,
    /// First page and older page.
    pub pager: Pager,
}

/// One import in the list.
#[derive(Clone, Debug)]
pub struct ImportItem {
    /// Its page.
    pub href: String,
    /// Its file, or "Pasted lines".
    pub title: String,
    /// Its batch.
    pub batch: String,
    /// "Done", "Waits for your word".
    pub badge: Badge,
    /// "12,340 new, 3 unchanged, 2 rejected". May be empty.
    pub counts: String,
    /// Who sent or confirmed it.
    pub who: String,
    /// When it was sent.
    pub when: When,
}

/// `GET /m/{merchant}/imports/{id}`.
#[derive(Debug, Template)]
#[template(path = "imports/show.html")]
pub struct ImportPage {
    /// Frame.
    pub frame: Frame,
    /// Back to the list.
    pub back_href: String,
    /// The heading.
    pub title: String,
    /// Batch, who, when, size.
    pub facts: Vec<Fact>,
    /// The rest.
    pub screen: ImportScreen,
}

/// How far an import is; and all of its page when that is news.
#[derive(Debug, Template)]
#[template(path = "imports/progress.html")]
pub struct ImportProgressFragment {
    /// The page below its head.
    pub screen: ImportScreen,
    /// Whether the page that asks does not know this state yet.
    pub is_news: bool,
}

/// What an import's page says below its head.
#[derive(Clone, Debug)]
pub struct ImportScreen {
    /// The state's name, for the next question.
    pub state: String,
    /// Its meaning.
    pub tone: Tone,
    /// "12,340 codes can be added to Spring".
    pub title: String,
    /// What it means. May be empty.
    pub text: String,
    /// While somebody is at work.
    pub bar: Option<ProgressBarView>,
    /// What the rows come to, once they are known.
    pub sums: Option<RowSums>,
    /// What the notes are called together.
    pub notes_title: &'static str,
    /// What to look at before the codes are handed out.
    pub notes: Vec<ImportNote>,
    /// Rejected rows by cause.
    pub groups: Vec<ImportNote>,
    /// All rejected rows as a file.
    pub rejects_href: Option<String>,
    /// "Add 12,340 codes", and where it posts to.
    pub confirm: Option<TextLink>,
    /// Where "Cancel" posts to.
    pub cancel: Option<String>,
    /// Where to go from here.
    pub links: Vec<TextLink>,
    /// Whether the page is new, and not only this part of it.
    pub is_first: bool,
    /// What is said aloud when this state is reached and the focus is elsewhere.
    pub said: String,
}

/// A progress.
#[derive(Clone, Debug)]
pub struct ProgressBarView {
    /// "Checking codes.csv".
    pub label: String,
    /// Whole per cent.
    pub percent: i64,
    /// Where to ask again.
    pub href: String,
    /// The page itself, to be loaded again without a script.
    pub page_href: String,
}

/// What the rows come to.
#[derive(Clone, Debug)]
pub struct RowSums {
    /// The bar.
    pub stock: StockBar,
    /// Its legend.
    pub counts: Vec<StateCount>,
}

/// A thing to know, with rows that show it.
#[derive(Clone, Debug)]
pub struct ImportNote {
    /// Its meaning.
    pub tone: Tone,
    /// "12 codes had white space around them".
    pub title: String,
    /// What it means and what to do. May be empty.
    pub text: String,
    /// The first of the rows.
    pub samples: Vec<SampleItem>,
    /// "And 7 more." May be empty.
    pub more: String,
}

/// A row of the file.
#[derive(Clone, Debug)]
pub struct SampleItem {
    /// "Line 4".
    pub line: String,
    /// What stands there.
    pub cell: String,
    /// Why it is rejected. May be empty.
    pub why: String,
}
