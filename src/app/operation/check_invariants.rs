//! Proves the invariants (docs/guarantees.md, section I) on live data, and says in one line each
//! what was found.

use crate::{
    app::Error,
    db::{
        Database,
        invariants::{Finding, Invariant, contradictions},
    },
};

/// What was found about one invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvariantVerdict {
    pub invariant: Invariant,
    pub findings: Vec<Finding>,
}

impl InvariantVerdict {
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Looks at all invariants as of one moment; the desk may go on working meanwhile.
pub fn check_invariants(db: &Database) -> Result<Vec<InvariantVerdict>, Error> {
    db.snapshot(|conn| {
        let judge = |invariant| {
            Ok(InvariantVerdict { invariant, findings: contradictions(conn, invariant)? })
        };
        Invariant::ALL.into_iter().map(judge).collect()
    })
}

impl std::fmt::Display for InvariantVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.invariant;
        if self.holds() {
            return write!(f, "{name:?} ok: {}", meaning(name));
        }
        let findings: Vec<String> = self.findings.iter().map(sentence).collect();
        write!(f, "{name:?} BROKEN: {}", findings.join("; "))
    }
}

fn sentence(finding: &Finding) -> String {
    let ids: Vec<String> = finding.ids.iter().map(ToString::to_string).collect();
    let more = if i64::try_from(ids.len()).is_ok_and(|named| named < finding.count) {
        ", …"
    } else {
        ""
    };
    format!(
        "{} {} ({} {}{more})",
        finding.count,
        finding.what,
        if finding.count == 1 { "id" } else { "ids" },
        ids.join(", ")
    )
}

fn meaning(invariant: Invariant) -> &'static str {
    match invariant {
        Invariant::I1 => "a coupon is attached to at most one reward over its whole life",
        Invariant::I2 => "a reward is reissued at most once",
        Invariant::I3 => {
            "every reissue replaced a coupon with another one from the same batch and merchant"
        }
        Invariant::I4 => "in every batch available + allocated + replaced + withdrawn = imported",
        Invariant::I5 => {
            "every reissue has exactly one audit record, and every record has exactly one seal"
        }
        Invariant::I6 => {
            "every email that was requested exists once, with the new code, for the reward's \
             customer"
        }
        Invariant::I8 => "every new coupon was usable when it was handed out",
        Invariant::I9 => "every old coupon was unusable when it was replaced",
        Invariant::I10 => "everyone who reissued was active and allowed to",
        Invariant::I12 => "an order counts as one use of a coupon, whatever its time",
    }
}
