//! Names as people type them: in any case, with hyphens or spaces, in British or American spelling, and with slips.

/// `name` without what people spell in different ways, for comparing names alone.
///
/// ```
/// use langevin_process::folded;
///
/// assert_eq!(folded("DPM++ 2M"), folded("dpmpp_2m"));
/// assert_eq!(folded("parameterizations"), folded("parameterisations"));
/// assert_eq!(folded("photo-grey"), folded("photo-gray"));
/// ```
pub fn folded(name: &str) -> String {
    let name = name.trim().to_lowercase().replace("++", "pp").replace([' ', '-'], "_");
    name.replace("colour", "color").replace("grey", "gray").replace("is", "iz")
}

/// The candidate nearest to `word` by edit distance, if any is near enough to be a likely slip. One that goes on where `word`
/// ends is near, and of several the first is taken.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    let distance = |candidate: &str| {
        let candidate = folded(candidate);
        let goes_on = word.len() >= 3 && candidate.starts_with(&word) && candidate != word;
        edit_distance(&word, &candidate).min(if goes_on { 1 } else { usize::MAX })
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(word.len()) / 3)
        .map(|(_, candidate)| candidate)
}

/// Letters put in, left out, replaced, or swapped with their neighbour, each of which counts one.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replaced = row[j] + usize::from(from != to);
            let mut least = replaced.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_slips_and_refuses_strangers() {
        let names = ["linear", "cosine", "dpmpp_2m"];
        assert_eq!(nearest("cosin", names), Some("cosine"));
        assert_eq!(nearest("Lineer", names), Some("linear"));
        assert_eq!(nearest("dpm++2m", names), Some("dpmpp_2m"));
        assert_eq!(nearest("zzzzzzzz", names), None);
    }

    #[test]
    fn swapped_letters_are_one_slip_and_a_beginning_is_near() {
        assert_eq!(edit_distance("smaple", "sample"), 1);
        assert_eq!(edit_distance("abc", ""), 3);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(nearest("smaple", ["upscale", "sample"]), Some("sample"));
        assert_eq!(nearest("dpm++", ["dpm2", "dpmpp_2m", "dpmpp_sde"]), Some("dpmpp_2m"));
    }
}
