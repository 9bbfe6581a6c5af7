//! Tests of what is seen in a file's rows.

use super::*;

fn seen(codes: &[&str]) -> Findings {
    let mut findings = Findings::default();
    let window = Window { from: None, until: None };
    for (code, line) in codes.iter().zip(2..) {
        let voucher = NewVoucher { line, cell: code, code, window, is_spent: false };
        findings.accept(&voucher, DateTime::<Utc>::UNIX_EPOCH);
    }
    findings
}

#[test]
fn lost_zeros_are_seen_only_where_no_zero_leads() {
    let findings = seen(&["123456", "234567", "345678", "45678", "5678"]);
    let [Suspicion::ZerosLost { usual: 6, shorter: 2, samples }] = &findings.suspicions()[..]
    else {
        panic!("{findings:?}")
    };
    assert_eq!(
        samples.iter().map(|sample| (sample.line, sample.cell.as_str())).collect::<Vec<_>>(),
        [(5, "45678"), (6, "5678")]
    );
    for quiet in [
        &["123456", "234567", "345678", "012345", "5678"][..],
        &["123456", "234567", "ABCD", "ABC"],
        &["123", "1234", "12345"],
    ] {
        assert_eq!(seen(quiet).suspicions(), [], "{quiet:?}");
    }
}

#[test]
fn rounded_numbers_are_seen_when_all_long_ones_are() {
    let rounded = seen(&["1234567890123450", "2234567890123460", "ABC"]);
    assert!(matches!(&rounded.suspicions()[..], [Suspicion::Rounded(tally)] if tally.count == 2));
    assert_eq!(
        seen(&["1234567890123450", "2234567890123461", "3234567890123462"]).suspicions(),
        []
    );
}

#[test]
fn codes_that_pile_up_at_the_longest_are_seen() {
    let long = "x".repeat(254);
    assert!(matches!(
        seen(&[&format!("{long}a"), &format!("{long}b"), "short"]).suspicions()[..],
        [Suspicion::CutAt { length: 255, .. }]
    ));
    let all_alike: Vec<String> = (0..50).map(|n| format!("ABCDEFGHIJKLMNO-{n:04}")).collect();
    assert_eq!(seen(&all_alike.iter().map(String::as_str).collect::<Vec<_>>()).suspicions(), []);
    let cut: Vec<String> = (0..9)
        .map(|n| format!("ABCDEFGHIJKLMNO{n}"))
        .chain(["AB1", "ABC2", "ABCD3"].map(Into::into))
        .collect();
    assert!(matches!(
        seen(&cut.iter().map(String::as_str).collect::<Vec<_>>()).suspicions()[..],
        [Suspicion::CutAt { length: 16, .. }]
    ));
}

#[test]
fn samples_are_the_files_first_in_whatever_order_they_come() {
    let mut tally = SampledCount::default();
    for line in [9, 3, 7, 1, 8, 2, 6] {
        tally.add(SeenRow { line, cell: &"é".repeat(100), reason: "no" });
    }
    assert_eq!(
        (tally.count, tally.samples.iter().map(|s| s.line).collect::<Vec<_>>()),
        (7, vec![1, 2, 3, 6, 7])
    );
    assert_eq!(tally.samples[0].cell.chars().count(), MAX_CELL_CHARS + 1);
}
