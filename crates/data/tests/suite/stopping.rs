//! Opening and reading end when they are asked to.

use langevin_core::Stop;
use langevin_data::{ErrorKind, OpenOptions, Pool, PoolOptions, Prepare, images_in, lint, open};

use crate::make;

fn requested() -> Stop {
    let stop = Stop::new();
    stop.request(Stop::INTERRUPT);
    stop
}

#[test]
fn a_set_of_any_kind_is_left_while_it_opens() {
    let folder = tempfile::tempdir().unwrap();
    let [png, other] = [1, 2].map(make::png);
    let members: [(&str, &[u8]); 2] = [("a/1.png", &png), ("b/2.png", &other)];
    for (path, bytes) in members {
        make::write(folder.path().join("folder").join(path), bytes);
    }
    let tar = make::tar(&members);
    make::write(folder.path().join("x.zip"), &make::zip(&members));
    make::write(folder.path().join("x.tar"), &tar);
    make::write(folder.path().join("x.tar.gz"), &make::gzip(&tar));
    make::write(folder.path().join("x.parquet"), &make::parquet(3, &png));
    make::write(folder.path().join("shards/0.tar"), &tar);
    make::write(folder.path().join("cifar/data_batch_1.bin"), &make::cifar(2));
    for name in ["folder", "x.zip", "x.tar", "x.tar.gz", "x.parquet", "shards", "cifar"] {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        let error =
            open(path, &OpenOptions::stopped_by(&requested())).map(|set| set.info().clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted(Stop::INTERRUPT), "{name}: {error}");
        open(path, &OpenOptions::stopped_by(&Stop::new())).unwrap();
    }
    assert_eq!(images_in(&folder.path().join("folder"), &requested()).unwrap_err().exit_code(), 130);
}

#[test]
fn reading_images_is_left_too() {
    let set = || open("builtin:shapes", &OpenOptions::default()).unwrap();
    let pool = Pool::new(set(), Prepare::new(8, 8, 3), PoolOptions::default()).unwrap();
    assert_eq!(pool.batch_until(0..200, &requested()).unwrap_err().exit_code(), 130);
    assert_eq!(pool.showing_until(3, 0, 200, &requested()).unwrap_err().exit_code(), 130);
    assert_eq!(pool.batch_until(5..150, &Stop::new()).unwrap(), pool.batch(5..150).unwrap());
    assert_eq!(pool.showing_until(3, 10, 130, &Stop::new()).unwrap(), pool.showing(3, 10, 130).unwrap());
    let folder = tempfile::tempdir().unwrap();
    make::write(folder.path().join("1.png"), &make::png(1));
    let set = open(folder.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!(lint(set.as_ref(), &requested()).unwrap_err().exit_code(), 130);
    let pool = Pool::new(set, Prepare::new(8, 8, 3), PoolOptions::stopped_by(&requested()));
    assert_eq!(pool.unwrap_err().exit_code(), 130);
}
