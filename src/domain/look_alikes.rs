//! What a code may have been before somebody read it off a screen: O and 0, I and 1 and l taken for
//! one another, or other case.

use std::collections::HashSet;

use super::fold;

/// How many spellings of each kind are tried: two look-ups by index stay two look-ups.
const MAX_SPELLINGS: usize = 64;

/// Codes that look like `text`; `text` itself is not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookAlikes {
    /// For batches that tell case apart: what looks alike, then the same letters in other case.
    pub exact: Vec<String>,
    /// For batches that ignore it: folded.
    pub folded: Vec<String>,
}

impl LookAlikes {
    pub fn of(text: &str) -> Self {
        let folded_text = fold::code(text);
        let mut exact = variants(text, exact_twins);
        let known: HashSet<String> = exact.iter().cloned().collect();
        exact.extend(in_other_case(text).into_iter().filter(|other| !known.contains(other)));
        Self { exact, folded: variants(&folded_text, folded_twins) }
    }
}

fn exact_twins(c: char) -> &'static [char] {
    match c {
        'O' => &['0', 'o'],
        'o' => &['0', 'O'],
        '0' => &['O', 'o'],
        'I' => &['1', 'l'],
        '1' => &['I', 'l'],
        'l' => &['1', 'I'],
        _ => &[],
    }
}

fn folded_twins(c: char) -> &'static [char] {
    match c {
        'o' => &['0'],
        '0' => &['o'],
        'i' => &['1', 'l'],
        '1' => &['i', 'l'],
        'l' => &['1', 'i'],
        _ => &[],
    }
}

/// First what is taken wrongly throughout, as people do; then one character taken for its twin,
/// two, and so on, up to [`MAX_SPELLINGS`].
fn variants(text: &str, twins: fn(char) -> &'static [char]) -> Vec<String> {
    let mut found = throughout(text, twins);
    let mut seen: HashSet<String> = found.iter().cloned().chain([text.to_owned()]).collect();
    let letters: Vec<char> = text.chars().collect();
    // Each with where the next change may begin, so that none is made twice.
    let mut level: Vec<(Vec<char>, usize)> = vec![(letters, 0)];
    while !level.is_empty() {
        let mut next = Vec::new();
        for (made, from) in &level {
            for (at, c) in made.iter().enumerate().skip(*from) {
                for twin in twins(*c) {
                    let mut one = made.clone();
                    if let Some(place) = one.get_mut(at) {
                        *place = *twin;
                    }
                    let code: String = one.iter().collect();
                    if seen.insert(code.clone()) {
                        found.push(code);
                    }
                    if found.len() == MAX_SPELLINGS {
                        return found;
                    }
                    next.push((one, at + 1));
                }
            }
        }
        level = next;
    }
    found
}

/// Every round sign as the same one, and every upright one: "0O1l" as "OOII", "0011", "OO11" and so
/// on.
fn throughout(text: &str, twins: fn(char) -> &'static [char]) -> Vec<String> {
    let first = |signs: &[char]| text.chars().find(|c| signs.contains(c));
    let (round, upright) = (first(&['o', 'O', '0']), first(&['i', 'I', 'l', '1']));
    let choices = |sign: Option<char>| -> Vec<Option<char>> {
        std::iter::once(None)
            .chain(
                sign.into_iter()
                    .flat_map(|c| std::iter::once(c).chain(twins(c).iter().copied()))
                    .map(Some),
            )
            .collect()
    };
    let mut found = Vec::new();
    for round in choices(round) {
        for upright in choices(upright) {
            let made: String = text
                .chars()
                .map(|c| match c {
                    'o' | 'O' | '0' => round.unwrap_or(c),
                    _ if twins(c).is_empty() => c,
                    _ => upright.unwrap_or(c),
                })
                .collect();
            if made != text && !found.contains(&made) {
                found.push(made);
            }
        }
    }
    found
}

/// The same letters in other case: all upper, all lower, and as many of the mixed forms as there is
/// room for.
fn in_other_case(text: &str) -> Vec<String> {
    let swapped = |c: char| {
        if c.is_lowercase() { only(c.to_uppercase(), c) } else { only(c.to_lowercase(), c) }
    };
    let mut found: Vec<String> =
        vec![text.to_uppercase(), text.to_lowercase(), text.chars().map(swapped).collect()];
    let letters: Vec<char> = text.chars().collect();
    let turnable: Vec<usize> =
        letters.iter().enumerate().filter(|(_, c)| swapped(**c) != **c).map(|(at, _)| at).collect();
    // Six letters have 64 forms; of longer codes the last six letters are turned, in either case of
    // the rest.
    let turned = turnable.get(turnable.len().saturating_sub(6)..).unwrap_or_default();
    for base in [text.to_owned(), text.to_uppercase(), text.to_lowercase()] {
        let base: Vec<char> = base.chars().collect();
        if base.len() != letters.len() {
            continue;
        }
        for mask in 0..(1_u32 << turned.len()) {
            let mut one = base.clone();
            for (bit, at) in turned.iter().enumerate() {
                if let (true, Some(c)) = (mask & (1 << bit) != 0, one.get_mut(*at)) {
                    *c = swapped(*c);
                }
            }
            found.push(one.into_iter().collect());
        }
    }
    let mut seen = HashSet::from([text.to_owned()]);
    found.retain(|one| seen.insert(one.clone()));
    found
}

/// The other case of `c` where that is one character, else `c`.
fn only(mut other: impl Iterator<Item = char>, c: char) -> char {
    match (other.next(), other.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_and_0_and_i_and_1_and_l_are_taken_for_one_another() {
        let found = LookAlikes::of("SO10");
        for code in ["S010", "SOI0", "SOlO", "S0IO"] {
            assert!(
                found.exact.contains(&code.to_owned()),
                "{code} is not among {:?}",
                found.exact
            );
        }
        assert!(
            found.folded.contains(&"s0lo".to_owned()) && found.folded.contains(&"soio".to_owned()),
            "{:?}",
            found.folded
        );
        assert!(
            !found.exact.contains(&"SO10".to_owned()) && !found.folded.contains(&"so10".to_owned()),
            "not itself"
        );
        assert_eq!(LookAlikes::of("5A5").folded, Vec::<String>::new(), "5 and S are told apart");
    }

    #[test]
    fn what_is_wrong_throughout_comes_first_and_there_is_an_end() {
        let wrong = LookAlikes::of("OOOO-llll-OOOO-IIII");
        assert!(
            wrong.folded.contains(&"0000-1111-0000-1111".to_owned())
                && wrong.exact.contains(&"0000-1111-0000-1111".to_owned())
        );
        let found = LookAlikes::of(&"0".repeat(40));
        assert_eq!(
            (found.folded.len(), found.folded[0].as_str()),
            (MAX_SPELLINGS, "o".repeat(40).as_str())
        );
        assert!(found.folded.iter().skip(1).take(40).all(|code| code.matches('o').count() == 1));
        assert!(found.exact.len() <= 4 * MAX_SPELLINGS);
    }

    #[test]
    fn other_case_is_tried_in_every_form_of_a_short_code() {
        let found = LookAlikes::of("abcd-77").exact;
        for code in ["ABCD-77", "AbCd-77", "abcD-77"] {
            assert!(found.contains(&code.to_owned()), "{code}");
        }
        assert!(LookAlikes::of("abcdefghijkm").exact.contains(&"ABCDEFGHIJKM".to_owned()));
        // Letters whose other case is two characters are left as they are.
        assert!(LookAlikes::of("straße-1").exact.iter().all(|code| !code.is_empty()));
    }
}
