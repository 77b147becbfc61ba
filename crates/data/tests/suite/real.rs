//! Real data: MNIST, CIFAR-10, BSDS500 and Set12, where they are; skipped where they are not.

use std::sync::Arc;

use langevin_data::{Dataset, OpenOptions, Pool, PoolOptions, Prepare, open};

use crate::stored::stored;

fn opened(path: &std::path::Path, suffix: &str) -> Arc<dyn Dataset> {
    open(&format!("{}{suffix}", path.display()), &OpenOptions::default()).unwrap()
}

#[test]
fn mnist() {
    let Some(path) = stored("mnist") else { return };
    let set = opened(&path, "");
    assert_eq!(
        (set.info().len, set.info().size, set.info().channels),
        (Some(60_000), langevin_data::Size::square(28), 1)
    );
    let labels: Vec<_> = (0..5).map(|k| set.item(k).unwrap().label).collect();
    println!("first labels {labels:?}");
    assert_eq!(set.info().classes.len(), 10);
    assert_eq!(opened(&path, "#test").info().len, Some(10_000));
}

#[test]
fn cifar10() {
    let Some(path) = stored("cifar10") else { return };
    let set = opened(&path, "");
    assert_eq!(
        (set.info().len, set.info().size, set.info().channels),
        (Some(50_000), langevin_data::Size::square(32), 3)
    );
    assert_eq!(set.info().classes[..3], ["airplane", "automobile", "bird"]);
    let mut counts = [0; 10];
    (0..50_000).step_by(50).for_each(|k| counts[set.item(k).unwrap().label.unwrap() as usize] += 1);
    assert!(counts.iter().all(|n| (60..150).contains(n)), "{counts:?}");
    assert_eq!(opened(&path, "#test").info().len, Some(10_000));
}

#[test]
fn photographs() {
    let Some(path) = stored("bsds500-train") else { return };
    let set = opened(&path, "");
    assert_eq!((set.info().len, set.info().channels), (Some(200), 3));
    let pool = Pool::new(set, Prepare::new(64, 64, 3), PoolOptions::default()).unwrap();
    assert_eq!((pool.len(), pool.skipped().len()), (Some(200), 0));
    let batch = pool.batch(0..200).unwrap();
    let mean = batch.pixels.iter().map(|v| f64::from(*v)).sum::<f64>() / batch.pixels.len() as f64;
    assert!((-0.4..0.1).contains(&mean), "mean {mean}");
}

#[test]
fn set12() {
    let Some(path) = stored("set12") else { return };
    let set = opened(&path, "");
    assert_eq!((set.info().len, set.info().channels), (Some(12), 1));
    assert!(matches!(set.item(0).unwrap().image.width, 256 | 512));
}
