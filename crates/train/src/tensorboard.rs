//! TensorBoard event files: TFRecord framing with masked CRC-32C around a few protocol-buffer messages, written by hand.
//!
//! Sources: `tensorflow/core/lib/io/record_writer.h` (framing), `tensorflow/core/util/event.proto` and
//! `tensorflow/core/framework/summary.proto` (messages; field numbers below are theirs).
//!
//! Each start of a training writes a file of its own whose name sorts after the earlier ones, because a file that a
//! killed process left may end inside a record and nothing can follow that. A resumed training begins its file with a
//! `SessionLog` of status START, at which TensorBoard forgets everything it read at that step or later; so events that
//! were written after the last checkpoint do not show twice.
//!
//! Checked with `references/roundtrip/tensorboard_check.py` against tensorboard 2.21.0 (the `EventAccumulator` it is built on):
//! scalars, steps and images came back as written, a torn last record was passed over, and after a resume no step
//! showed twice.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use langevin_files::disk::{self, Output};

const PREFIX: &str = "events.out.tfevents.";

/// Writes the events of one start of a training. Steps are images seen.
#[derive(Debug)]
pub struct EventWriter {
    file: BufWriter<Output>,
}

impl EventWriter {
    /// A new file in `folder`, which is made when it is missing, for a training that has seen `images` images. When an
    /// earlier start left files there, what they hold of later steps is declared void.
    ///
    /// # Errors
    /// When folder or file cannot be written.
    pub fn create(folder: &Path, images: u64) -> io::Result<Self> {
        disk::make_folders(folder)?;
        let (name, resumed) = next_name(folder)?;
        let file = Output::open(&folder.join(name), OpenOptions::new().write(true).create_new(true))?;
        let mut writer = Self { file: BufWriter::new(file) };
        writer.event(0, message(|event| event.text(event::FILE_VERSION, "brain.Event:2")))?;
        if resumed {
            let start = message(|log| log.integer(session_log::STATUS, session_log::START));
            // A start from nothing writes step 0 again; any other goes on with the step after the checkpoint's.
            let first = if images == 0 { 0 } else { images + 1 };
            writer.event(first, message(|event| event.bytes(event::SESSION_LOG, &start)))?;
        }
        writer.flush()?;
        Ok(writer)
    }

    /// Records the number `value` under `tag`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> io::Result<()> {
        self.value(step, tag, |entry| entry.float(value::SIMPLE_VALUE, value))
    }

    /// Records an image under `tag`: the bytes of a PNG file of `width` by `height` pixels with `channels` channels
    /// (1 gray, 3 RGB, 4 RGBA).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn image(
        &mut self,
        tag: &str,
        step: u64,
        png: &[u8],
        width: u32,
        height: u32,
        channels: u32,
    ) -> io::Result<()> {
        let image = message(|image| {
            image.integer(image::HEIGHT, height.into());
            image.integer(image::WIDTH, width.into());
            image.integer(image::COLORSPACE, channels.into());
            image.bytes(image::ENCODED, png);
        });
        self.value(step, tag, |entry| entry.bytes(value::IMAGE, &image))
    }

    /// Hands everything written so far to the system. Call it before saving a checkpoint.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Bytes that wait to be handed to the system.
    pub fn pending(&self) -> u64 {
        self.file.buffer().len() as u64
    }

    fn value(&mut self, step: u64, tag: &str, content: impl FnOnce(&mut Message)) -> io::Result<()> {
        let value = message(|entry| {
            entry.text(value::TAG, tag);
            content(entry);
        });
        let summary = message(|summary| summary.bytes(summary::VALUE, &value));
        self.event(step, message(|event| event.bytes(event::SUMMARY, &summary)))
    }

    fn event(&mut self, step: u64, content: Vec<u8>) -> io::Result<()> {
        let mut event = message(|event| {
            event.double(event::WALL_TIME, now());
            event.integer(event::STEP, step);
        });
        event.extend(content);
        self.file.write_all(&record(&event))
    }
}

/// A name that sorts after those of the event files in `folder`, whatever the clock says, and whether there are any.
fn next_name(folder: &Path) -> io::Result<(String, bool)> {
    let (mut seconds, mut count) = (now() as u64, 0);
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let earlier = rest.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        (seconds, count) = (seconds.max(earlier), count + 1);
    }
    Ok((format!("{PREFIX}{seconds:010}.{count:06}.langevin"), count > 0))
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// One TFRecord: length, its masked CRC, the data, their masked CRC; all little-endian.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend(length);
    out.extend(masked_crc(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked_crc(data).to_le_bytes());
    out
}

/// CRC-32C, rotated and offset so that the checksum of data that hold checksums stays a good one.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

mod event {
    pub const WALL_TIME: u32 = 1;
    pub const STEP: u32 = 2;
    pub const FILE_VERSION: u32 = 3;
    pub const SUMMARY: u32 = 5;
    pub const SESSION_LOG: u32 = 7;
}

mod session_log {
    pub const STATUS: u32 = 1;
    pub const START: u64 = 1;
}

mod summary {
    pub const VALUE: u32 = 1;
}

mod value {
    pub const TAG: u32 = 1;
    pub const SIMPLE_VALUE: u32 = 2;
    pub const IMAGE: u32 = 4;
}

mod image {
    pub const HEIGHT: u32 = 1;
    pub const WIDTH: u32 = 2;
    pub const COLORSPACE: u32 = 3;
    pub const ENCODED: u32 = 4;
}

/// A protocol-buffer message as it is being written.
#[derive(Default)]
struct Message(Vec<u8>);

/// The bytes of a message whose fields `fill` writes.
fn message(fill: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut message = Message::default();
    fill(&mut message);
    message.0
}

impl Message {
    const VARINT: u32 = 0;
    const FIXED_64: u32 = 1;
    const DELIMITED: u32 = 2;
    const FIXED_32: u32 = 5;

    fn integer(&mut self, field: u32, value: u64) {
        self.key(field, Self::VARINT);
        self.varint(value);
    }

    fn double(&mut self, field: u32, value: f64) {
        self.key(field, Self::FIXED_64);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, field: u32, value: f32) {
        self.key(field, Self::FIXED_32);
        self.0.extend(value.to_le_bytes());
    }

    fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, Self::DELIMITED);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    /// Seven bits a byte, lowest first; the top bit says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gray image of one pixel.
    const PNG: &[u8] = &[
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00,
        0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81,
        0xda, 0x45, 0x08, 0x3b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
    ];

    #[test]
    fn checksums_are_the_published_ones() {
        // RFC 3720, B.4: CRC-32C of 32 zero bytes and of the bytes 0..32.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        // ((crc >> 15) | (crc << 17)) + 0xa282ead8, as in tensorflow/core/lib/hash/crc32c.h.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), 0xc78a_b0e5);
    }

    #[test]
    fn the_first_record_of_a_real_file_is_reproduced() {
        // An event that holds the time and the version, as TensorFlow writes it first.
        let body = message(|event| {
            event.double(event::WALL_TIME, 0.0);
            event.text(event::FILE_VERSION, "brain.Event:2");
        });
        assert_eq!(body.len(), 24);
        let framed = record(&body);
        // The length 24 and its checksum begin every TensorBoard file of version 2.
        assert_eq!(framed[..12], [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(framed.len(), 24 + 16);
    }

    #[test]
    fn numbers_are_written_as_the_encoding_guide_says() {
        assert_eq!(message(|m| m.integer(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(message(|m| m.text(2, "testing")), *b"\x12\x07testing");
        assert_eq!(message(|m| m.integer(1, u64::MAX)).len(), 11);
    }

    #[test]
    fn each_start_has_a_file_that_sorts_after_the_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(format!("{PREFIX}9999999999.000000.langevin")), "").unwrap();
        for count in 1..3 {
            EventWriter::create(folder.path(), 7).unwrap();
            let name = format!("{PREFIX}9999999999.{count:06}.langevin");
            assert!(folder.path().join(&name).is_file(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(EventWriter::create(&file, 0).is_err());
    }

    /// Writes the folder that `references/roundtrip/tensorboard_check.py --known` reads: a first start that ends torn after
    /// step 5, and a resume after step 3.
    #[test]
    #[ignore = "makes a folder for references/roundtrip/tensorboard_check.py"]
    fn a_folder_for_the_real_reader() {
        let folder = std::env::temp_dir().join("langevin-tensorboard-check");
        let _ = fs::remove_dir_all(&folder);
        for (start, scale) in [(0, 1.0), (3, 2.0)] {
            let mut writer = EventWriter::create(&folder, start).unwrap();
            for step in start + u64::from(start > 0)..=start + 5 {
                writer.scalar("loss/train", step, scale / (step as f32 + 1.0)).unwrap();
            }
            writer.image("samples", 3 + start, PNG, 1, 1, 1).unwrap();
            if start == 0 {
                let torn = record(&message(|event| event.integer(event::STEP, 6)));
                writer.file.write_all(&torn[..torn.len() - 3]).unwrap();
            }
            writer.flush().unwrap();
        }
    }
}
