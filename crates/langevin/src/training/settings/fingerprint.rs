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
    /// left out.
    pub fn fingerprint(&self, data: &str, images: Option<u64>) -> String {
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
