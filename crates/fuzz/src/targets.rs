//! What reads: every reader of files and every parser of texts, with a whole input each.

use std::fs;
use std::path::{Path, PathBuf};

use image::ImageFormat;
use langevin::data::{OpenOptions, open};
use langevin::jobs::JOBS;
use langevin::sampling::Recipe;
use langevin::training::settings::Settings;
use langevin::{Device, Model, Source};
use langevin_mutate::{Form, Rng, mutated};

use crate::seeds;

/// Something that reads, with a whole input.
pub struct Target {
    /// What it is called in reports and in the names of the corpus.
    pub name: String,
    form: Form,
    whole: Vec<u8>,
    reader: Reader,
}

/// How an input is read. Whether it is refused or taken does not matter here.
enum Reader {
    /// From memory.
    Bytes(fn(&[u8])),
    /// As text, where it is text.
    Text(Box<dyn Fn(&str) + Send + Sync>),
    /// As a file of this name inside a world of files that stays as it is, read by its path.
    File(PathBuf, PathBuf, fn(&Path)),
}

/// All targets, with the files they need.
pub struct Targets {
    all: Vec<Target>,
    _world: tempfile::TempDir,
}

impl Targets {
    /// Makes the inputs, in memory where the system has a place for it.
    ///
    /// # Panics
    /// When a whole input cannot be made, which is a fault of this program.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let world = tempfile::tempdir_in(place).expect("a folder for the inputs");
        let mut all = Vec::new();
        images(&mut all);
        data_sets(&mut all, world.path());
        models(&mut all, world.path());
        texts(&mut all);
        Self { all, _world: world }
    }

    /// The targets.
    pub fn all(&self) -> &[Target] {
        &self.all
    }

    /// The target and the damaged input of case `number` of `seed`.
    pub fn case(&self, seed: u64, number: u64) -> (&Target, Vec<u8>) {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        let target = &self.all[(number % self.all.len() as u64) as usize];
        let input = mutated(target.form, &target.whole, &mut rng);
        (target, input)
    }
}

impl Default for Targets {
    fn default() -> Self {
        Self::new()
    }
}

impl Target {
    /// Its whole input.
    pub fn whole(&self) -> &[u8] {
        &self.whole
    }

    /// Reads `input`, whatever comes of it.
    ///
    /// # Panics
    /// Where the reader does, which is a fault of the reader; and where the input cannot be put into its place.
    pub fn read(&self, input: &[u8]) {
        match &self.reader {
            Reader::Bytes(read) => read(input),
            Reader::Text(read) => {
                if let Ok(text) = std::str::from_utf8(input) {
                    read(text);
                }
            }
            Reader::File(file, spec, read) => {
                fs::write(file, input).expect("the input is put into its place");
                read(spec);
                fs::write(file, &self.whole).expect("the whole input is put back");
            }
        }
    }
}

fn images(all: &mut Vec<Target>) {
    let decode: fn(&[u8]) = |bytes| drop(langevin::data::decode(bytes, "x"));
    let formats = [
        ("png", ImageFormat::Png),
        ("jpeg", ImageFormat::Jpeg),
        ("webp", ImageFormat::WebP),
        ("bmp", ImageFormat::Bmp),
        ("gif", ImageFormat::Gif),
        ("tiff", ImageFormat::Tiff),
    ];
    let mut add = |name: &str, form, whole, read| {
        all.push(Target { name: name.to_owned(), form, whole, reader: Reader::Bytes(read) });
    };
    for (name, format) in formats {
        let form = if name == "png" { Form::Png } else { Form::Bytes };
        add(&format!("image-{name}"), form, seeds::image(format), decode);
    }
    add("image-rich", Form::Png, seeds::rich_png(), decode);
    add("recipe", Form::Png, seeds::rich_png(), |bytes| drop(Recipe::read(bytes)));
    add("npy", Form::Bytes, seeds::npy(), |bytes| {
        drop(langevin::figures::npy::decode(bytes, &Device::flex()))
    });
}

/// Opens a data set and reads its first images.
fn open_data(path: &Path) {
    let Ok(set) = open(&path.to_string_lossy(), &OpenOptions::default()) else { return };
    (0..set.info().len.unwrap_or(2).min(2)).for_each(|index| drop(set.item(index)));
}

fn data_sets(all: &mut Vec<Target>, world: &Path) {
    let png = seeds::image(ImageFormat::Png);
    let mut add = |name: &str, file: &str, form, whole: Vec<u8>, siblings: &[(&str, &[u8])]| {
        let folder = world.join(name);
        fs::create_dir_all(folder.join("a")).expect("a folder for the inputs");
        for (sibling, bytes) in siblings {
            fs::write(folder.join(sibling), bytes).expect("a file beside the input");
        }
        fs::write(folder.join(file), &whole).expect("the input");
        let reader = Reader::File(folder.join(file), folder.clone(), open_data);
        all.push(Target { name: name.to_owned(), form, whole, reader });
    };
    let labels = seeds::idx(&[4]);
    let digits = seeds::idx(&[4, 8, 8]);
    add(
        "idx",
        "train-images-idx3-ubyte",
        Form::Bytes,
        digits.clone(),
        &[("train-labels-idx1-ubyte", &labels)],
    );
    add(
        "idx-labels",
        "train-labels-idx1-ubyte",
        Form::Bytes,
        labels,
        &[("train-images-idx3-ubyte", &digits)],
    );
    add("idx-gzip", "train-images-idx3-ubyte.gz", Form::Bytes, seeds::gzip(&digits), &[]);
    add("cifar", "data_batch_1.bin", Form::Bytes, seeds::cifar(2), &[]);
    add("parquet", "train.parquet", Form::Bytes, seeds::parquet(), &[]);
    let two = [("a/x.png", &png[..]), ("a/y.png", &png[..])];
    let rows = b"{\"file_name\": \"a/x.png\", \"text\": \"a star\", \"label\": \"s\"}\n{\"file_name\": \"a/y.png\", \"text\": [\"b\"]}\n";
    add("metadata-jsonl", "metadata.jsonl", Form::Json, rows.to_vec(), &two);
    let table = b"file_name,text\na/x.png,\"a star, red\"\na/y.png,a ball\n";
    add("metadata-csv", "metadata.csv", Form::Text, table.to_vec(), &two);
    add("caption", "a/x.txt", Form::Text, b"a red star at night\n".to_vec(), &two);
    let mut alone = |name: &str, form, whole: Vec<u8>| {
        let file = world.join(name);
        fs::write(&file, &whole).expect("the input");
        let reader = Reader::File(file.clone(), file, open_data);
        all.push(Target { name: name.to_owned(), form, whole, reader });
    };
    alone("zip", Form::Bytes, seeds::zip());
    alone("tar", Form::Tar, seeds::tar());
    alone("tar-gzip", Form::Bytes, seeds::gzip(&seeds::tar()));
}

/// Finds out what a path is, and opens a model where it is one.
fn open_model(path: &Path) {
    let spec = path.to_string_lossy();
    if Source::of(&spec).is_ok_and(|source| source.is_model()) {
        drop(Model::open(&spec, &Device::flex()));
    }
}

fn models(all: &mut Vec<Target>, world: &Path) {
    let (run, folder) = seeds::run(world).expect("a tiny model is trained");
    let mut add = |name: String, file: PathBuf, spec: PathBuf, read: fn(&Path)| {
        let whole = fs::read(&file).expect("a whole file");
        let form = Form::of(&file.to_string_lossy());
        all.push(Target { name, form, whole, reader: Reader::File(file, spec, read) });
    };
    let model = run.join("model.safetensors");
    add("model".to_owned(), model.clone(), model, open_model);
    for file in files_of(&folder) {
        let name = file.strip_prefix(&folder).unwrap_or(&file).to_string_lossy().replace('/', "-");
        add(format!("diffusers-{name}"), file, folder.clone(), open_model);
    }
    for file in files_of(&run.join("checkpoints")) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        add(format!("checkpoint-{name}"), file, run.join("checkpoints"), |path| {
            drop(langevin::train::Checkpoint::newest(path));
        });
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../references/golden");
    for name in ["legacy.pt", "wrapped.ckpt", "zip.pt"] {
        let file = world.join(name);
        fs::copy(golden.join("hub").join(name), &file).expect("a checkpoint");
        add(format!("pickle-{name}"), file.clone(), file, |path| {
            drop(langevin::hub::read_file(path));
            open_model(path);
        });
    }
    for folder in ["clip_tokenizer", "clip_tokenizer_json"] {
        let place = world.join(folder);
        fs::create_dir_all(&place).expect("a folder for the inputs");
        for file in files_of(&golden.join(folder)) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            fs::copy(&file, place.join(&name)).expect("a part of a tokenizer");
            if !["cases.json", "variants.json"].contains(&name.as_str()) {
                add(format!("{folder}-{name}"), place.join(&name), place.clone(), |path| {
                    if let Ok(tokenizer) = langevin::hub::read_tokenizer(path) {
                        drop(tokenizer.encode("a red star, at night: 12 o'clock"));
                    }
                });
            }
        }
    }
}

/// The files below `folder`, in order.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files_of(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn texts(all: &mut Vec<Target>) {
    let mut add = |name: String, form, whole: String, read: Box<dyn Fn(&str) + Send + Sync>| {
        all.push(Target { name, form, whole: whole.into_bytes(), reader: Reader::Text(read) });
    };
    for job in JOBS {
        let whole = (job.complete)("{}").expect("a default request is read").to_string();
        add(format!("request-{}", job.name), Form::Json, whole, Box::new(|text| drop((job.complete)(text))));
    }
    let settings = Settings::from_layers(&[]).expect("the defaults are settings").to_toml();
    add(
        "settings".to_owned(),
        Form::Text,
        settings,
        Box::new(|text| drop(Settings::from_layers(&[("x", text)]))),
    );
    macro_rules! specs {
        ($($name:literal: $list:expr;)*) => {$(
            for entry in $list.entries {
                let options: Vec<String> =
                    entry.options.iter().map(|option| format!("{}={}", option.key, option.default)).collect();
                let whole = format!("{}:{}", entry.name, options.join(","));
                let build: Box<dyn Fn(&str) + Send + Sync> = Box::new(|text| drop($list.build(text)));
                add(format!("{}-{}", $name, entry.name), Form::Text, whole, build);
            }
        )*};
    }
    for entry in langevin::restore::OPERATORS.entries {
        let whole = entry.cases.first().copied().unwrap_or(entry.name).to_owned();
        let build = |text: &str| {
            if let Ok(degradation) = langevin::restore::OPERATORS.build(text) {
                drop(degradation.on([3, 16, 16], &langevin::restore::NoImages));
            }
        };
        add(format!("operator-{}", entry.name), Form::Text, whole, Box::new(build));
    }
    specs! {
        "sampler": langevin::sample::SAMPLERS;
        "spacing": langevin::process::SPACINGS;
        "schedule": langevin::process::SCHEDULES;
        "process": langevin::process::PROCESSES;
        "parameterisation": langevin::process::PARAMETERISATIONS;
        "weighting": langevin::process::WEIGHTINGS;
        "method": langevin::restore::METHODS;
        "noise": langevin::restore::NOISES;
        "guidance": langevin::core::guidance::GUIDANCES;
    }
}
