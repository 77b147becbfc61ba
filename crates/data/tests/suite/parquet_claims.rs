//! Parquet that claims more than it holds: refused from its headers, in no time and no memory.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use langevin_data::{OpenOptions, open};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;

use crate::make;

const IMAGES: &str =
    "message schema { optional group image { optional binary bytes; optional binary path; } }";

/// A parquet with a column of `images`, packed as `compression` says.
fn packed(images: &[Vec<u8>], compression: Compression, dictionary: bool) -> Vec<u8> {
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(IMAGES).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(dictionary)
        .set_dictionary_page_size_limit(1 << 40)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, std::sync::Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let values: Vec<ByteArray> = images.iter().map(|image| image.clone().into()).collect();
    for (values, level) in [(values, 2), (Vec::new(), 1)] {
        let mut column = group.next_column().unwrap().unwrap();
        let levels = vec![level; images.len()];
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

/// What opening `bytes` says, which must be soon and name the file.
#[track_caller]
fn refusal(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("x.parquet");
    std::fs::write(&path, bytes).unwrap();
    let began = Instant::now();
    let error =
        open(path.to_str().unwrap(), &OpenOptions::default()).map(|set| set.info().clone()).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?} for {error}", began.elapsed());
    assert_eq!(error.exit_code(), 3, "{error}");
    assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    error.to_string()
}

/// Where the pages of the images begin.
fn pages(bytes: &[u8]) -> usize {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    reader.metadata().row_group(0).column(0).byte_range().0 as usize
}

/// A number as Thrift writes it, in at least as many bytes as `width`.
fn in_bytes(number: i64, width: usize) -> Vec<u8> {
    let value = ((number << 1) ^ (number >> 63)) as u64;
    let needed = (64 - value.leading_zeros() as usize).div_ceil(7).max(1).max(width);
    let byte = |at: usize| (value >> (7 * at)) as u8 & 0x7f | if at + 1 < needed { 0x80 } else { 0 };
    (0..needed).map(byte).collect()
}

/// Reads a number as Thrift writes it, and gives where it ends.
fn number(bytes: &[u8], mut at: usize) -> (i64, usize) {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        value |= u64::from(bytes[at] & 0x7f) << shift;
        shift += 7;
        at += 1;
        if bytes[at - 1] < 0x80 {
            return (((value >> 1) as i64) ^ -((value & 1) as i64), at);
        }
    }
}

/// The file with the number of the `field`th field of its first page (type, unpacked size, packed size) replaced. Where it
/// takes more bytes than before, what follows is moved, which does not matter to a page that is refused.
fn with_claim(bytes: &[u8], field: usize, claim: i64) -> Vec<u8> {
    let mut at = pages(bytes);
    for _ in 0..field {
        // The header of a field, and its number.
        assert_eq!(bytes[at], 0x15);
        at = number(bytes, at + 1).1;
    }
    assert_eq!(bytes[at], 0x15);
    let end = number(bytes, at + 1).1;
    let mut changed = bytes[..=at].to_vec();
    changed.extend(in_bytes(claim, end - at - 1));
    changed.extend(&bytes[end..]);
    changed
}

#[test]
fn whole_files_of_every_packing_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let images: Vec<Vec<u8>> = (0..40).map(make::png).collect();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
        Compression::ZSTD(parquet::basic::ZstdLevel::default()),
        Compression::LZ4_RAW,
    ] {
        for dictionary in [false, true] {
            let path = folder.path().join("x.parquet");
            std::fs::write(&path, packed(&images, compression, dictionary)).unwrap();
            let set = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
            assert_eq!(set.info().len, Some(40), "{compression:?}");
            set.item(39).unwrap();
        }
    }
}

#[test]
fn headers_that_claim_much_are_refused_before_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let images: Vec<Vec<u8>> = (0..4).map(make::png).collect();
    let whole = packed(&images, Compression::SNAPPY, false);
    // The reader would fill two gigabytes with zeros before it saw that they are not there.
    let message = refusal(folder.path(), &with_claim(&whole, 1, i64::from(i32::MAX)));
    assert!(message.contains("a page claims 2147483647 bytes") && message.contains("200 times"), "{message}");
    let message = refusal(folder.path(), &with_claim(&whole, 2, i64::from(i32::MAX)));
    assert!(message.contains("a page of 2147483647 bytes reaches beyond its column"), "{message}");
    let message = refusal(folder.path(), &with_claim(&whole, 1, -5));
    assert!(message.contains("less than nothing"), "{message}");

    // A dictionary of more entries than bytes: 64 gigabytes, at which the process would end.
    let dictionary = packed(&images, Compression::SNAPPY, true);
    let mut at = pages(&dictionary);
    for _ in 0..3 {
        at = number(&dictionary, at + 1).1;
    }
    // The header of a dictionary is field 7, four after that of the packed size; its first field is the number of values.
    assert_eq!(dictionary[at..at + 2], [0x4c, 0x15]);
    let end = number(&dictionary, at + 2).1;
    let bytes = [&dictionary[..at + 2], &in_bytes(2_000_000_000, 5), &dictionary[end..]].concat();
    let message = refusal(folder.path(), &bytes);
    assert!(message.contains("a dictionary claims 2000000000 values"), "{message}");

    // Columns that lie in each other, which the reader goes down by calling itself until the stack ends.
    let mut deep = b"PAR1\x15\x02\x19\xfc".to_vec();
    let levels = 200_000_u64;
    let mut count = levels;
    while count >= 0x80 {
        deep.push(count as u8 | 0x80);
        count >>= 7;
    }
    deep.push(count as u8);
    // Field 4 is the name, field 5 the number of columns within: 1.
    (0..levels).for_each(|_| deep.extend(b"\x48\x01a\x15\x02\x00"));
    deep.extend(b"\x16\x00\x19\x0c\x00");
    let length = deep.len() as u32 - 4;
    deep.extend(length.to_le_bytes());
    deep.extend(b"PAR1");
    let message = refusal(folder.path(), &deep);
    assert!(message.contains("over 32 deep"), "{message}");
}

#[test]
fn what_unpacks_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    // 80 MB of zeros in some kilobytes, as honest as a header can be.
    let zeros = vec![vec![0; 80 << 20]];
    let zstd = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    for compression in [zstd, Compression::SNAPPY] {
        let bytes = packed(&zeros, compression, false);
        let grows = bytes.len() < 1 << 20;
        let message = refusal(folder.path(), &bytes);
        assert_eq!(message.contains("200 times"), grows, "{compression:?} {}: {message}", bytes.len());
    }
    // Gzip, whose reader reads on whatever the header says.
    let bytes = packed(&[vec![0; 60 << 20]], Compression::GZIP(parquet::basic::GzipLevel::default()), false);
    let message = refusal(folder.path(), &with_claim(&bytes, 1, 5000));
    assert!(message.contains("a page unpacks to over the 5000 bytes it claims"), "{message}");
    // A million times the same image, by its number in a dictionary.
    let rows = packed(&vec![make::png(1); 2_000_000], zstd, true);
    assert!(rows.len() < 1 << 20);
    let message = refusal(folder.path(), &rows);
    assert!(message.contains("2000000 rows, which its length cannot hold"), "{message}");
}

#[test]
fn a_page_with_any_byte_changed_is_refused_or_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let images: Vec<Vec<u8>> = (0..3).map(make::png).collect();
    let mut refused = 0;
    for (compression, dictionary) in [(Compression::SNAPPY, true), (Compression::SNAPPY, false)] {
        let whole = packed(&images, compression, dictionary);
        let began = pages(&whole);
        for at in (began..began + 120).chain((began + 120..whole.len() - 8).step_by(13)) {
            let mut changed = whole.clone();
            changed[at] ^= 0x81;
            std::fs::write(&path, &changed).unwrap();
            match open(path.to_str().unwrap(), &OpenOptions::default()) {
                Ok(set) => drop((0..3).map(|at| set.item(at).is_ok()).collect::<Vec<_>>()),
                Err(error) => {
                    refused += 1;
                    assert!(error.exit_code() == 3 && error.to_string().contains("x.parquet"), "{error}");
                }
            }
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn frames_after_the_first_of_a_row_are_left_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut film = std::io::Cursor::new(Vec::new());
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut film);
    (0..3).for_each(|k| encoder.encode_frame(image::Frame::new(make::rgb(4, 4, k).to_rgba8())).unwrap());
    drop(encoder);
    let path = folder.path().join("x.parquet");
    std::fs::write(&path, packed(&[make::png(1), film.into_inner()], Compression::SNAPPY, false)).unwrap();
    let set = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
    let aside = set.left_aside().to_string();
    assert!(aside.contains("frames after the first") && aside.contains("row 1, 2 more"), "{aside}");
}
