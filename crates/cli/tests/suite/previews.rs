//! The preview of a training is what `sample` makes of the model: guidance, clipping and all.

use crate::world::World;

#[test]
fn the_last_preview_is_what_sample_gives() {
    let world = World::new();
    let settings =
        "--set sample.cfg_scale=2.0 --set sample.clip=false --set sample.steps=3 --class-conditional";
    world
        .run(&format!(
            "train builtin:shapes --preset tiny --seed 7 --images 64 --batch-size 32 {settings} --out run"
        ))
        .ok();
    world.run("sample run -n 36 --seed 0 --grid sheet.png").ok();
    let decode = |file: &str| langevin::data::decode(&world.read(file), file).unwrap();
    let (preview, sampled) = (decode("run/samples/step-000000064.png"), decode("sheet.png"));
    assert_eq!(
        (preview.width, preview.height, preview.channels),
        (sampled.width, sampled.height, sampled.channels)
    );
    assert_eq!(preview, sampled);
}
