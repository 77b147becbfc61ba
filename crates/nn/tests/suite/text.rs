//! Texts: CLIP's tokenizer and encoder against the tokens and vectors that `references/golden/clip_tokenizer.py` and
//! `references/golden/text_networks.py` recorded of transformers.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};
use langevin_nn::text::{ClipText, ClipTextConfig, ClipTokenizer, Special, TextActivation, TokenizerParts};
use langevin_nn::{export, load};

use crate::golden::{difference, recorded, size, starting_with, tensors};

fn parts() -> TokenizerParts {
    let read = |name: &str| std::fs::read_to_string(recorded("clip_tokenizer").join(name)).unwrap();
    let vocabulary: HashMap<String, u32> = serde_json::from_str(&read("vocab.json")).unwrap();
    let merges = read("merges.txt");
    let pair = |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (start, end) = ("<|startoftext|>".to_owned(), "<|endoftext|>".to_owned());
    let special = |text: &String| Special { text: text.clone(), id: vocabulary[text], cleaned: false };
    TokenizerParts {
        merges: merges.lines().skip(1).map(pair).collect(),
        specials: vec![special(&start), special(&end)],
        pad: end.clone(),
        unknown: end.clone(),
        length: 77,
        start,
        end,
        vocabulary,
    }
}

#[test]
fn tokens_are_those_of_transformers() {
    let tokenizer = ClipTokenizer::new(&parts()).unwrap();
    let cases = std::fs::read_to_string(recorded("clip_tokenizer/cases.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&cases).unwrap();
    assert!(cases.len() > 200);
    let (start, end) = (812, 813);
    assert_eq!(parts().merges.len(), 300);
    let mut longer = 0;
    for case in &cases {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        assert_eq!(tokenizer.tokens(text), expected, "{text:?}");
        let found = tokenizer.encode(text);
        assert_eq!(found.cut, expected.len().saturating_sub(75), "{text:?}");
        longer += usize::from(found.cut > 0);
        let mut ids = vec![start];
        ids.extend(expected.iter().take(75));
        ids.resize(77, end);
        assert_eq!(found.ids, ids, "{text:?}");
    }
    assert!(longer > 5, "some texts are too long");
}

#[test]
fn a_special_token_may_be_looked_for_in_cleaned_text_and_the_longest_wins() {
    let mut parts = parts();
    let special = |text: &str, id, cleaned| Special { text: text.to_owned(), id, cleaned };
    parts.specials.extend([special("CAT", 900, true), special("!", 901, false), special("!!", 902, false)]);
    let tokenizer = ClipTokenizer::new(&parts).unwrap();
    assert_eq!(tokenizer.tokens("Cat!!!cAT"), [900, 902, 901, 900]);
}

#[test]
fn a_tokenizer_that_cannot_be_is_refused() {
    let refused = |parts: TokenizerParts| ClipTokenizer::new(&parts).unwrap_err().to_string();
    let message = refused(TokenizerParts { pad: "<pad>".into(), ..parts() });
    assert!(message.contains("padding") && message.contains("<pad>"), "{message}");
    assert!(refused(TokenizerParts { length: 2, ..parts() }).contains("no room"));
    let merges = vec![("no".to_owned(), "such".to_owned())];
    assert!(refused(TokenizerParts { merges, ..parts() }).contains("\"no\""));
}

fn values<const D: usize>(x: &Tensor<D>) -> Vec<f32> {
    x.clone().try_into_vec_as::<f32>().unwrap()
}

fn small() -> ClipTextConfig {
    ClipTextConfig {
        vocabulary: 40,
        dim: 16,
        inner: 24,
        layers: 3,
        heads: 4,
        positions: 9,
        ..ClipTextConfig::default()
    }
}

fn check(name: &str, config: &ClipTextConfig) -> ClipText {
    let (metadata, tensors) = tensors(&format!("clip_text_{name}"));
    let device = Device::flex();
    let weights = starting_with(&tensors, "weight.");
    let model = load(config.init(0, &device).unwrap(), &weights).unwrap();
    assert_eq!(export(&model), weights, "{name}: what was loaded comes out again");
    let ids: Vec<Vec<u32>> = serde_json::from_str(&metadata["ids"]).unwrap();
    let encoded = model.encode(&ids).unwrap();
    let same = |what: &str, found: Vec<f32>| {
        let expected = &tensors[what].1;
        let off = difference(&found, expected);
        assert!(off < 1e-5 * size(expected).max(1.0), "{name}: {what} is off by {off:.1e}");
    };
    assert_eq!(encoded.hidden.len(), config.layers + 1);
    for (i, hidden) in encoded.hidden.iter().enumerate() {
        assert_eq!(hidden.dims(), [3, 9, 16]);
        same(&format!("hidden.{i}"), values(hidden));
    }
    same("last", values(&encoded.last));
    same("last", values(&model.skipping(&encoded, 0).unwrap()));
    same("skipped.1", values(&model.skipping(&encoded, 1).unwrap()));
    same("skipped.2", values(&model.skipping(&encoded, 2).unwrap()));
    let message = model.skipping(&encoded, 4).unwrap_err().to_string();
    assert!(message.contains("there are 3"), "{message}");
    match &encoded.projected {
        Some(projected) => same("projected", values(projected)),
        None => same("pooled", values(&encoded.pooled)),
    }
    model
}

#[test]
fn first_text_encoder_is_that_of_transformers() {
    let model = check("quick", &small());
    let refused = |ids: &[Vec<u32>]| model.encode(ids).unwrap_err().to_string();
    assert!(refused(&[vec![1, 40]]).contains("no token 40"));
    for ids in [vec![], vec![vec![]], vec![vec![1], vec![1, 2]], vec![vec![1; 10]]] {
        assert!(refused(&ids).contains("1 to 9 tokens"));
    }
}

#[test]
fn text_encoder_with_a_projection_is_that_of_transformers() {
    let config = ClipTextConfig {
        activation: TextActivation::Gelu,
        end: Some(37),
        norm_eps: 1e-3,
        projection: Some(10),
        ..small()
    };
    check("projected", &config);
}

#[test]
fn a_text_is_encoded_alike_in_every_batch() {
    let model = small().init(4, &Device::flex()).unwrap();
    let texts: Vec<Vec<u32>> =
        (0..5).map(|text| (0..9).map(|at| (7 * text + 3 * at) % 40).collect()).collect();
    let together = values(&model.encode(&texts).unwrap().last);
    for (text, expected) in texts.iter().zip(together.chunks(9 * 16)) {
        assert_eq!(values(&model.encode(std::slice::from_ref(text)).unwrap().last), expected);
    }
}

#[test]
fn encoders_that_cannot_be_built_are_refused() {
    for (config, said) in [
        (ClipTextConfig { heads: 5, ..small() }, "5 heads"),
        (ClipTextConfig { layers: 0, ..small() }, "layers = 0"),
        (ClipTextConfig { norm_eps: 0.0, ..small() }, "norm_eps"),
    ] {
        let message = config.init(0, &Device::flex()).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
}
