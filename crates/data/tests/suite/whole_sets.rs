//! Data sets as they lie about in ordinary places: each is read once and wholly, and what is left aside is said.

use std::path::Path;
use std::sync::Arc;

use langevin_data::{Dataset, LeftAside, OTHER_PARTS, OpenOptions, Pool, PoolOptions, Prepare, Split, open};

use crate::make::{self, write};

#[track_caller]
fn opened(path: &Path) -> Arc<dyn Dataset> {
    open(path.to_str().unwrap(), &OpenOptions::default()).unwrap()
}

/// How many images, and which classes.
fn facts(set: &dyn Dataset) -> (u64, Vec<String>) {
    (set.info().len.unwrap(), set.info().classes.clone())
}

/// How many things are left aside because they are `what`, and the first of them.
#[track_caller]
fn aside(left: &LeftAside, what: &str) -> (u64, String) {
    let reason = left.reasons().iter().find(|reason| reason.what == what);
    let reason = reason.unwrap_or_else(|| panic!("no {what} in: {left}"));
    (reason.count, reason.examples.first().cloned().unwrap_or_default())
}

fn caption(set: &dyn Dataset, index: u64) -> Option<String> {
    set.item(index).unwrap().caption
}

#[test]
fn mnist_in_its_usual_spreads_is_read_once_with_its_labels() {
    let dir = tempfile::tempdir().unwrap();
    let parts = [("train", 6), ("t10k", 3)];
    for (part, n) in parts {
        let (images, labels) = (make::idx_images(n, 4, 4), make::idx_labels(n));
        let raw = dir.path().join("torch/MNIST/raw");
        write(raw.join(format!("{part}-images-idx3-ubyte")), &images);
        write(raw.join(format!("{part}-images-idx3-ubyte.gz")), &make::gzip(&images));
        write(raw.join(format!("{part}-labels-idx1-ubyte")), &labels);
        write(raw.join(format!("{part}-labels-idx1-ubyte.gz")), &make::gzip(&labels));
        let kaggle = dir.path().join("kaggle");
        for (dotted, dashed, bytes) in
            [("images.idx3", "images-idx3", &images), ("labels.idx1", "labels-idx1", &labels)]
        {
            write(kaggle.join(format!("{part}-{dotted}-ubyte")), bytes);
            write(kaggle.join(format!("{part}-{dashed}-ubyte/{part}-{dashed}-ubyte")), bytes);
        }
        // Labels in a folder of their own.
        write(dir.path().join(format!("apart/images/{part}-images-idx3-ubyte")), &images);
        write(dir.path().join(format!("apart/labels/{part}-labels-idx1-ubyte")), &labels);
    }
    for (name, twins) in [("torch", 4), ("kaggle", 4), ("apart", 0)] {
        let set = opened(&dir.path().join(name));
        assert_eq!(facts(set.as_ref()), (6, ["0", "1", "2"].map(str::to_owned).to_vec()), "{name}");
        let left = set.left_aside();
        assert_eq!(aside(&left, OTHER_PARTS), (1, "test with 3 images, opened by #test".to_owned()));
        assert_eq!(left.count() - 1, twins, "{name}: {left}");
        let test =
            open(&format!("{}#test", dir.path().join(name).display()), &OpenOptions::default()).unwrap();
        assert_eq!(test.info().len, Some(3), "{name}");
    }
    // Of the same name and sizes, but another set.
    let other = dir.path().join("both");
    write(other.join("a/train-images-idx3-ubyte"), &make::idx_images(4, 4, 4));
    let mut changed = make::idx_images(4, 4, 4);
    changed[20] ^= 1;
    write(other.join("b/train-images-idx3-ubyte"), &changed);
    assert_eq!(opened(&other).info().len, Some(8));
}

#[test]
fn parts_are_whole_words_and_strays_beside_them_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("pets");
    for (at, path) in ["train/cat/0", "train/dog/1", "test/cat/2", "test/dog/3"].iter().enumerate() {
        write(root.join(format!("{path}.png")), &make::png(at as u8));
    }
    write(root.join("overview.png"), &make::png(9));
    write(root.join("README.md"), b"what it is");
    write(root.join("notes.doc"), b"what else");
    let set = opened(&root);
    assert_eq!(facts(set.as_ref()), (2, vec!["cat".to_owned(), "dog".to_owned()]));
    let left = set.left_aside();
    assert_eq!(aside(&left, "images outside of the parts"), (1, "overview.png".to_owned()));
    assert_eq!(aside(&left, "other files"), (1, "notes.doc".to_owned()));
    assert_eq!((aside(&left, OTHER_PARTS).0, left.count()), (1, 3));
    // Asked for by name, nothing of another part is missed.
    let options = OpenOptions { split: Split::Test, ..OpenOptions::default() };
    let test = open(root.to_str().unwrap(), &options).unwrap();
    assert_eq!((test.info().len, test.left_aside().count()), (Some(2), 2));
    // A folder around everything, and names as other programs choose them.
    let coco = dir.path().join("around/coco");
    for (at, path) in ["train2017/x", "train2017/y", "val2017/z"].iter().enumerate() {
        write(coco.join(format!("{path}.png")), &make::png(at as u8));
    }
    let set = opened(coco.parent().unwrap());
    assert_eq!(facts(set.as_ref()), (2, Vec::new()));
    // Words that only contain those of parts are classes.
    let vehicles = dir.path().join("vehicles");
    for (at, path) in ["train/x", "tram/y", "trains/z"].iter().enumerate() {
        write(vehicles.join(format!("{path}.png")), &make::png(at as u8));
    }
    assert_eq!(facts(opened(&vehicles).as_ref()).1, ["train", "trains", "tram"]);
}

#[test]
fn thumbnails_hidden_folders_and_own_runs_are_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| write(dir.path().join(name), bytes);
    write("cat/0.png", &make::png(0));
    write("dog/1.png", &make::png(1));
    for (at, path) in [
        "cat/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg",
        ".thumbnails/normal/a.png",
        "dog/__MACOSX/._1.png",
        "#recycle/old.png",
        ".git/x.png",
    ]
    .iter()
    .enumerate()
    {
        write(path, &make::png(at as u8));
    }
    write("cat/Thumbs.db", b"of Windows");
    write("runs/dogs/run.toml", b"");
    write("runs/dogs/samples/0000.png", &make::png(5));
    write("old/checkpoints/000001/x.png", &make::png(6));
    let mut own = make::png(7);
    // A text chunk after the header, as every result of this program has one.
    let chunk = b"\0\0\0\x0fiTXtlangevin\0\0\0\0\0{}abcd";
    own.splice(33..33, chunk.iter().copied());
    write("samples-000/0000.png", &own);
    let set = opened(dir.path());
    assert_eq!(facts(set.as_ref()), (2, vec!["cat".to_owned(), "dog".to_owned()]));
    let left = set.left_aside();
    assert_eq!(aside(&left, "thumbnails").0, 4);
    assert_eq!(aside(&left, "discarded files"), (1, "#recycle".to_owned()));
    assert_eq!(aside(&left, "hidden files"), (1, ".git".to_owned()));
    assert_eq!(aside(&left, "runs of this program").0, 2);
    assert_eq!(aside(&left, "results of this program"), (1, "samples-000/0000.png".to_owned()));
    // A folder of results by itself is a data set like others.
    assert_eq!(opened(&dir.path().join("samples-000")).info().len, Some(1));
}

#[test]
#[cfg(unix)]
fn links_are_followed_within_bounds() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("elsewhere");
    write(outside.join("cat/0.png"), &make::png(0));
    write(outside.join("dog/1.png"), &make::png(1));
    let root = dir.path().join("links");
    std::fs::create_dir(&root).unwrap();
    symlink(outside.join("cat"), root.join("cat")).unwrap();
    symlink("../elsewhere/dog", root.join("dog")).unwrap();
    symlink(outside.join("dog"), root.join("dog again")).unwrap();
    symlink(dir.path(), root.join("up")).unwrap();
    symlink("nowhere", root.join("dead.png")).unwrap();
    symlink(root.join("self"), root.join("self")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(root.join("pipe.png")).status();
    assert!(pipe.unwrap().success());
    let set = opened(&root);
    assert_eq!(facts(set.as_ref()), (2, vec!["cat".to_owned(), "dog".to_owned()]));
    let left = set.left_aside();
    assert_eq!(aside(&left, "links to what is there already"), (1, "dog again".to_owned()));
    assert_eq!(aside(&left, "links that lead back"), (2, "self".to_owned()));
    assert_eq!(aside(&left, "links that lead nowhere").1, "dead.png");
    assert_eq!(aside(&left, "pipes, sockets and devices").1, "pipe.png");
}

#[test]
#[cfg(unix)]
fn a_snapshot_of_the_hub_is_read_through_its_links() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("datasets--somebody--pets");
    for (at, name) in ["aaa", "bbb", "ccc"].iter().enumerate() {
        write(root.join("blobs").join(name), &make::png(at as u8));
    }
    for (snapshot, names) in [("old", &["aaa"][..]), ("new", &["aaa", "bbb", "ccc"])] {
        let folder = root.join("snapshots").join(snapshot);
        std::fs::create_dir_all(&folder).unwrap();
        for name in names {
            symlink(format!("../../blobs/{name}"), folder.join(format!("{name}.png"))).unwrap();
        }
    }
    write(root.join("refs/main"), b"new");
    assert_eq!(opened(&root.join("snapshots/new")).info().len, Some(3));
    let set = opened(&root);
    assert_eq!(set.info().len, Some(3));
    assert_eq!(aside(&set.left_aside(), "other snapshots"), (1, "old".to_owned()));
}

#[test]
fn images_beside_parquet_are_one_set_and_the_other_is_named() {
    let dir = tempfile::tempdir().unwrap();
    // Facts without images, as img2dataset writes them.
    let facts_alone =
        make::parquet_of("message m { optional binary url (UTF8); }", &[make::texts(&["a", "b"])]);
    for k in 0..2 {
        write(dir.path().join(format!("downloaded/00000/00{k}.png")), &make::png(k));
        write(dir.path().join(format!("downloaded/00000/00{k}.txt")), format!("text {k}").as_bytes());
        write(
            dir.path().join(format!("downloaded/00000/00{k}.json")),
            br#"{"url": "x", "caption": "of json"}"#,
        );
    }
    write(dir.path().join("downloaded/00000.parquet"), &facts_alone);
    write(dir.path().join("downloaded/00000_stats.json"), b"{}");
    let set = opened(&dir.path().join("downloaded"));
    assert_eq!((set.info().len, caption(set.as_ref(), 1)), (Some(2), Some("text 1".to_owned())));
    assert_eq!(aside(&set.left_aside(), "parquet files"), (1, "00000.parquet".to_owned()));
    assert_eq!(set.left_aside().count(), 1);
    // More images than rows: the images are the set.
    (0..4).for_each(|k| write(dir.path().join(format!("stray/{k}.png")), &make::png(k)));
    write(dir.path().join("stray/old/backup.parquet"), &make::parquet(3, &make::png(9)));
    let set = opened(&dir.path().join("stray"));
    assert_eq!((set.info().kind, set.info().len), ("folder", Some(4)));
    assert_eq!(aside(&set.left_aside(), "parquet files"), (1, "old/backup.parquet".to_owned()));
    // More rows than images: the rows are.
    write(dir.path().join("rows/preview.png"), &make::png(1));
    write(dir.path().join("rows/data/train-0.parquet"), &make::parquet(5, &make::png(9)));
    let set = opened(&dir.path().join("rows"));
    assert_eq!((set.info().kind, set.info().len), ("parquet", Some(5)));
    assert_eq!(aside(&set.left_aside(), "images beside them"), (1, "preview.png".to_owned()));
}

#[test]
fn parquet_with_labels_as_words_and_captions_as_lists_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let schema = "message m {
        optional group photo { optional binary bytes; optional binary path (UTF8); }
        optional binary label (UTF8);
        optional group captions (LIST) { repeated group list { optional binary element (UTF8); } } }";
    let columns = [
        make::images(&[&make::png(1), &make::png(2), &make::png(3)]),
        make::absent(3, 1),
        make::texts(&["owl", "cat", "owl"]),
        make::lists(&[&["a bird", "an owl"], &[], &["again"]]),
    ];
    write(dir.path().join("train.parquet"), &make::parquet_of(schema, &columns));
    let set = opened(dir.path());
    assert_eq!(facts(set.as_ref()), (3, vec!["cat".to_owned(), "owl".to_owned()]));
    assert_eq!([0, 1, 2].map(|k| set.item(k).unwrap().label), [Some(1), Some(0), Some(1)]);
    let captions = [0, 1, 2].map(|k| caption(set.as_ref(), k));
    assert_eq!(captions, [Some("a bird".to_owned()), None, Some("again".to_owned())]);
    assert_eq!(aside(&set.left_aside(), "rows with captions after the first").0, 1);
}

#[test]
fn shards_of_webdataset_are_one_set() {
    let dir = tempfile::tempdir().unwrap();
    let png = make::png(1);
    let shard = |first: usize| {
        let names: Vec<String> = (first..first + 2).map(|k| format!("{k:09}")).collect();
        let members: Vec<(String, Vec<u8>)> = names
            .iter()
            .flat_map(|name| {
                let class = if name.ends_with('1') { "owl" } else { "cat" };
                [
                    (format!("{name}.png"), png.clone()),
                    (format!("{name}.cls"), class.as_bytes().to_vec()),
                    (format!("{name}.json"), format!(r#"{{"caption": "number {name}"}}"#).into_bytes()),
                ]
            })
            .collect();
        make::tar(&members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
    };
    write(dir.path().join("train/00000.tar"), &shard(0));
    write(dir.path().join("train/00001.tar.gz"), &make::gzip(&shard(2)));
    write(dir.path().join("val/00000.tar"), &shard(4));
    let set = opened(dir.path());
    assert_eq!(
        (set.info().kind, facts(set.as_ref())),
        ("shards", (4, vec!["cat".to_owned(), "owl".to_owned()]))
    );
    assert_eq!(set.item(1).unwrap().label, Some(1));
    assert_eq!(caption(set.as_ref(), 3).unwrap(), "number 000000003");
    assert_eq!(aside(&set.left_aside(), "archives of other parts"), (1, "val/00000.tar".to_owned()));
    // Archives beside the images that they were unpacked to are copies.
    (0..2).for_each(|k| write(dir.path().join(format!("unpacked/{k}.png")), &make::png(k)));
    write(dir.path().join("unpacked/all.zip"), &make::zip(&[("0.png", &png), ("1.png", &png)]));
    let set = opened(&dir.path().join("unpacked"));
    assert_eq!((set.info().kind, set.info().len), ("folder", Some(2)));
    assert_eq!(aside(&set.left_aside(), "archives"), (1, "all.zip".to_owned()));
}

#[test]
fn numpy_arrays_of_images_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let array = make::npy;
    let medmnist = make::zip(&[
        ("train_images.npy", &array(&[6, 4, 4], "|u1", 1)),
        ("val_images.npy", &array(&[2, 4, 4], "|u1", 1)),
        ("test_images.npy", &array(&[3, 4, 4], "|u1", 1)),
        ("train_labels.npy", &array(&[6, 1], "|u1", 1)),
        ("val_labels.npy", &array(&[2, 1], "|u1", 1)),
        ("test_labels.npy", &array(&[3, 1], "|u1", 1)),
    ]);
    write(dir.path().join("bloodmnist.npz"), &medmnist);
    write(
        dir.path().join("keras.npz"),
        &make::zip(&[
            ("x_test.npy", &array(&[3, 5, 4, 3], "|u1", 1)),
            ("x_train.npy", &array(&[4, 5, 4, 3], "|u1", 1)),
            ("y_train.npy", &array(&[4], "<i8", 8)),
            ("y_test.npy", &array(&[3], "<i8", 8)),
        ]),
    );
    write(dir.path().join("samples.npy"), &array(&[2, 3, 3, 3], "|u1", 1));
    write(dir.path().join("weights.npz"), &make::zip(&[("w.npy", &array(&[3, 4], "<f4", 4))]));
    let set = opened(&dir.path().join("bloodmnist.npz"));
    assert_eq!((set.info().len, set.info().classes.len(), set.info().channels), (Some(6), 5, 1));
    assert_eq!(aside(&set.left_aside(), OTHER_PARTS).0, 2);
    let path = format!("{}#test", dir.path().join("bloodmnist.npz").display());
    assert_eq!(open(&path, &OpenOptions::default()).unwrap().info().len, Some(3));
    let set = opened(&dir.path().join("keras.npz"));
    assert_eq!((set.info().len, set.info().size.to_string().as_str()), (Some(4), "4x5"));
    assert_eq!(set.item(3).unwrap().label, Some(3));
    assert_eq!(opened(&dir.path().join("samples.npy")).info().len, Some(2));
    let path = dir.path().join("weights.npz");
    let message = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap_err().to_string();
    assert!(
        message.contains("weights.npz: NumPy arrays, of which none are images: w of <f4 [3, 4]"),
        "{message}"
    );
    // Every cut is an error, never a panic.
    for length in (0..medmnist.len()).step_by(7) {
        write(dir.path().join("cut.npz"), &medmnist[..length]);
        assert!(open(dir.path().join("cut.npz").to_str().unwrap(), &OpenOptions::default()).is_err());
    }
}

#[test]
fn rows_without_a_file_and_images_without_a_row_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    (0..3).for_each(|k| write(dir.path().join(format!("{k}.png")), &make::png(k)));
    let rows = [
        r#"{"file_name": "0.png", "text": "a disc"}"#,
        r#"{"file_name": "gone/1.png", "text": "lost"}"#,
        r#"{"file_name": "7.png", "text": ["lost", "twice"]}"#,
        r#"{"text": "of nothing"}"#,
    ];
    write(dir.path().join("metadata.jsonl"), rows.join("\n").as_bytes());
    let left = opened(dir.path()).left_aside();
    assert_eq!(aside(&left, "rows without a file"), (2, "metadata.jsonl row 2: gone/1.png".to_owned()));
    assert_eq!(aside(&left, "images without a row of metadata"), (2, "1.png".to_owned()));
    assert_eq!(
        aside(&left, "rows with captions after the first"),
        (1, "metadata.jsonl row 3, 1 more".to_owned())
    );
    assert_eq!(aside(&left, "rows without a file_name").0, 1);
}

#[test]
fn captions_are_decoded_in_one_way_and_are_not_endless() {
    let dir = tempfile::tempdir().unwrap();
    let utf_16: Vec<u8> =
        [0xfeff].into_iter().chain("sixteen".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let texts: [(&str, &[u8]); 5] = [
        ("0.TXT", b"in capitals"),
        ("1.txt", b"\xef\xbb\xbfwith a mark"),
        ("2.txt", &utf_16),
        ("3.txt", b"caf\xe9"),
        ("4.txt", &[b'a'; 65_537]),
    ];
    for (k, (name, bytes)) in texts.iter().enumerate() {
        write(dir.path().join(format!("{k}.png")), &make::png(k as u8));
        write(dir.path().join(name), bytes);
    }
    let set = opened(dir.path());
    let read: Vec<Option<String>> = (0..5).map(|k| caption(set.as_ref(), k)).collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(read, [some("in capitals"), some("with a mark"), some("sixteen"), None, None]);
    let left = set.left_aside();
    assert_eq!(aside(&left, "captions of over 64 KiB"), (1, "4.txt, 65537 bytes".to_owned()));
    let (count, named) = aside(&left, "captions that cannot be read");
    assert!(count == 1 && named.contains("3.txt: line 1, byte 4: 0xe9 is not UTF-8"), "{named}");
    // Captions that nobody asked for are not kept.
    let options = PoolOptions { captions: false, ..PoolOptions::default() };
    let pool = Pool::new(set, Prepare::new(6, 6, 3), options).unwrap();
    assert_eq!(pool.batch(0..5).unwrap().captions, vec![None; 5]);
}

#[test]
fn a_set_is_known_by_its_content_and_not_by_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let make_set = |folder: &str, changed: bool| {
        for k in 0..4 {
            write(
                dir.path().join(format!("{folder}/{k}.png")),
                &make::png(if changed && k == 2 { 99 } else { k }),
            );
        }
        write(dir.path().join(format!("{folder}/metadata.csv")), b"file_name,text\n0.png,a\n");
    };
    make_set("one", false);
    make_set("moved", false);
    make_set("other", true);
    let identity = |name: &str| opened(&dir.path().join(name)).info().identity.clone();
    assert_eq!(identity("one"), identity("moved"));
    assert_eq!(identity("one/../moved/"), identity("one"));
    assert_ne!(identity("one"), identity("other"));
    write(dir.path().join("moved/metadata.csv"), b"file_name,text\n0.png,b\n");
    assert_ne!(identity("one"), identity("moved"));
    write(dir.path().join("a.zip"), &make::zip(&[("0.png", &make::png(0)), ("1.png", &make::png(1))]));
    write(dir.path().join("b.zip"), &make::zip(&[("0.png", &make::png(0)), ("1.png", &make::png(2))]));
    assert_ne!(identity("a.zip"), identity("b.zip"));
    assert_eq!(open("builtin:shapes", &OpenOptions::default()).unwrap().info().identity, "");
}

#[test]
fn later_pages_and_frames_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut gif = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    let frame = |k| image::Frame::new(image::RgbaImage::from_pixel(5, 4, image::Rgba([9, 8, k, 255])));
    encoder.encode_frames((0..3).map(frame)).unwrap();
    drop(encoder);
    write(dir.path().join("moving.gif"), &gif);
    write(dir.path().join("still.png"), &make::png(1));
    let frames = |name: &str| langevin_data::later_frames_of(dir.path().join(name));
    assert_eq!(["moving.gif", "still.png", "none"].map(frames), [2, 0, 0]);
    let left = opened(dir.path()).left_aside();
    assert_eq!(aside(&left, langevin_data::LATER_FRAMES), (1, "moving.gif, 2 more".to_owned()));
}

#[test]
fn gzip_that_claims_too_much_is_refused_from_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let message = |name: &str, bytes: &[u8]| {
        write(dir.path().join(name), bytes);
        let start = std::time::Instant::now();
        let path = dir.path().join(name);
        let message = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap_err().to_string();
        assert!(start.elapsed().as_secs() < 5, "{message}");
        message
    };
    let header = |sizes: [u32; 3]| -> Vec<u8> {
        [0, 0, 8, 3].into_iter().chain(sizes.iter().flat_map(|size| size.to_be_bytes())).collect()
    };
    let zeros = vec![0; 8 << 20];
    let sides = make::gzip(&[header([1, 30_000, 30_000]), zeros.clone()].concat());
    assert!(message("sides-idx3-ubyte.gz", &sides).contains("not usable"));
    let ratio = make::gzip(&[header([1000, 1000, 1000]), zeros.clone()].concat());
    assert!(message("ratio-idx3-ubyte.gz", &ratio).contains("it unpacks to over 200 times its size"));
    let tar = make::gzip(&make::tar(&[("a.png", &zeros), ("b.png", &zeros)]));
    let message = message("bomb.tar.gz", &tar);
    assert!(message.contains("bomb.tar.gz: it unpacks to over 200 times its size"), "{message}");
}

#[test]
fn cifar_for_python_is_read_and_its_other_pickles_are_no_images() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("data_batch_1"), &make::cifar_for_python(&[3, 9]));
    write(dir.path().join("data_batch_2"), &make::cifar_for_python(&[0]));
    write(dir.path().join("test_batch"), &make::cifar_for_python(&[7]));
    write(dir.path().join("batches.meta"), b"\x80\x02}q\x01U\x0bnum_vis_dimsK\x05s.");
    write(dir.path().join("readme.html"), b"<p>");
    let set = opened(dir.path());
    assert_eq!((set.info().kind, set.info().len, set.info().classes.len()), ("cifar", Some(3), 10));
    let first = set.item(0).unwrap();
    assert_eq!((first.label, first.image.width, first.image.channels), (Some(3), 32, 3));
    assert_eq!(set.item(2).unwrap().label, Some(0));
    let left = set.left_aside();
    assert_eq!((aside(&left, OTHER_PARTS).0, left.count()), (1, 1), "{left}");
    assert_eq!(opened(&dir.path().join("test_batch")).info().len, Some(1));
}
