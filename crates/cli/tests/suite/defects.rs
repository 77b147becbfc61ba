//! Defects known from other programs' training scripts, each as a test of ours (`docs/defects.md`).

use crate::world::{World, image};

#[test]
fn gray_images_make_a_gray_model_and_seed_0_is_a_seed() {
    // diffusers' train_unconditional.py has no seed, makes every image RGB and cannot train a network that predicts v;
    // deepinv takes seed 0 for no seed.
    let world = World::new();
    for number in 0..32 {
        world.write(&format!("gray/{number}.png"), &image(16, 16, 1, number));
    }
    let train = |seed: u64, prediction: &str, out: &str| {
        let words = format!(
            "train gray --preset tiny --set data.channels=0 --images 32 --seed {seed} \
             --set diffusion.parameterisation={prediction} --out {out}"
        );
        world.run(&words).ok();
        world.read(&format!("{out}/model.safetensors"))
    };
    let first = train(0, "v", "a");
    assert!(first == train(0, "v", "b"), "seed 0 gives two different models");
    assert!(first != train(1, "v", "c"), "seeds 0 and 1 give the same model");
    assert!(first != train(0, "epsilon", "d"), "v is not what is predicted");
    let drawn = |seed: u64, out: &str| {
        world.run(&format!("sample a -n 1 --seed {seed} --no-metadata -o {out}")).ok();
        world.read(out)
    };
    let bytes = drawn(0, "0.png");
    assert!(bytes == drawn(0, "again.png") && bytes != drawn(1, "1.png"));
    assert_eq!(langevin::data::read_image(world.path("0.png")).unwrap().channels, 1);
}
