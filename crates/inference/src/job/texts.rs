//! What of the texts and the options of a request has no effect on a model, so that it can be said.

use langevin_core::LeftAside;
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
