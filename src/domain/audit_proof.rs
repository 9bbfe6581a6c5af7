//! Proving a chain of seals (see `audit_seal`): link by link, and what is wrong with the first one
//! that does not hold. Pure: no database, no files, no prose.

use chrono::{DateTime, Utc};

use super::audit_seal::{ChainHead, StoredRecord};

/// A seal as found, and the record that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    pub no: i64,
    pub record_id: i64,
    pub digest: String,
    /// `None`: not a time that the desk would write.
    pub at: Option<DateTime<Utc>>,
    pub record: SealedRecord,
}

/// The record of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedRecord {
    Whole(Box<StoredRecord>),
    /// Holds what the desk would never write.
    Unreadable,
    Missing,
}

/// A record as far as it is known: its seal may be all that is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub id: i64,
    pub at: Option<DateTime<Utc>>,
    pub action: Option<String>,
}

/// The first thing in a log that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The record that it shows at. `None`: it is gone, and its seal with it.
    pub record: Option<Named>,
    pub wrong: ChainFault,
}

/// What is wrong. Numbers are seals'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// A field of the record, or of its seal, is not what was sealed.
    Changed { no: i64 },
    /// The record is as it was sealed, and the digest is not.
    SealChanged { no: i64 },
    /// There is a seal, and no record.
    Removed { no: i64 },
    /// It stands where another record was sealed.
    Reordered { no: i64, instead_of: i64 },
    /// What was sealed of it now stands under another record's id.
    Swapped { no: i64, with: i64 },
    /// The seal with this number is not there; the next one is of this record.
    SealMissing { no: i64, next: i64 },
    /// It is not sealed though all of its time are: inserted past the desk, or its seal was removed
    /// (the number, if one is missing).
    Unsealed { missing: Option<i64> },
    /// The log ends at the record, and once went on at least to the head of this number.
    Cut { remembered: i64 },
    /// The newest sealed record of all logs is gone, and its seal.
    CutAtMark,
    /// What was sealed under this number is another record than the remembered head's.
    Rewritten { remembered: i64 },
    /// In an export: a member that can be seen differs from what was sealed.
    Disagrees { member: String },
    /// In an export: without a seal, and sealed ones follow.
    NotExported,
}

impl ChainLink {
    /// The head that this link makes of the one before it, if all of it can be read.
    fn after(&self, head: &ChainHead) -> Option<ChainHead> {
        match (&self.record, self.at) {
            (SealedRecord::Whole(record), Some(at)) => Some(head.next(at, &record.content())),
            _ => None,
        }
    }

    pub fn named(&self) -> Named {
        match &self.record {
            SealedRecord::Whole(record) => Named::of(record),
            SealedRecord::Unreadable => Named { id: self.record_id, at: None, action: None },
            SealedRecord::Missing => Named { id: self.record_id, at: self.at, action: None },
        }
    }
}

impl Named {
    pub fn of(record: &StoredRecord) -> Self {
        Self { id: record.id, at: Some(record.at), action: Some(record.action.clone()) }
    }
}

/// A chain as far as it was proved.
#[derive(Debug, Clone)]
pub struct Chain {
    pub head: ChainHead,
    /// The record of the newest seal.
    pub newest: Option<Named>,
    /// Heads that somebody has written down, with the record that now stands at each one's number
    /// once that was passed.
    remembered: Vec<(ChainHead, Option<(ChainHead, Named)>)>,
}

impl Chain {
    pub fn new(remembered: &[ChainHead]) -> Self {
        let remembered = remembered.iter().map(|head| (head.clone(), None)).collect();
        Self { head: ChainHead::start(), newest: None, remembered }
    }

    /// Goes on through `links`, which are in the order of their numbers.
    pub fn follow(&mut self, links: &[ChainLink]) -> Result<(), Flaw> {
        for (at, link) in links.iter().enumerate() {
            match link
                .after(&self.head)
                .filter(|head| link.no == head.no && link.digest == head.digest)
            {
                Some(head) => self.advance(head, link),
                None => return Err(self.flaw(links, at)),
            }
        }
        Ok(())
    }

    fn advance(&mut self, head: ChainHead, link: &ChainLink) {
        for (_, passed) in self.remembered.iter_mut().filter(|(wanted, _)| wanted.no == head.no) {
            *passed = Some((head.clone(), link.named()));
        }
        self.head = head;
        self.newest = Some(link.named());
    }

    /// Whether the chain went through this head.
    pub fn has_met(&self, wanted: &ChainHead) -> bool {
        self.remembered.iter().any(|(head, passed)| {
            head == wanted && passed.as_ref().is_some_and(|(met, _)| met == wanted)
        })
    }

    /// What is wrong with the whole chain when all of these heads should be in it.
    pub fn against_remembered(&self) -> Result<(), Flaw> {
        for (wanted, passed) in &self.remembered {
            match passed {
                Some((met, _)) if met == wanted => {}
                Some((_, record)) => {
                    return Err(Flaw {
                        record: Some(record.clone()),
                        wrong: ChainFault::Rewritten { remembered: wanted.no },
                    });
                }
                None => {
                    return Err(Flaw {
                        record: self.newest.clone(),
                        wrong: ChainFault::Cut { remembered: wanted.no },
                    });
                }
            }
        }
        Ok(())
    }

    /// What is wrong with the link at `at`, the first that does not follow from the head.
    fn flaw(&self, links: &[ChainLink], at: usize) -> Flaw {
        let link = &links[at];
        let no = self.head.no.saturating_add(1);
        let flaw = |wrong| Flaw { record: Some(link.named()), wrong };
        if link.no != no {
            return Flaw {
                record: None,
                wrong: ChainFault::SealMissing { no, next: link.record_id },
            };
        }
        if link.record == SealedRecord::Missing {
            return flaw(ChainFault::Removed { no });
        }
        let belongs_here = |other: &&ChainLink| {
            let whole_seal =
                other.after(&self.head).is_some_and(|head| head.digest == other.digest);
            let record = ChainLink { at: link.at, ..(*other).clone() }
                .after(&self.head)
                .is_some_and(|head| head.digest == link.digest);
            whole_seal || record
        };
        if let Some(other) =
            links.iter().filter(|other| other.record_id != link.record_id).find(belongs_here)
        {
            return flaw(ChainFault::Reordered { no, instead_of: other.record_id });
        }
        let has_its_content = |other: &&ChainLink| match &other.record {
            SealedRecord::Whole(record) => {
                let own = StoredRecord { id: link.record_id, ..(**record).clone() };
                let own = ChainLink { record: SealedRecord::Whole(Box::new(own)), ..link.clone() };
                own.after(&self.head).is_some_and(|head| head.digest == link.digest)
            }
            SealedRecord::Unreadable | SealedRecord::Missing => false,
        };
        if let Some(other) =
            links.iter().filter(|other| other.record_id != link.record_id).find(has_its_content)
        {
            return flaw(ChainFault::Swapped { no, with: other.record_id });
        }
        let recomputed = link.after(&self.head);
        let goes_on = recomputed.zip(links.get(at + 1)).is_some_and(|(head, next)| {
            next.after(&head)
                .is_some_and(|after| after.no == next.no && after.digest == next.digest)
        });
        flaw(if goes_on { ChainFault::SealChanged { no } } else { ChainFault::Changed { no } })
    }
}
