//! Folders, IDX, CIFAR and archives through pools and loaders.

use std::sync::{Arc, Mutex};

use langevin_data::{
    Crop, Error, ErrorKind, Held, Loader, LoaderOptions, OpenOptions, Pool, PoolOptions, Prepare, Skipped,
    open,
};

use crate::make;

fn opened(path: &std::path::Path) -> Arc<dyn langevin_data::Dataset> {
    open(path.to_str().unwrap(), &OpenOptions::default()).unwrap()
}

fn failure(path: &std::path::Path) -> Error {
    open(path.to_str().unwrap(), &OpenOptions::default()).unwrap_err()
}

#[test]
fn a_folder_has_classes_captions_and_sorted_images() {
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path().join("dog/b.png"), &make::png(2));
    make::write(dir.path().join("cat/deep/a.jpg"), &make::png(1)); // content decides, not the name
    make::write(dir.path().join("cat/deep/a.txt"), b" a cat \n");
    make::write(dir.path().join("README.md"), b"hello");
    make::write(dir.path().join(".hidden/x.png"), &make::png(9));
    let set = opened(dir.path());
    assert_eq!(set.info().len, Some(2));
    assert_eq!(set.info().classes, ["cat", "dog"]);
    assert!(set.info().captions);
    assert_eq!((set.info().channels, set.info().size), (3, langevin_data::Size { width: 20, height: 16 }));
    let (cat, dog) = (set.item(0).unwrap(), set.item(1).unwrap());
    assert_eq!((cat.label, cat.caption.as_deref()), (Some(0), Some("a cat")));
    assert!(cat.name.ends_with("cat/deep/a.jpg"));
    assert_eq!((dog.label, dog.caption), (Some(1), None));
    assert_eq!(set.item(2).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn split_folders_and_metadata_are_understood() {
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path().join("train/1.png"), &make::png(1));
    make::write(dir.path().join("train/2.png"), &make::png(2));
    make::write(dir.path().join("test/3.png"), &make::png(3));
    let notes = b"{\"file_name\":\"1.png\",\"text\":\"one\",\"label\":\"odd\"}\n{\"file_name\":\"2.png\",\"label\":\"even\"}";
    make::write(dir.path().join("train/metadata.jsonl"), notes);
    let set = opened(dir.path());
    assert_eq!((set.info().len, set.info().classes.len()), (Some(2), 2));
    let one = set.item(0).unwrap();
    assert_eq!((one.label, one.caption.as_deref()), (Some(1), Some("one")));
    let spec = |suffix: &str| format!("{}{suffix}", dir.path().display());
    let test = open(&spec("#test"), &OpenOptions::default()).unwrap();
    assert_eq!(test.info().len, Some(1));
    assert_eq!(open(&spec("#all"), &OpenOptions::default()).unwrap().info().len, Some(3));
    let error = open(&spec("#validation"), &OpenOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.to_string().contains("no validation part"), "{error}");
}

#[test]
fn idx_folders_and_files_pair_labels_and_choose_the_split() {
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path().join("train-images-idx3-ubyte.gz"), &make::gzip(&make::idx_images(7, 5, 4)));
    make::write(dir.path().join("train-labels-idx1-ubyte.gz"), &make::gzip(&make::idx_labels(7)));
    make::write(dir.path().join("t10k-images-idx3-ubyte"), &make::idx_images(2, 5, 4));
    make::write(dir.path().join("t10k-labels-idx1-ubyte"), &make::idx_labels(2));
    let set = opened(dir.path());
    assert_eq!(
        (set.info().len, set.info().kind, set.info().size),
        (Some(7), "idx", langevin_data::Size { width: 4, height: 5 })
    );
    let item = set.item(4).unwrap();
    assert_eq!((item.label, item.image.channels), (Some(1), 1));
    assert!(matches!(item.image.samples, langevin_data::Samples::U8(bytes) if bytes[0] == (80 * 31) as u8));
    let test = open(&format!("{}#test", dir.path().display()), &OpenOptions::default()).unwrap();
    assert_eq!(test.info().len, Some(2));
    assert_eq!(opened(&dir.path().join("t10k-images-idx3-ubyte")).item(1).unwrap().label, Some(1));
    let labels_only = failure(&dir.path().join("t10k-labels-idx1-ubyte"));
    assert!(labels_only.to_string().contains("labels, not images"), "{labels_only}");
}

#[test]
fn cifar_binary_is_planar() {
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path().join("data_batch_1.bin"), &make::cifar(3));
    make::write(dir.path().join("test_batch.bin"), &make::cifar(2));
    let set = opened(dir.path());
    assert_eq!((set.info().len, set.info().kind), (Some(3), "cifar"));
    assert_eq!(set.info().classes[3], "cat");
    let item = set.item(1).unwrap();
    assert_eq!(item.label, Some(1));
    let langevin_data::Samples::U8(bytes) = item.image.samples else { panic!("8 bits expected") };
    assert_eq!(bytes[..3], [1, (1024 * 7 + 1) as u8, (2048 * 7 + 1) as u8]);
}

#[test]
fn archives_are_read_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (make::png(1), make::png(2));
    let members: Vec<(&str, &[u8])> =
        vec![("a/1.png", &a), ("b/2.png", &b), ("b/2.txt", b"two"), ("notes", b"")];
    let tar = make::tar(&members);
    make::write(dir.path().join("x.zip"), &make::zip(&members));
    make::write(dir.path().join("x.tar"), &tar);
    make::write(dir.path().join("x.tar.gz"), &make::gzip(&tar));
    for (name, kind) in [("x.zip", "zip"), ("x.tar", "tar"), ("x.tar.gz", "tar")] {
        let set = opened(&dir.path().join(name));
        assert_eq!((set.info().len, set.info().kind), (Some(2), kind), "{name}");
        assert_eq!(set.info().classes, ["a", "b"]);
        let item = set.item(1).unwrap();
        assert_eq!((item.label, item.caption.as_deref()), (Some(1), Some("two")), "{name}");
        assert_eq!(item.image, langevin_data::decode(&b, "b").unwrap());
    }
    let shard: Vec<(&str, &[u8])> =
        vec![("000.png", &a), ("000.cls", b"4\n"), ("001.png", &b), ("001.cls", b"0")];
    make::write(dir.path().join("shard"), &make::tar(&shard));
    let set = opened(&dir.path().join("shard"));
    assert_eq!((set.item(0).unwrap().label, set.item(1).unwrap().label), (Some(4), Some(0)));
}

#[test]
fn bad_images_are_named_once_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    for k in 0..8 {
        make::write(dir.path().join(format!("{k}.png")), &make::png(k));
    }
    make::write(dir.path().join("3.png"), b"");
    make::write(dir.path().join("5.png"), &make::png(5)[..60]);
    let reported = Arc::new(Mutex::new(Vec::new()));
    let hears = reported.clone();
    let on_skip = move |skipped: &Skipped| hears.lock().unwrap().push(skipped.reason.clone());
    let options = PoolOptions { on_skip: Some(Arc::new(on_skip)), ..PoolOptions::default() };
    let pool = Pool::new(opened(dir.path()), Prepare::new(8, 8, 3), options).unwrap();
    assert_eq!(pool.len(), Some(6));
    let mut loader = Loader::new(&pool, LoaderOptions { batch: 5, ..LoaderOptions::default() }).unwrap();
    for _ in 0..5 {
        assert_eq!(loader.next_batch().unwrap().shape, [5, 3, 8, 8]);
    }
    let reported = reported.lock().unwrap();
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(
        reported[0].contains("3.png: the file is empty") && reported[1].contains("5.png"),
        "{reported:?}"
    );
    let strict = PoolOptions { strict: true, ..PoolOptions::default() };
    let error = Pool::new(opened(dir.path()), Prepare::new(8, 8, 3), strict).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.to_string().contains("2 of its 8"), "{error}");
}

#[test]
fn stand_ins_depend_on_nothing_but_seed_and_number() {
    let dir = tempfile::tempdir().unwrap();
    for k in 0..8 {
        make::write(dir.path().join(format!("{k}.png")), &make::png(k));
    }
    make::write(dir.path().join("3.png"), b"");
    // Nothing is tried beforehand but a sample, and nothing remembered.
    let pool = || {
        let options = PoolOptions { check_bytes: 0, cache_bytes: 0, ..PoolOptions::default() };
        Pool::new(opened(dir.path()), Prepare::new(8, 8, 3), options).unwrap()
    };
    let whole = pool().showing(4, 0, 24).unwrap();
    let late = pool().showing(4, 10, 14).unwrap();
    assert_eq!(whole.pixels[10 * 192..], late.pixels);
}

#[test]
fn an_empty_or_hopeless_folder_is_an_error_naming_it() {
    let dir = tempfile::tempdir().unwrap();
    let error = failure(dir.path());
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.to_string().starts_with(dir.path().to_str().unwrap()), "{error}");
    make::write(dir.path().join("a.png"), b"no");
    make::write(dir.path().join("b.png"), b"");
    let error = failure(dir.path());
    assert!(error.to_string().contains("none of its 2 images"), "{error}");
    let error = failure(&dir.path().join("nowhere"));
    assert!(error.to_string().contains("no such file"), "{error}");
}

#[test]
fn a_run_resumes_on_the_same_images_whatever_the_batch() {
    let dir = tempfile::tempdir().unwrap();
    for k in 0..10 {
        let image = make::rgb(30 + u32::from(k), 17, k);
        make::write(dir.path().join(format!("{k}.png")), &make::encode(&image, image::ImageFormat::Png));
    }
    let prepare = Prepare { crop: Crop::Random, flip: true, ..Prepare::new(8, 8, 3) };
    let pool = |cache| {
        let options = PoolOptions { cache_bytes: cache, ..PoolOptions::default() };
        Pool::new(opened(dir.path()), prepare.clone(), options).unwrap()
    };
    let run = |pool: &Pool, batch: usize, images_seen: u64, count: usize| {
        let options = LoaderOptions { batch, images_seen, seed: 9, prefetch: 1 };
        let loader = Loader::new(pool, options).unwrap();
        let batches: Vec<_> = loader.take(count).map(Result::unwrap).collect();
        assert_eq!(batches[0].first_image, images_seen);
        batches.into_iter().flat_map(|b| b.pixels).collect::<Vec<f32>>()
    };
    let whole = run(&pool(1 << 30), 7, 0, 6);
    assert_eq!(whole, run(&pool(0), 6, 0, 7));
    assert_eq!(whole[21 * 192..], run(&pool(2000), 3, 21, 7));
    assert!(whole.iter().all(|v| (-1.0..=1.0).contains(v)));
}

#[test]
fn the_held_out_part_is_fixed_and_disjoint() {
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path().join("images"), &make::idx_images(50, 5, 5));
    let pool =
        Pool::new(opened(&dir.path().join("images")), Prepare::new(5, 5, 1), PoolOptions::default()).unwrap();
    let (train, held) = pool.split(Held::Fraction(0.2), 1).unwrap();
    assert_eq!((train.len(), held.len()), (Some(40), Some(10)));
    let images = |pool: &Pool| {
        let n = pool.len().unwrap();
        let pixels = pool.batch(0..n).unwrap().pixels;
        pixels.chunks(25).map(|p| p.iter().map(|v| v.to_bits()).collect()).collect::<Vec<Vec<u32>>>()
    };
    let (a, b) = (images(&train), images(&held));
    assert!(a.iter().all(|image| !b.contains(image)));
    assert_eq!(b, images(&pool.split(Held::Count(10), 1).unwrap().1));
    assert_ne!(b, images(&pool.split(Held::Count(10), 2).unwrap().1));
    assert_eq!(pool.split(Held::Count(50), 1).unwrap_err().kind(), ErrorKind::Usage);
    let endless = Pool::new(
        open("builtin:shapes", &OpenOptions::default()).unwrap(),
        Prepare::new(32, 32, 3),
        PoolOptions::default(),
    )
    .unwrap();
    let (rest, held) = endless.split(Held::Count(5), 1).unwrap();
    assert_eq!((rest.len(), held.len()), (None, Some(5)));
    assert_ne!(rest.batch(0..5).unwrap().pixels, held.batch(0..5).unwrap().pixels);
}

#[test]
fn parquet_gives_labels_names_and_captions() {
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path().join("data/train-00000-of-00002.parquet"), &make::parquet(3, &make::png(1)));
    make::write(dir.path().join("data/train-00001-of-00002.parquet"), &make::parquet(2, &make::png(2)));
    make::write(dir.path().join("data/test-00000-of-00001.parquet"), &make::parquet(1, &make::png(3)));
    let set = opened(dir.path());
    assert_eq!((set.info().len, set.info().kind), (Some(5), "parquet"));
    assert_eq!(set.info().classes, ["cat", "dog", "owl"]);
    let item = set.item(4).unwrap();
    assert_eq!((item.label, item.caption.as_deref()), (Some(1), Some("image 1")));
    assert_eq!(item.image, langevin_data::decode(&make::png(2), "x").unwrap());
    let test = open(&format!("{}#test", dir.path().display()), &OpenOptions::default()).unwrap();
    assert_eq!(test.info().len, Some(1));
}
