//! Files that never end, pipes that nobody writes into, and files that unpack to more than they hold: refused at once.

use std::process::Command;

use langevin::figures::png;

use crate::world::{World, image, plain_run};

#[test]
fn devices_and_pipes_are_refused_before_they_are_read() {
    let world = World::new();
    let run = plain_run();
    world.write("a.png", &image(32, 32, 3, 1));
    assert!(Command::new("mkfifo").arg(world.path("pipe")).status().unwrap().success());
    for file in ["/dev/zero", "pipe"] {
        for words in [
            format!("sample {file} -n 1"),
            format!("inspect {file}"),
            format!("sample {run} -n 1 --init-noise {file}"),
            format!("sample {run} -n 1 --prompts {file}"),
            format!("sample --from {file}"),
            format!("sample {run} -n 1 --guide {file} --cfg-scale 2"),
        ] {
            let ran = world.run(&words);
            ran.refused(
                3,
                &[file, if file == "pipe" { "a pipe, not a file" } else { "a device, not a file" }],
            );
        }
    }
    let preset = "train builtin:shapes --preset /dev/zero --out r";
    world.run(preset).refused(2, &["/dev/zero: a device, not a file"]);
}

#[test]
fn texts_and_profiles_of_a_png_count_by_what_they_unpack_to() {
    let world = World::new();
    let plain = image(16, 16, 3, 1);
    // After the header: signature, and the chunk with the size.
    let with = |kind: &[u8], data: &[u8]| {
        let mut bytes = plain[..33].to_vec();
        bytes.extend((data.len() as u32).to_be_bytes());
        let body = [kind, data].concat();
        bytes.extend(&body);
        bytes.extend(crc(&body).to_be_bytes());
        bytes.extend(&plain[33..]);
        bytes
    };
    let zeros = packed_zeros(64 << 20);
    assert!(zeros.len() < 1 << 20);
    let text = [b"langevin\0\0".as_slice(), &zeros].concat();
    world.write("text.png", &with(b"zTXt", &text));
    world.run("sample --from text.png").refused(3, &["text.png"]);
    let profile = [b"name\0\0".as_slice(), &zeros].concat();
    world.write("profile.png", &with(b"iCCP", &profile));
    let words = format!("denoise {} profile.png --sigma 5 -o out/", plain_run());
    world.run(&words).refused(3, &["profile.png", "ICC profile unpacks to more than 4 MiB"]);
    assert!(png::text(&with(b"zTXt", &text)).is_err());
}

#[test]
fn a_kernel_larger_than_the_image_is_refused_before_it_is_made() {
    let world = World::new();
    world.write("a.png", &image(32, 32, 3, 1));
    for operator in ["gaussian_blur:sigma=1000", "disk_blur:radius=1000", "motion_blur:length=10000,angle=40"]
    {
        for border in ["circular", "reflect"] {
            let words = format!(
                "restore {} a.png --operator {operator},boundary={border} --simulate -o out/",
                plain_run()
            );
            world.run(&words).refused(2, &["a kernel of", "larger than the image of 32 x 32"]);
        }
    }
}

/// `count` zeros as a zlib stream of the format's own repeats: stored once, then distance 1 and length 258 over and over.
fn packed_zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b011, 3);
    bits.push(0b0000_1100, 8);
    let repeats = (count - 1) / 258;
    for _ in 0..repeats {
        // Length 258 is the fixed code 11000101, read from its highest bit; distance 1 is 00000.
        bits.push(0b1010_0011, 8);
        bits.push(0, 5);
    }
    bits.push(0, 7);
    let mut bytes = vec![0x78, 0x9c];
    bytes.extend(bits.done());
    // The checksum of zeros (Adler-32): a stays 1, b counts them.
    let count = (1 + repeats * 258) as u32;
    bytes.extend((((count % 65_521) << 16) | 1).to_be_bytes());
    bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u32,
    held: u32,
}

impl Bits {
    /// The `count` lowest bits of `bits`, lowest first.
    fn push(&mut self, bits: u32, count: u32) {
        self.open |= bits << self.held;
        self.held += count;
        while self.held >= 8 {
            self.bytes.push(self.open as u8);
            self.open >>= 8;
            self.held -= 8;
        }
    }

    fn done(mut self) -> Vec<u8> {
        if self.held > 0 {
            self.bytes.push(self.open as u8);
        }
        self.bytes
    }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
