//! Arguments that do not fit: exit code 2, the argument named, and the nearest name that exists.

use crate::world::{World, classed_run, plain_run};

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let world = World::new();
    let plain = plain_run();
    for (words, parts) in [
        ("train builtin:shapes --preset tyni --out run", ["tyni", "\"tiny\""]),
        ("train builtin:shaps --preset tiny --out run", ["shaps", "\"shapes\""]),
        ("train builtin:shapes:sze=16 --preset tiny --out run", ["sze", "\"size\""]),
        ("train builtin:shapes --set train.batchsize=8 --out run", ["batchsize", "\"batch_size\""]),
        ("train builtin:shapes --set train.decay=cosin --out run", ["train.decay", "\"cosine\""]),
        ("train builtin:shapes --set diffusion.schedule=cosin --out run", ["cosin", "\"cosine\""]),
        ("train builtin:shapes --set diffusion.process=vpp --out run", ["vpp", "\"vp\""]),
        ("train builtin:shapes --set train.weighting=min_snt --out run", ["min_snt", "\"min_snr\""]),
        ("sample RUN --sampler dpmpp_2mm -o out/", ["dpmpp_2mm", "\"dpmpp_2m\""]),
        ("sample RUN --spacing karas -o out/", ["karas", "\"karras\""]),
        ("sample RUN --sampler ddim:etaa=1 -o out/", ["etaa", "\"eta\""]),
        ("sample builtin:shape -o out/", ["shape", "builtin:shapes"]),
        ("trian builtin:shapes", ["trian", "\"train\""]),
        ("train builtin:shapes --devise cpu", ["--devise", "did you mean --device?"]),
    ] {
        world.run(&words.replace("RUN", plain)).refused(2, &parts);
        assert!(world.contents().is_empty(), "{words}: {:?}", world.contents());
    }
}

#[test]
fn a_mistake_in_a_file_of_settings_is_blamed_on_the_file() {
    let world = World::new();
    let words = "train builtin:shapes --out run --preset";
    world.write("key.toml", b"[train]\nbatchsize = 8\n");
    world.write("type.toml", b"[train]\nbatch_size = \"many\"\n");
    world.write("text.toml", b"[train\n");
    world.write("range.toml", b"[train]\nlabel_dropout = 2.0\n");
    world
        .run(&format!("{words} key.toml"))
        .refused(2, &["key.toml", "batchsize", "did you mean \"batch_size\"?"]);
    world.run(&format!("{words} type.toml")).refused(2, &["type.toml", "train.batch_size", "usize"]);
    world.run(&format!("{words} text.toml")).refused(2, &["text.toml"]);
    world.run(&format!("{words} range.toml")).refused(2, &["label_dropout = 2", "from 0 to 1"]);
    world.run(&format!("{words} none.toml")).refused(2, &["none.toml"]);
    assert!(!world.path("run").exists());
}

#[test]
fn numbers_out_of_range_are_named_with_the_range() {
    let world = World::new();
    let plain = plain_run();
    for (words, parts) in [
        ("sample RUN -n 0", ["-n", "from 1 to 1000000"]),
        ("sample RUN --steps 0", ["--steps", "from 1 to 10000"]),
        ("sample RUN --steps 10001", ["--steps", "from 1 to 10000"]),
        ("sample RUN --batch-size 0", ["--batch-size", "from 1 to 65536"]),
        ("sample RUN -n 1 -o a.bmp", ["a.bmp: png is written", "call it a.png"]),
        ("sample RUN --grid deep/a.gif", ["deep/a.gif: png is written", "call it deep/a.png"]),
        ("sample RUN --trajectory a.png", ["a.png: gif is written", "call it a.gif"]),
        ("sample RUN --cfg-scale 3", ["without classes", "--cfg-scale"]),
        ("sample RUN --threads 0", ["--threads", "from 1 to 1024"]),
        ("sample RUN --device cuda", ["cuda", "cpu"]),
        ("train builtin:shapes --threads 0 --out run", ["--threads", "from 1 to 1024"]),
        ("train builtin:shapes --images 0 --out run", ["--images", "at least 1"]),
        ("train builtin:shapes --images many --out run", ["--images", "64Ki"]),
        ("train builtin:shapes --minutes 0 --out run", ["--minutes 0", "more than 0"]),
        ("train builtin:shapes --batch-size 0 --out run", ["batch_size = 0", "from 1 to 65536"]),
        ("train builtin:shapes --learning-rate 99 --out run", ["learning_rate = 99", "must be"]),
        ("train builtin:shapes --preset tiny --size 18 --out run", ["18x18", "multiples of 4"]),
        ("train builtin:shapes --preset tiny --size 40000 --out run", ["40000", "16384"]),
        (
            "train builtin:shapes --set network.layers_per_block=1000000000000 --out run",
            ["layers_per_block", "64"],
        ),
        ("train builtin:shapes --set train.seed --out run", ["train.seed", "key=value"]),
        ("bench tiny --runs 0", ["--runs", "from 1 to 100000"]),
    ] {
        world.run(&words.replace("RUN", plain)).refused(2, &parts);
        assert!(world.contents().is_empty(), "{words}: {:?}", world.contents());
    }
}

#[test]
fn classes_that_are_not_there_are_refused() {
    let world = World::new();
    world
        .run(&format!("sample {} --class 3", plain_run()))
        .refused(2, &["without classes", "--class-conditional"]);
    world.run(&format!("sample {} --class 99", classed_run())).refused(2, &["99"]);
    world.write("flat/a.png", &crate::world::image(16, 16, 3, 0));
    let words = "train flat --preset tiny --class-conditional --out run";
    world.run(words).refused(2, &["flat", "has no classes", "sub-folder"]);
    assert!(!world.path("run").exists() && !world.path("samples-000").exists());
}

#[test]
fn places_that_cannot_be_written_are_named_before_the_work() {
    let world = World::new();
    world.write("file", b"not a folder");
    let before = world.contents();
    let train = "train builtin:shapes --preset tiny --images 32 --out file/run";
    world.run(train).refused(2, &["file/run", "cannot be made", "--out"]);
    let sample = format!("sample {} -n 1", plain_run());
    world.run(&format!("{sample} -o file/a.png")).refused(2, &["file"]);
    world.run(&format!("{sample} --grid file/a.png")).refused(2, &["file"]);
    world.write("image.png", &crate::world::image(16, 16, 3, 0));
    world.run("noise image.png -o file/out").refused(2, &["file/out"]);
    let mut after = world.contents();
    after.remove(std::path::Path::new("image.png"));
    assert_eq!(before, after);
    assert_eq!(world.read("file"), b"not a folder");
}
