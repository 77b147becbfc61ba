//! Damage to bytes of which nothing is known.

use fastrand::Rng;

/// Numbers at which sizes and offsets go wrong, as little and big endian bytes of several widths.
const EDGES: &[u64] = &[
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// One damage: bits, bytes, numbers, and parts that are cut, doubled, moved or emptied. Heads and ends, where formats keep their
/// sizes, are hit more often than the middle.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.extend((0..rng.usize(0..64)).map(|_| rng.u8(..)));
        return;
    }
    let at = place(bytes.len(), rng);
    let most = 1 << rng.u32(0..12);
    let length = rng.usize(1..=most.min(bytes.len() - at));
    match rng.u8(0..10) {
        0 | 1 => bytes[at] ^= 1 << rng.u8(0..8),
        2 => bytes[at] = rng.u8(..),
        3 | 4 => {
            let (value, width) = (EDGES[rng.usize(..EDGES.len())], 1 << rng.u32(0..4));
            let (little, big) = (value.to_le_bytes(), value.to_be_bytes());
            let number = if rng.bool() { &little[..width] } else { &big[8 - width..] };
            let room = width.min(bytes.len() - at);
            bytes[at..at + room].copy_from_slice(&number[..room]);
        }
        5 => bytes.truncate(at),
        6 => drop(bytes.drain(at..at + length)),
        7 => {
            let part = bytes[at..at + length].to_vec();
            let to = place(bytes.len(), rng);
            bytes.splice(to..to, part);
        }
        8 => bytes[at..at + length].fill(if rng.bool() { 0 } else { 0xff }),
        _ => bytes[at..at + length].iter_mut().for_each(|byte| *byte = rng.u8(..)),
    }
}

fn place(length: usize, rng: &mut Rng) -> usize {
    match rng.u8(0..4) {
        0 => rng.usize(0..length.min(64)),
        1 => length - 1 - rng.usize(0..length.min(256)),
        _ => rng.usize(0..length),
    }
}
