//! Damage to tar: to a header, whose checksum stays right, or to what follows.

use fastrand::Rng;

const BLOCK: usize = 512;

/// One damage.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let headers: Vec<usize> = (0..bytes.len() / BLOCK)
        .map(|block| block * BLOCK)
        .filter(|at| bytes[at + 257..].starts_with(b"ustar"))
        .collect();
    if headers.is_empty() || rng.u8(0..4) == 0 {
        return super::bytes::damage(bytes, rng);
    }
    let at = headers[rng.usize(..headers.len())];
    let header = &mut bytes[at..at + BLOCK];
    match rng.u8(0..5) {
        // Its size, in octal.
        0 | 1 => {
            let size = u64::MAX >> rng.u32(28..64);
            header[124..136].copy_from_slice(format!("{:011o}\0", size & 0o77_777_777_777).as_bytes());
        }
        // What it is: a link, a device, a long name.
        2 => header[156] = b"01234567LKxgS"[rng.usize(..13)],
        3 => {
            let names =
                ["../../x.png", "/etc/passwd", "a/b/../../../x.png", "", "\u{7f}\u{1}.png", "a.png\0b"];
            let name = names[rng.usize(..names.len())].as_bytes();
            header[..100].fill(0);
            header[..name.len()].copy_from_slice(name);
        }
        _ => header[rng.usize(..BLOCK)] = rng.u8(..),
    }
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
