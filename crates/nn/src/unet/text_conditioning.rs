//! Prompts as a network is conditioned on them: the vectors of a text encoder, and what comes with them.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Added, Cond, Context, Error, Result};

use crate::config::TextConfig;
use crate::embed::sinusoidal;
use crate::text::ClipText;

/// The encoded prompts, if the network has been made for any; in training they are encoded here, so that the encoder learns too.
pub(crate) fn conditioning(
    encoder: Option<&ClipText>,
    text: Option<&TextConfig>,
    cond: &Cond,
) -> Option<Context> {
    text?;
    Some(match (&cond.context, &cond.tokens) {
        (Some(context), _) => context.clone(),
        (None, Some(tokens)) => read_texts(encoder, text, tokens).expect("the tokens of its own tokenizer"),
        (None, None) => panic!("a text-conditioned network needs a text"),
    })
}

/// `texts`, as tokens, encoded by a part of the network.
pub(crate) fn read_texts(
    encoder: Option<&ClipText>,
    text: Option<&TextConfig>,
    texts: &[Vec<u32>],
) -> Result<Context> {
    let encoder = encoder.ok_or_else(|| Error::usage("this network has no encoder of texts of its own"))?;
    let encoded = encoder.encode(texts)?;
    let added = text.and_then(|text| text.added).map(|_| {
        let lengths: Vec<f32> = texts.iter().map(|text| encoder.length(text) as f32).collect();
        let numbers = TensorData::new(lengths, [texts.len(), 1]);
        Added {
            numbers: Tensor::from_data(numbers, &encoded.pooled.device()),
            pooled: encoded.projected.unwrap_or(encoded.pooled),
        }
    });
    Ok(Context { tokens: encoded.last, added })
}

/// The pooled vectors of texts and the features of their numbers, `[n, inputs]`, as a U-Net of default settings makes them.
pub(crate) fn added_features(text: &TextConfig, context: &Context, device: &Device) -> Tensor<2> {
    waves_and_pooled(text, context, (true, 0.0), device)
}

/// As [`added_features`], with the order and the frequencies of the waves.
pub(super) fn waves_and_pooled(
    text: &TextConfig,
    context: &Context,
    (flip, shift): (bool, f64),
    device: &Device,
) -> Tensor<2> {
    let added = context.added.clone();
    let Added { pooled, numbers } = added.expect("a pooled vector and numbers with each text");
    let [n, count] = numbers.dims();
    let features = text.added.map_or(0, |added| added.features);
    let values = numbers.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64");
    let waves = sinusoidal(&values, features, flip, shift, device).reshape([n, count * features]);
    Tensor::cat(vec![pooled.to_device(device), waves], 1)
}
