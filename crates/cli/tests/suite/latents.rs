//! Autoencoders, models of their latents, and prompts for these.

use std::path::Path;
use std::sync::OnceLock;

use langevin::data::decode;

use crate::world::{World, image, plain_run};

const ENCODE: &str = "train builtin:shapes --task autoencoder --size 16 --seed 7 --batch-size 8 \
    --set autoencoder.network.levels=[8,8] --set autoencoder.network.norm_groups=4 --set autoencoder.critic_channels=4 \
    --set autoencoder.critic_from=32 --set train.validation_images=4 --set train.validate_every=32";
const DRAW: &str = "train builtin:shapes --size 16 --seed 7 --batch-size 8 --set network.channels=[16,16] \
    --set network.layers_per_block=1 --set network.attention_head_dim=8 --set latent.images=64 \
    --set train.validation_images=8 --set train.validate_every=32 \
    --set train.warmup_images=8 --set train.learning_rate=0.01";
const CAPTIONED: &str = "--captions --set text.dim=16";

/// A run that is made once.
fn made(name: &str, words: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("latents-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    let run = folder.display().to_string();
    World::new().run(&format!("{words} --out {run}")).ok();
    run
}

/// A finished training of a small autoencoder.
pub fn autoencoder() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| made("autoencoder", &format!("{ENCODE} --images 96")))
}

fn captioned_run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        made("captioned", &format!("{DRAW} --images 96 --latent {} {CAPTIONED}", autoencoder()))
    })
}

#[test]
fn an_autoencoder_trains_to_the_same_bytes_and_says_how_well_images_come_back() {
    let world = World::new();
    let whole = world.run(&format!("{ENCODE} --images 96 --threads 1 --out whole")).ok();
    for part in ["held out, reconstruction", "ssim reconstruction", "train DATA --latent"] {
        assert!(whole.err.contains(part), "{part}: {}", whole.err);
    }
    world.run(&format!("{ENCODE} --images 40 --threads 2 --out cut")).ok();
    world.run(&format!("{ENCODE} --images 96 --threads 2 --out cut")).ok();
    assert!(world.read("whole/model.safetensors") == world.read("cut/model.safetensors"));
    assert!(
        world.read("whole/model.safetensors")
            == std::fs::read(Path::new(autoencoder()).join("model.safetensors")).unwrap()
    );
    // Two rows of originals with what came back below: four images, four columns.
    let sheet = decode(&world.read("whole/samples/step-000000096.png"), "sheet").unwrap();
    assert_eq!((sheet.width, sheet.height), (4 * 66 - 2, 2 * 66 - 2));
    let settings = String::from_utf8(world.read("whole/run.toml")).unwrap();
    assert!(settings.contains("[autoencoder.network]") && !settings.contains("[diffusion]"), "{settings}");
    // Its latents have mean 0 and variance 1 where they were measured.
    let metrics = String::from_utf8(world.read("whole/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("psnr_reconstruction")).count(), 4, "{metrics}");
}

#[test]
fn a_codebook_is_trained_too() {
    let world = World::new();
    let words = format!("{ENCODE} --images 64 --set autoencoder.network.codebook=32");
    world.run(&format!("{words} --threads 1 --out one")).ok();
    world.run(&format!("{words} --threads 2 --out two")).ok();
    assert!(world.read("one/model.safetensors") == world.read("two/model.safetensors"));
    world.run(&format!("{DRAW} --latent one --images 16 --class-conditional --out drawn")).ok();
    world.run("sample drawn -n 2 --class star --seed 1 --steps 2 -o stars").ok();
}

#[test]
fn a_model_of_latents_draws_what_it_is_told() {
    let world = World::new();
    let words = format!("{DRAW} --latent {} {CAPTIONED}", autoencoder());
    world.run(&format!("{words} --images 40 --threads 1 --out cut")).ok();
    // Encoded once.
    let stored = std::fs::metadata(world.path("cut/latents/latents.f32")).unwrap().modified().unwrap();
    world.run(&format!("{words} --images 96 --threads 2 --out cut")).ok();
    assert_eq!(std::fs::metadata(world.path("cut/latents/latents.f32")).unwrap().modified().unwrap(), stored);
    let run = captioned_run();
    assert!(
        world.read("cut/model.safetensors")
            == std::fs::read(Path::new(run).join("model.safetensors")).unwrap()
    );

    world.write("prompts.txt", b"a red star at night\n\nan orange ball over the sea\n");
    let draw = format!("sample {run} --prompts prompts.txt --seed 3 --steps 3 --cfg-scale 2");
    world.run(&format!("{draw} -n 4 --threads 1 --batch-size 4 -o four")).ok();
    world.run(&format!("{draw} -n 1 --first 2 --threads 2 -o third.png")).ok();
    assert!(world.read("four/0002.png") == world.read("third.png"));
    assert!(world.read("four/0002.png") != world.read("four/0000.png"));
    world.run("sample --from four/0001.png -o again.png").ok();
    assert!(world.read("four/0001.png") == world.read("again.png"));
    let file = world.read("four/0001.png");
    let recipe = langevin::sampling::Recipe::read(&file).unwrap();
    assert_eq!(recipe.options["prompt"], "an orange ball over the sea");
    // What is not wanted leads elsewhere.
    world.run(&format!("{draw} -n 1 --negative sunset -o other.png")).ok();
    assert!(world.read("other.png") != world.read("four/0000.png"));
    let shown = decode(&file, "image").unwrap();
    assert_eq!((shown.width, shown.height, shown.channels), (16, 16, 3));
    world.run(&format!("{draw} -n 2 --trajectory film.gif")).ok();

    // A single file is all that is needed.
    world.run(&format!("convert {run} one.safetensors")).ok();
    world.run("sample one.safetensors --prompts prompts.txt --seed 3 --steps 3 --cfg-scale 2 -n 2 --no-metadata -o two").ok();
    world.run(&format!("{draw} -n 2 --no-metadata -o same")).ok();
    assert!(world.read("two/0001.png") == world.read("same/0001.png"));
    let long =
        world.run(&format!("sample {run} --prompt {} -n 1 --steps 1 -o long.png", "star,".repeat(40))).ok();
    assert!(long.err.contains("text encoder's limit"), "{}", long.err);
}

const TRANSFORM: &str = "train builtin:shapes --preset dit --size 16 --seed 7 --batch-size 8 --set network.transformer.dim=16 \
    --set network.transformer.heads=2 --set network.transformer.layers=1 --set train.warmup_images=8 \
    --set train.validation_images=8 --set train.validate_every=32 --set train.learning_rate=0.01";

#[test]
fn a_transformer_takes_the_place_of_the_u_net() {
    let world = World::new();
    world.run(&format!("{TRANSFORM} --images 64 --threads 1 --out whole")).ok();
    world.run(&format!("{TRANSFORM} --images 40 --threads 2 --out cut")).ok();
    world.run(&format!("{TRANSFORM} --images 64 --threads 2 --out cut")).ok();
    assert!(world.read("whole/model.safetensors") == world.read("cut/model.safetensors"));
    world.run("sample whole -n 3 --class star --steps 3 --seed 3 --threads 1 -o three").ok();
    world.run("sample whole -n 1 --first 2 --class star --steps 3 --seed 3 -o third.png").ok();
    assert!(world.read("three/0002.png") == world.read("third.png"));
    world.run("convert whole folder").refused(2, &["whole", "transformer"]);
    // On latents, and conditioned on words.
    let latent =
        format!("{TRANSFORM} --latent {} --set network.patch=2 --set latent.images=64", autoencoder());
    let words = format!("{latent} --set data.class_conditional=false {CAPTIONED} --images 32 --out words");
    world.run(&words).ok();
    world.run("sample words -n 1 --prompt star --steps 2 --seed 3 -o star.png").ok();
    world.run("sample words -n 1 --prompt sunset --steps 2 --seed 3 -o sunset.png").ok();
    assert!(world.read("star.png") != world.read("sunset.png"));
    world
        .run("train builtin:shapes --preset dit --task upscale --scale 2 --images 8 --out x")
        .refused(2, &["transformer", "restores nothing"]);
}

#[test]
fn images_of_any_size_are_edited_and_filled_in_through_the_autoencoder() {
    let world = World::new();
    let run = captioned_run();
    world.write("a.png", &image(22, 18, 3, 1));
    // The hole is the right third.
    let hole: Vec<u8> = (0..22 * 18).map(|at| if at % 22 >= 14 { 255 } else { 0 }).collect();
    let mask = langevin::Image::from_u8(22, 18, 1, hole);
    world.write("mask.png", &langevin::figures::png::encode(&mask, &[]).unwrap());
    let fill = format!("inpaint {run} a.png --mask mask.png --prompt star --steps 4 --seed 2");
    world.run(&format!("{fill} --threads 1 -o one.png")).ok();
    world.run(&format!("{fill} --threads 2 -o two.png")).ok();
    assert!(world.read("one.png") == world.read("two.png"));
    let pixels = |name: &str| match decode(&world.read(name), name).unwrap().samples {
        langevin::data::Samples::U8(samples) => samples,
        _ => panic!("{name} has 8 bits"),
    };
    let (before, after) = (pixels("a.png"), pixels("one.png"));
    let same = |at: usize| before[3 * at..3 * at + 3] == after[3 * at..3 * at + 3];
    assert!((0..22 * 18).filter(|at| at % 22 < 14).all(same), "kept pixels are kept to the byte");
    assert!((0..22 * 18).filter(|at| at % 22 >= 14).filter(|at| !same(*at)).count() > 100);

    // Edited: the same bytes on any number of threads, and others with more noise or other words.
    let edit = |name: &str, flags: &str| {
        let words = format!("edit {run} a.png --cfg-scale 8 --seed 2 --steps 6 -o {name} {flags}");
        world.run(&words).ok();
        pixels(name)
    };
    let first = edit("b.png", "--prompt star --strength 0.5 --threads 1");
    assert_eq!(first, edit("c.png", "--prompt star --strength 0.5 --threads 2"));
    let anew = edit("d.png", "--prompt star --strength 1");
    assert_ne!(first, anew);
    assert_ne!(anew, edit("e.png", "--prompt ball --strength 1"));
    assert_ne!(anew, edit("f.png", "--prompt star --negative night --strength 1"));
}

#[test]
fn what_does_not_go_with_latents_and_words_is_refused() {
    let world = World::new();
    let (encoder, captioned, plain) = (autoencoder(), captioned_run(), plain_run());
    world.write("a.png", &image(16, 16, 3, 1));
    world.write("mask.png", &image(16, 16, 1, 1));
    world.write("empty.txt", b"\n \n");
    std::fs::create_dir(world.path("images")).unwrap();
    for name in ["images/a.png", "images/b.png"] {
        world.write(name, &image(16, 16, 3, 2));
    }
    let latent = format!("{DRAW} --latent {encoder}");
    let index = |parts: &str| {
        format!(
            r#"{{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "x"], "vae": ["diffusers", "x"]{parts}}}"#
        )
    };
    world.write("sd/model_index.json", index("").as_bytes());
    let text = r#", "text_encoder": ["transformers", "x"], "tokenizer": ["transformers", "x"]"#;
    world.write("torn/model_index.json", index(text).as_bytes());
    world.write(
        "more/model_index.json",
        index(&format!(r#"{text}, "transformer": ["diffusers", "x"]"#)).as_bytes(),
    );
    for (words, code, parts) in [
        (format!("sample {encoder}"), 3, vec!["an autoencoder", "--latent"]),
        (format!("sample {captioned} -n 1"), 2, vec!["text-to-image", "--prompt"]),
        (format!("sample {plain} --prompt star"), 2, vec!["without texts", "--captions"]),
        (format!("sample {captioned} --negative star"), 2, vec!["--negative", "--prompt"]),
        (format!("sample {captioned} --prompts empty.txt"), 3, vec!["empty.txt", "no line"]),
        (format!("sample {captioned} --prompts none.txt"), 3, vec!["none.txt"]),
        (format!("denoise {captioned} a.png --sigma 25"), 2, vec!["latents", "pixels"]),
        (format!("inpaint {captioned} a.png --mask mask.png"), 2, vec!["text-to-image", "--prompt"]),
        (
            format!("upscale {captioned} a.png --prompt star"),
            2,
            vec!["is a latent model", "builtin:photo", "`edit`"],
        ),
        (format!("edit {captioned} a.png --prompt star --start-sigma 50"), 2, vec!["from noise alone"]),
        (format!("edit {plain} a.png --prompt star"), 2, vec!["without texts", "--captions"]),
        (
            format!("inpaint {captioned} a.png --mask mask.png --prompt star --method dps --cfg-scale 2"),
            2,
            vec!["dps", "--cfg-scale"],
        ),
        (format!("likelihood {captioned} images"), 2, vec!["latents", "pixels"]),
        (format!("convert {captioned} folder"), 2, vec!["latents", "diffusers"]),
        ("sample sd --prompt star".to_owned(), 3, vec!["StableDiffusionPipeline without a text_encoder"]),
        ("sample torn --prompt star".to_owned(), 3, vec!["torn/unet/config.json", "missing"]),
        ("sample more --prompt star".to_owned(), 3, vec!["\"transformer\"", "not read"]),
        (format!("{DRAW} --latent {plain} --out x"), 3, vec!["no autoencoder", "--task autoencoder"]),
        (format!("{DRAW} --latent nowhere --out x"), 3, vec!["nowhere"]),
        (format!("{latent} --set train.turn=true --out x"), 2, vec!["train.turn", "latents"]),
        (
            format!("{latent} --set network.channels=[16,16,16,16,16] --out x"),
            2,
            vec!["multiples of 16", "latents"],
        ),
        (
            format!("train images --latent {encoder} --size 16 --captions --out x"),
            2,
            vec!["captions", ".txt"],
        ),
        (format!("{ENCODE} --latent {encoder} --out x"), 2, vec!["--latent"]),
        (
            "train builtin:shapes --task autoencoder --preset latent --out x".to_owned(),
            2,
            vec!["trains no autoencoder"],
        ),
        (format!("{ENCODE} --captions --out x"), 2, vec!["not text-conditioned"]),
        (format!("{ENCODE} --set autoencoder.network.levels=[6] --out x"), 2, vec!["norm_groups = 4"]),
        (format!("{ENCODE} --set autoencoder.kl=-1 --out x"), 2, vec!["kl = -1"]),
        (
            "train builtin:shapes --task generate --preset autoencoder --out x".to_owned(),
            2,
            vec!["an autoencoder"],
        ),
    ] {
        world.run(&words).refused(code, &parts);
    }
    assert!(!world.path("x").exists());
}
