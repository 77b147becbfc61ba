//! `langevin invert`: the noise from which a model draws given images.

use std::path::PathBuf;

use clap::Args;
use langevin::core::Stop;
use langevin::core::{batch_to_images, signed_to_batch};
use langevin::eval::psnr;
use langevin::files::write_file;
use langevin::kernels::Arithmetic;
use langevin::model::GuidanceConfig;
use langevin::sampling::{self, INVERTIBLE as SAMPLER, SamplePlan};
use langevin::{Error, ErrorKind, Image, Model, Result, data, figures::npy};

use crate::outputs::{self, Claim};
use crate::shell::{self, Shell, Stages};

/// The arguments of `invert`.
#[derive(Args)]
#[command(
    after_help = "Writes the noise as a float32 NumPy file of shape n,c,h,w with variance 1, draws the images again from it, and says how
near they come (PSNR in dB). `sample --sampler ddim --init-noise FILE.npy` with the same steps and spacing draws them too.

Examples:
  langevin invert runs/mnist seven.png -o seven.npy
  langevin sample runs/mnist --sampler ddim --steps 50 --init-noise seven.npy -n 1 --class none --cfg-scale 1
  langevin invert builtin:shapes a.png b.png --steps 100 --iterations 5 --json"
)]
pub struct Invert {
    /// A run folder, a model.safetensors, a diffusers folder, or builtin:NAME.
    model: String,
    /// Images: png, jpeg, webp, bmp, tiff or gif; of another size than the model's they are scaled and cropped.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Steps.
    #[arg(long, default_value_t = 50, value_parser = shell::from_1_to::<10_000>())]
    steps: usize,
    /// Spacing of noise levels, as in `langevin list spacings` [default: the model's].
    #[arg(long)]
    spacing: Option<String>,
    /// How often each step asks the model: 1 is DDIM inversion; more lead back more exactly, from noise that is less like noise.
    #[arg(long, default_value_t = 1, value_parser = shell::from_1_to::<1000>())]
    iterations: usize,
    /// The class of the images by name or number, or one for each with commas [default: none].
    #[arg(long, value_name = "NAME|none")]
    class: Option<String>,
    /// Do not clamp denoised images to the range of images.
    #[arg(long)]
    no_clip: bool,
    /// Images at once; changes speed and memory alone.
    #[arg(long, default_value_t = 16, value_parser = shell::from_1_to::<65_536>())]
    batch_size: usize,
    /// File for the noise.
    #[arg(short, value_name = "FILE.npy", default_value = "noise.npy")]
    output: PathBuf,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Invert {
    /// Runs the command.
    pub fn run(self, shell: &Shell) -> Result<()> {
        outputs::check_ending(&self.output, "npy")?;
        let (device, line) = shell.compute("f32")?;
        let model = Model::open_pixels(&self.model, &device)?;
        for note in &model.notes {
            shell.warn(&format!("{}: {note}", self.model));
        }
        let drawing = self.drawing(&model)?;
        drawing.check(&model)?;
        let images = self.images(shell, &model)?;
        let _claim = Claim::new([self.output.as_path()], self.force)?;
        let signal = shell::signals()?;
        shell.say(&format!(
            "{line}; {}, {} steps of {SAMPLER} over {}, {} calls each",
            self.model, drawing.steps, drawing.spacing, self.iterations
        ));
        let [c, h, w] = model.shape();
        let values = images.iter().flat_map(Image::to_signed).collect();
        let batch = signed_to_batch(values, [images.len(), c, h, w], &device);
        let mut stages = Stages::new(shell);
        // The way there asks the model this many times as often as the way back.
        let share = self.iterations as f64 / (self.iterations as f64 + 1.0);
        let noise = sampling::noise_of(&model, batch, &drawing, self.iterations, &device, |at| {
            stages.at("inverting", at.fraction() * share);
        });
        let noise = noise.map_err(|error| interrupted(error, &signal))?;
        let back = SamplePlan { start: Some(noise.clone()), ..drawing.clone() };
        let drawn = sampling::sample_tensor(&model, &back, &device, |at| {
            stages.at("inverting", share + at.fraction() * (1.0 - share));
        });
        stages.finish();
        let drawn = batch_to_images(drawn.map_err(|error| interrupted(error, &signal))?);
        let ratios: Vec<f64> = images.iter().zip(&drawn).map(|(a, b)| psnr(a, b)).collect::<Result<_>>()?;
        write_file(&self.output, &npy::encode(noise.clone()))?;
        self.report(shell, &model, &drawing, &ratios, deviation(noise))
    }

    fn drawing(&self, model: &Model) -> Result<SamplePlan> {
        let labels = match self.class.as_deref() {
            None | Some("none") => None,
            Some(names) => {
                let classes: Vec<u32> =
                    names.split(',').map(|name| model.class(name.trim())).collect::<Result<_>>()?;
                Some((0..self.images.len()).map(|i| Some(classes[i % classes.len()])).collect())
            }
        };
        let defaults = &model.info.sample;
        Ok(SamplePlan {
            count: self.images.len(),
            first: 0,
            seed: 0,
            steps: self.steps,
            sampler: SAMPLER.to_owned(),
            spacing: self.spacing.clone().unwrap_or_else(|| defaults.spacing.clone()),
            cfg_scale: 1.0,
            guidance: GuidanceConfig::default(),
            clip: defaults.clip && !self.no_clip,
            labels,
            prompts: None,
            arithmetic: Arithmetic::Fast,
            batch_size: self.batch_size,
            start: None,
            stop: shell::signals()?,
        })
    }

    /// The images at the model's size, with 8 bits a sample, as they would be drawn.
    fn images(&self, shell: &Shell, model: &Model) -> Result<Vec<Image>> {
        let [channels, height, width] = model.shape();
        let one = |file: &PathBuf| {
            let image = data::read_image(file)?;
            if (image.width, image.height) != (width, height) {
                shell.warn(&format!(
                    "{}: is {}x{}, and is scaled and cropped to the model's {width}x{height}",
                    file.display(),
                    image.width,
                    image.height
                ));
            }
            let fitted = data::fit(&image, &data::Prepare::new(width, height, channels));
            Ok(fitted.map_err(|error| error.within(file.display()))?.to_8_bit())
        };
        self.images.iter().map(one).collect()
    }

    fn report(
        &self,
        shell: &Shell,
        model: &Model,
        drawing: &SamplePlan,
        ratios: &[f64],
        deviation: f64,
    ) -> Result<()> {
        if self.json {
            let images: Vec<_> = self.images.iter().zip(ratios).collect();
            let images: Vec<_> = images
                .iter()
                // JSON has no infinity: an image that comes back exactly has null.
                .map(|(file, psnr)| serde_json::json!({ "file": file, "psnr": psnr.is_finite().then_some(psnr) }))
                .collect();
            let result = serde_json::json!({
                "noise": self.output, "deviation": deviation, "images": images, "steps": drawing.steps,
                "spacing": drawing.spacing, "iterations": self.iterations, "model_hash": model.hash(),
            });
            return outputs::result(&result.to_string());
        }
        for (file, psnr) in self.images.iter().zip(ratios) {
            outputs::result(&format!("{psnr:6.2} dB  {}", file.display()))?;
        }
        let classes = if model.info.classes.is_empty() {
            String::new()
        } else {
            format!(" --class {} --cfg-scale 1", self.class.as_deref().unwrap_or("none"))
        };
        let clip = if self.no_clip { " --no-clip" } else { "" };
        shell.say(&format!(
            "noise of deviation {deviation:.3}; drawn again by: langevin sample {} --sampler {SAMPLER} --steps {} --spacing {} \
             --init-noise {} -n {}{classes}{clip}",
            self.model,
            drawing.steps,
            drawing.spacing,
            self.output.display(),
            ratios.len()
        ));
        outputs::result(&self.output.display().to_string())
    }
}

fn interrupted(error: Error, signal: &Stop) -> Error {
    match signal.signal() {
        None => error,
        Some(signal) => {
            Error::new(ErrorKind::Interrupted(signal), "the inversion was interrupted; nothing was written")
        }
    }
}

/// The root mean square of all values.
fn deviation(noise: langevin::Tensor<4>) -> f64 {
    let values = noise.try_into_vec_as::<f32>().expect("a float tensor holds floats");
    (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}
