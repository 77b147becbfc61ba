//! Damage to PNG: to its chunks, whose lengths and checksums stay right.

use fastrand::Rng;

const SIGNATURE: usize = 8;

/// One damage. What has no whole chunk is damaged as bytes.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let chunks = chunks(bytes);
    if chunks.is_empty() {
        return super::bytes::damage(bytes, rng);
    }
    let at = rng.usize(..chunks.len());
    let (kind, mut data) = chunks[at].clone();
    let mut all = chunks;
    match rng.u8(0..8) {
        0 => drop(all.remove(at)),
        1 => all.insert(rng.usize(..=all.len()), (kind, data)),
        2 => {
            let kinds = [
                *b"IHDR", *b"PLTE", *b"tRNS", *b"IDAT", *b"iCCP", *b"zTXt", *b"iTXt", *b"tEXt", *b"eXIf",
                *b"acTL", *b"gAMA", *b"sBIT", *b"IEND",
            ];
            all[at].0 = kinds[rng.usize(..kinds.len())];
        }
        3 => bytes[..SIGNATURE][rng.usize(..SIGNATURE)] ^= 1,
        _ => {
            super::bytes::damage(&mut data, rng);
            all[at].1 = data;
        }
    }
    let mut whole = bytes[..SIGNATURE].to_vec();
    for (kind, data) in all {
        whole.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        whole.extend(kind);
        whole.extend(&data);
        let sum = [&kind[..], &data].concat();
        whole.extend(crc32(&sum).to_be_bytes());
    }
    *bytes = whole;
}

/// The chunks up to the first that is not whole: kind and data.
fn chunks(bytes: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    let mut found = Vec::new();
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(data) = body.get(..length) else { break };
        found.push(([head[4], head[5], head[6], head[7]], data.to_vec()));
        rest = body.get(length + 4..).unwrap_or_default();
    }
    found
}

/// The checksum of PNG (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
    }

    #[test]
    fn chunks_stay_whole() {
        let mut whole = b"\x89PNG\r\n\x1a\n".to_vec();
        whole.extend([0, 0, 0, 0]);
        whole.extend(b"IEND\xae\x42\x60\x82");
        assert_eq!(chunks(&whole), [(*b"IEND", Vec::new())]);
        let kept = (0..100).filter(|seed| {
            let mut damaged = whole.clone();
            damage(&mut damaged, &mut Rng::with_seed(*seed));
            let crc = damaged.len().checked_sub(4).map(|at| damaged[at..].to_vec());
            chunks(&damaged).last().is_some_and(|(kind, data)| {
                crc == Some(crc32(&[&kind[..], data].concat()).to_be_bytes().to_vec())
            })
        });
        assert!(kept.count() > 60);
    }
}
