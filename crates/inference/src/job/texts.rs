//! What of the texts and the options of a request has no effect on a model, so that it can be said.

use langevin_core::{Error, LeftAside, Result};
use langevin_model::Model;

use super::event::{Event, Observer};

/// Letters of a text that are shown.
const SHOWN: usize = 60;

/// Tells what of `texts` finds no room in the texts of `model`. A text that comes several times counts once.
pub fn tell_cut<'a>(
    model: &Model,
    what: &str,
    texts: impl IntoIterator<Item = &'a str>,
    observer: &mut dyn Observer,
) {
    let mut aside = LeftAside::default();
    let mut seen = std::collections::BTreeSet::new();
    for text in texts.into_iter().filter(|text| seen.insert(*text)) {
        if let Some((room, rest)) = model.text.cut(text) {
            let count = model.truncated_tokens(text) as u64;
            add_cut(&mut aside, room, count, rest);
        }
    }
    if let Some(event) = Event::left_aside(what, aside) {
        observer.event(event);
    }
}

/// Counts `count` tokens of a text that find no room among the `room` of a text, beginning with those of `rest`.
pub fn add_cut(aside: &mut LeftAside, room: usize, count: u64, rest: &str) {
    let rest = rest.trim();
    let shown: String = rest.chars().take(SHOWN).collect();
    let more = if shown.len() < rest.len() { "..." } else { "" };
    aside.add_all(
        &format!("tokens beyond the text encoder's limit of {room}"),
        count,
        [format!("from \"{shown}{more}\" on")],
    );
}

/// Warns of what in `texts` weighs or divides prompts in other programs, and is read as it stands here.
///
/// # Errors
/// Usage, for a text that asks for a LoRA file.
pub fn check_syntax<'a>(
    what: &str,
    texts: impl IntoIterator<Item = &'a str>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let mut literal: Vec<&str> = Vec::new();
    for text in texts {
        if let Some(lora) = ["<lora:", "<lyco:"].into_iter().find_map(|tag| bracketed(text, tag, '>')) {
            let file = lora[6..].trim_end_matches('>');
            return Err(Error::usage(format!("{what}: {lora} loads nothing here"))
                .hint(format!("take it out of the text, and give --lora with the file: --lora {file}")));
        }
        literal.extend(weighed(text).into_iter().filter(|part| !literal.contains(part)).collect::<Vec<_>>());
    }
    if !literal.is_empty() {
        let (is, them) = if literal.len() == 1 { ("is", "it") } else { ("are", "them") };
        observer.event(Event::warning(format!(
            "{what}: {} {is} read as plain text: weights and BREAK have no effect yet; leave {them} out",
            literal.join(" and ")
        )));
    }
    Ok(())
}

/// The part of `text` from `open` to the next `close`.
fn bracketed<'a>(text: &'a str, open: &str, close: char) -> Option<&'a str> {
    let from = text.find(open)?;
    let to = text[from..].find(close)?;
    Some(&text[from..=from + to])
}

/// The parts of `text` that are weights in other programs: `(word:1.3)`, `((word))`, `[word]`, `BREAK`.
fn weighed(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let double = bracketed(text, "((", ')').map(|inner| {
        let from = inner.as_ptr() as usize - text.as_ptr() as usize;
        let to = from + inner.len();
        if text[to..].starts_with(')') { &text[from..=to] } else { inner }
    });
    found.extend(double);
    found.extend(bracketed(text, "[", ']'));
    for (at, _) in text.match_indices('(') {
        let Some(part) = bracketed(&text[at..], "(", ')') else { continue };
        let weight =
            part.trim_end_matches(')').rsplit_once(':').map(|(_, weight)| weight.trim().parse::<f64>());
        if matches!(weight, Some(Ok(_))) && !part[1..].contains('(') {
            found.push(part);
        }
    }
    found.extend(text.split_whitespace().find(|word| *word == "BREAK"));
    found
}

/// Tells of the options of a request that have no effect, each with its reason, if any.
pub fn tell_idle<'a>(idle: impl IntoIterator<Item = (bool, &'a str)>, observer: &mut dyn Observer) {
    let mut aside = LeftAside::default();
    for (_, option) in idle.into_iter().filter(|(is_idle, _)| *is_idle) {
        aside.add("options without effect", option);
    }
    if let Some(event) = Event::left_aside("the request", aside) {
        observer.event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_other_programs_are_found_in_texts() {
        assert_eq!(
            weighed("a (red:1.3) cat, ((dog)) BREAK [tree]"),
            ["((dog))", "[tree]", "(red:1.3)", "BREAK"]
        );
        assert!(weighed("a cat (and a dog) at 10:30, BREAKFAST").is_empty());
        assert_eq!(weighed("((a:1.2) b:2)"), ["((a:1.2)", "(a:1.2)"]);
    }

    #[test]
    fn a_lora_in_a_text_is_refused_and_weights_are_warned_of() {
        let mut said = Vec::new();
        let mut observer = |event: Event| said.push(serde_json::to_value(event).unwrap()["text"].to_string());
        let error = check_syntax("the prompt", ["a cat <lora:ink:0.8>"], &mut observer).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the prompt: <lora:ink:0.8> loads nothing here (take it out of the text, and give --lora with the file: --lora ink:0.8)"
        );
        check_syntax("the prompt", ["a cat", "(red:1.3) cat", "(red:1.3) cat"], &mut observer).unwrap();
        check_syntax("the prompt", ["a cat (small)"], &mut observer).unwrap();
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("(red:1.3) is read as plain text"), "{said:?}");
    }
}
