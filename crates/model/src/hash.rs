//! The content hash of a model, which a recipe records: computed when it is first asked for, since that reads every weight.

use langevin_core::NamedTensors;

use crate::model::Model;
use crate::save;

/// The first 16 hexadecimal digits of a BLAKE3 sum.
pub(crate) fn shortened(sum: blake3::Hash) -> String {
    sum.to_hex()[..16].to_owned()
}

impl Model {
    /// The first 16 hexadecimal digits of the BLAKE3 sum of its file; for a folder that of its description and tensors, for a
    /// closed-form model that of its name.
    pub fn hash(&self) -> &str {
        self.hash.get_or_init(|| self.content_hash())
    }

    fn content_hash(&self) -> String {
        if let Some(encoders) = self.text.clip() {
            let mut sum = blake3::Hasher::new();
            sum.update(serde_json::to_string(&self.info).expect("a description is plain values").as_bytes());
            let network = self.denoiser.network().map(langevin_nn::export);
            network.iter().for_each(|tensors| add(&mut sum, tensors));
            self.codec.iter().for_each(|codec| add(&mut sum, &codec.tensors()));
            for (encoder, _) in encoders.parts() {
                add(&mut sum, &langevin_nn::export(encoder));
            }
            return shortened(sum.finalize());
        }
        // The hash of the file that converting makes of it.
        let bytes = save::to_file(self, false);
        shortened(blake3::hash(bytes.as_deref().unwrap_or(self.name.as_bytes())))
    }
}

fn add(sum: &mut blake3::Hasher, tensors: &NamedTensors) {
    for (name, (_, values)) in tensors {
        sum.update(name.as_bytes());
        let mut bytes = Vec::with_capacity(1 << 16);
        for part in values.chunks(1 << 14) {
            bytes.clear();
            bytes.extend(part.iter().flat_map(|value| value.to_le_bytes()));
            sum.update(&bytes);
        }
    }
}
