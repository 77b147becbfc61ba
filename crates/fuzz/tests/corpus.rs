//! What the fuzz once found is read again, and a few cases of every target are tried.

use std::path::Path;

use langevin_fuzz::Targets;

#[test]
fn what_was_found_once_is_read_again() {
    let targets = Targets::new();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut read = 0;
    for entry in std::fs::read_dir(corpus).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        // A file is called TARGET.NUMBER.
        let Some((target, _)) =
            name.rsplit_once('.').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        let target = targets.all().iter().find(|one| one.name == target);
        target
            .unwrap_or_else(|| panic!("{name}: there is no such target"))
            .read(&std::fs::read(entry.path()).unwrap());
        read += 1;
    }
    println!("read {read} files");
    for target in targets.all() {
        target.read(target.whole());
        target.read(b"");
    }
    for number in 0..2 * targets.all().len() as u64 {
        let (target, input) = targets.case(1, number);
        target.read(&input);
    }
}
