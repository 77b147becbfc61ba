//! Checkpoints that `torch.save` wrote, and pickles that would run something (`references/golden/hub_files.py`).

use langevin_hub::{is_checkpoint, is_pickle, read_file};
use serde_json::Value;

use crate::networks::golden;

fn files() -> Value {
    serde_json::from_slice(&std::fs::read(golden("hub/files.json")).unwrap()).unwrap()
}

#[test]
fn both_formats_give_every_tensor() {
    let golden_files = files();
    for (file, key) in [("zip.pt", "tensors"), ("legacy.pt", "tensors"), ("wrapped.ckpt", "wrapped")] {
        let (tensors, _) = read_file(&golden(&format!("hub/{file}"))).unwrap();
        let expected = golden_files[key].as_object().unwrap();
        assert_eq!(tensors.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{file}");
        for (name, (shape, values)) in &tensors {
            let wanted: Vec<usize> = serde_json::from_value(expected[name]["shape"].clone()).unwrap();
            assert_eq!(shape, &wanted, "{file}: {name}");
            let wanted: Vec<f64> = serde_json::from_value(expected[name]["values"].clone()).unwrap();
            assert_eq!(values, &wanted.iter().map(|v| *v as f32).collect::<Vec<_>>(), "{file}: {name}");
        }
    }
}

#[test]
fn checkpoints_are_known_by_their_first_bytes() {
    for (file, pickle) in [("zip.pt", false), ("legacy.pt", true), ("wrapped.ckpt", false)] {
        let bytes = std::fs::read(golden(&format!("hub/{file}"))).unwrap();
        assert!(is_checkpoint(&bytes) && is_checkpoint(&bytes[..9]), "{file}");
        assert_eq!(is_pickle(&bytes), pickle, "{file}");
    }
    for protocol in 0..=6_u8 {
        let marked = (2..=5).contains(&protocol);
        assert_eq!(is_pickle(&[0x80, protocol, b'}', b'.']), marked, "protocol {protocol}");
        // The length of a safetensors header may read the same: 128 and 256 for each protocol.
        let mut header = vec![0x80, protocol, 0, 0, 0, 0, 0, 0, b'{'];
        assert!(!is_pickle(&header) && !is_checkpoint(&header), "protocol {protocol}");
        header[..4].copy_from_slice(b"PK\x03\x04");
        assert!(!is_checkpoint(&header));
    }
    assert!(!is_checkpoint(b"") && !is_checkpoint(b"\x89PNG\r\n\x1a\n"));
}

#[test]
fn hostile_pickles_are_refused_and_what_they_ask_for_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        ("system", "posix.system"),
        ("nested", "posix.system"),
        ("eval", "builtins.eval"),
        ("exec", "builtins.exec"),
        ("popen", "subprocess.Popen"),
        ("getattr", "builtins.getattr"),
        ("import", "builtins.__import__"),
        ("load_from_bytes", "torch.storage._load_from_bytes"),
        ("load", "torch.serialization.load"),
        ("open", "io.open"),
        ("module", "torch.nn.modules.linear.Linear"),
        ("complex", "builtins.complex"),
    ];
    let all = files();
    let hostile = all["hostile"].as_object().unwrap();
    assert!(hostile.len() > 40);
    for (name, text) in hostile {
        let path = folder.path().join("evil.pt");
        let text = text.as_str().unwrap();
        let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
        std::fs::write(&path, bytes.collect::<Vec<u8>>()).unwrap();
        let error = read_file(&path).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{name}");
        let (_, asked) = names.iter().find(|(start, _)| name.starts_with(start)).unwrap();
        // Pickles of protocol 2 use the names of Python 2's modules.
        let name_alone = &asked[asked.rfind('.').unwrap()..];
        let message = error.to_string();
        assert!(message.contains("evil.pt"), "{message}");
        let asked = if name.contains("_2") { name_alone } else { asked };
        assert!(message.contains(asked), "{name}: {message}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was run");
}

#[test]
fn checkpoints_cut_anywhere_or_changed_anywhere_are_refused_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pt");
    for file in ["zip.pt", "legacy.pt", "wrapped.ckpt"] {
        let whole = std::fs::read(golden(&format!("hub/{file}"))).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = read_file(&path).expect_err(&format!("{file} cut at {length}"));
            assert_eq!(error.exit_code(), 3);
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x2d;
            std::fs::write(&path, &changed).unwrap();
            let _ = read_file(&path);
        }
    }
}

/// A bare legacy checkpoint whose object is `pickle`.
fn legacy(pickle: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
    bytes.extend(b"\x80\x02M\xe9\x03.");
    bytes.extend(b"\x80\x02}.");
    bytes.extend(pickle);
    bytes
}

#[test]
fn bombs_and_nonsense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.pt");
    let deep: Vec<u8> = std::iter::repeat_n(b']', 2_000_000)
        .chain(std::iter::repeat_n(b'a', 1_999_999))
        .chain(*b".")
        .collect();
    let copies: Vec<u8> = b"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01("
        .iter()
        .copied()
        .chain((0..50_000).flat_map(|_| *b"NN\x86"))
        .chain(*b"e0")
        .chain((0..100_000).flat_map(|_| *b"h\x00h\x01\x85R0"))
        .chain(*b"N.")
        .collect();
    let itself = b"\x80\x02]q\x00h\x00a.".to_vec();
    let long = b"\x80\x02X\xff\xff\xff\xff.".to_vec();
    let mut cases = vec![deep, copies, itself, long, b"\x80\x02}.".to_vec(), b"\x80\x02R.".to_vec()];
    cases.extend([
        b"\x80\x02(t0.".to_vec(),
        b"\x80\x02h\x07.".to_vec(),
        b"\x80\x02i".to_vec(),
        b"\x80\x02u.".to_vec(),
    ]);
    for (index, pickle) in cases.into_iter().enumerate() {
        std::fs::write(&path, legacy(&pickle)).unwrap();
        let error = read_file(&path).expect_err(&format!("case {index}"));
        assert_eq!(error.exit_code(), 3, "case {index}");
        // Copies of copies are refused by their number, before time or memory runs out.
        assert_eq!(error.to_string().contains("more values than any checkpoint has"), index == 1, "{error}");
    }
    // A tensor that claims more than its storage, by its shape and by a stride of nothing.
    let tensor = |shape: &str, strides: &str| {
        let mut pickle = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04NtQK\x00".to_vec();
        pickle.extend(shape.bytes().map(|b| if b == b'9' { b'9' } else { b }));
        pickle.extend(strides.bytes());
        pickle.extend(b"\x89NtRs.");
        let mut bytes = legacy(&pickle);
        bytes.extend(b"\x80\x02]X\x01\x00\x00\x000a.");
        bytes.extend(4_i64.to_le_bytes());
        bytes.extend([0; 16]);
        bytes
    };
    for (shape, strides) in [
        ("(K\x05t", "(K\x01t"),
        ("(J\x7f\x7f\x7f\x7fJ\x7f\x7f\x7f\x7fJ\x7f\x7f\x7f\x7ft", "(K\x00K\x00K\x00t"),
        ("(J\x7f\x7f\x7f\x0ft", "(K\x00t"),
        ("(K\x02t", "(K\x01K\x01t"),
    ] {
        std::fs::write(&path, tensor(shape, strides)).unwrap();
        let error = read_file(&path).unwrap_err();
        assert!(error.to_string().contains("tensor w"), "{error}");
    }
    std::fs::write(&path, tensor("(K\x02K\x02t", "(K\x02K\x01t")).unwrap();
    assert_eq!(read_file(&path).unwrap().0["w"], (vec![2, 2], vec![0.0; 4].into()));
}
