//! What makes two runs the same: the settings that decide the result.

use langevin_train::Decay;

use super::Settings;

/// Settings by section and name that were called otherwise when runs began that may be taken up again.
const RENAMED: [(&str, &str, &str); 3] = [
    ("data", "images", "pictures"),
    ("latent", "images", "pictures"),
    ("train", "validation_images", "validation_pictures"),
];

impl Settings {
    /// What decides the result, as JSON: a run taken up again must have the same. When to stop, save and show is
    /// left out. `content` identifies the data wherever they lie; it is empty for data that their name identifies.
    pub fn fingerprint(&self, data: &str, content: &str, images: Option<u64>) -> String {
        let mut settings = serde_json::to_value(self).expect("settings are plain values");
        if let Some(latent) = settings.get_mut("latent").and_then(serde_json::Value::as_object_mut) {
            // The hash tells which autoencoder it is.
            latent.remove("autoencoder");
        }
        for free in ["images", "decay_images", "minutes", "checkpoint_every", "sample_every", "keep"] {
            // The length of training counts where the learning rate depends on it. The end of `wsd` may be moved.
            let train = &self.train;
            let counts = match (free, train.decay) {
                ("images", Decay::Constant) | ("images" | "decay_images", Decay::Wsd) => false,
                ("images", _) => train.decay_images == 0,
                (other, _) => other == "decay_images",
            };
            if !counts && let Some(train) = settings["train"].as_object_mut() {
                train.remove(free);
            }
        }
        if let Some(whole) = settings.as_object_mut() {
            whole.remove("sample");
            whole.remove("run");
        }
        if let Some(init) = settings.get_mut("init").and_then(serde_json::Value::as_object_mut) {
            // The hash tells which model it is.
            init.remove("model");
        }
        if let Some(distill) = settings.get_mut("distill").and_then(serde_json::Value::as_object_mut) {
            // The hash tells which teacher it is.
            distill.remove("teacher");
            if distill.get("from") == Some(&0.into()) {
                // How a consistency model is sampled changes nothing of what it learns.
                distill.remove("steps");
                distill.remove("spacing");
            }
        }
        settings["data"]["name"] = data.into();
        if !content.is_empty() {
            settings["data"]["content"] = content.into();
        }
        settings["data"]["images"] = images.into();
        for (section, name, before) in RENAMED {
            let section = settings.get_mut(section).and_then(serde_json::Value::as_object_mut);
            if let Some((section, value)) = section.and_then(|all| all.remove(name).map(|value| (all, value)))
            {
                section.insert(before.to_owned(), value);
            }
        }
        settings.to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::training::presets::settings_layers;

    /// What langevin 0.1.0 stored in the checkpoints of the run that `crates/cli/tests/old` holds.
    const EARLIER: &str = concat!(
        r#"{"data":{"channels":3,"class_conditional":false,"name":"builtin:shapes","pictures":null,"#,
        r#""size":8},"diffusion":{"parameterisation":"v","process":"vp","schedule":"cosine","#,
        r#""sigma_data":0.5,"time_input":"timestep"},"network":{"attention_head_dim":8,"#,
        r#""attention_levels":[],"channels":[4],"classes":0,"downsample_padding":1,"dropout":0.0,"#,
        r#""embedding_dim":8,"flip_sin_to_cos":true,"fourier_log":false,"fourier_scale":16.0,"#,
        r#""freq_shift":0.0,"in_channels":3,"layers_per_block":1,"mid_attention":true,"#,
        r#""mid_attention_norm_groups":null,"mid_block":false,"mid_block_scale_factor":1.0,"#,
        r#""norm_eps":0.00001,"norm_groups":2,"null_class":true,"out_channels":3,"#,
        r#""output_scale_factor":1.0,"patch":2,"resample":"conv","scale_shift":false,"#,
        r#""time_features":"positional","time_scale":1.0,"up_attention_levels":null,"#,
        r#""zero_init":true},"train":{"batch_size":8,"beta1":0.9,"beta2":0.99,"clip_norm":1.0,"#,
        r#""decay":"constant","decay_images":0,"density":"uniform","ema_half_life":500,"#,
        r#""ema_ramp":0.05,"ema_width":0.0,"epsilon":1e-8,"exact":false,"flip":false,"#,
        r#""label_dropout":0.1,"learning_rate":0.001,"micro_batch":8,"random_crop":false,"#,
        r#""recompute":false,"seed":7,"validate_every":1024,"validation_pictures":4,"#,
        r#""warmup_images":256,"weight_decay":0.0,"weighting":"simple"}}"#
    );

    #[test]
    fn runs_of_an_earlier_version_have_the_same() {
        let flags = [
            "data.size=8",
            "train.images=48",
            "train.batch_size=8",
            "train.seed=7",
            "network.channels=[4]",
            "network.norm_groups=2",
            "network.mid_block=false",
            "network.embedding_dim=8",
            "train.checkpoint_every=16",
            "train.validation_images=4",
        ];
        let (_, settings) = settings_layers("tiny", &flags.map(str::to_owned)).unwrap();
        assert_eq!(settings.fingerprint("builtin:shapes", "", None), EARLIER);
    }
}
