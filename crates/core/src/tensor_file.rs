//! Named tensors as bytes in the safetensors format, written so that equal contents give equal bytes.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek, SeekFrom};

use half::{bf16, f16};
use langevin_process::{Error, Result};
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};
use serde_json::json;

use crate::numbers::Numbers;

/// Named tensors on the host: path -> (shape, values in row-major order).
pub type NamedTensors = BTreeMap<String, (Vec<usize>, Numbers)>;

/// Longest header that is read, in bytes; the format's own bound.
const LARGEST_HEADER: u64 = 100_000_000;

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// 32-bit floats, exact.
    #[default]
    F32,
    /// 16-bit floats, half the size, rounded to 11 significant bits.
    F16,
}

/// The bytes of a safetensors file holding `tensors` and `metadata`, both in the order of their names.
pub fn encode(tensors: &NamedTensors, metadata: &BTreeMap<String, String>, storage: Storage) -> Vec<u8> {
    let (name, width) = match storage {
        Storage::F32 => ("F32", 4),
        Storage::F16 => ("F16", 2),
    };
    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".to_owned(), json!(metadata));
    }
    let mut end = 0;
    for (path, (shape, values)) in tensors {
        let start = end;
        end += values.len() * width;
        header.insert(path.clone(), json!({"dtype": name, "shape": shape, "data_offsets": [start, end]}));
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for (_, values) in tensors.values() {
        match storage {
            Storage::F32 => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            Storage::F16 => bytes.extend(values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes())),
        }
    }
    bytes
}

/// The safetensors file `bytes` with its metadata replaced; its tensors stay as they are, byte for byte.
///
/// # Errors
/// Bad input: not a safetensors file.
pub fn with_metadata(bytes: &[u8], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    SafeTensors::deserialize(bytes).map_err(|error| not_one(&error))?;
    // What was read above is whole, so the header is where its length says.
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| not_one(&"it has no header"))?;
    let length = u64::from_le_bytes(*length) as usize;
    let (header, data) = rest.split_at_checked(length).ok_or_else(|| not_one(&"it has no header"))?;
    let mut header: serde_json::Value = serde_json::from_slice(header).map_err(|error| not_one(&error))?;
    header["__metadata__"] = json!(metadata);
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut changed = Vec::with_capacity(8 + header.len() + data.len());
    changed.extend((header.len() as u64).to_le_bytes());
    changed.extend(header);
    changed.extend(data);
    Ok(changed)
}

/// The metadata of a safetensors file, of which no more than the header is read, whatever follows it.
///
/// # Errors
/// Bad input: the file cannot be read, or does not begin with such a header.
pub fn metadata_of(file: &mut impl Read) -> Result<BTreeMap<String, String>> {
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| not_one(&"it has no header"))?;
    let length = u64::from_le_bytes(length);
    if length > LARGEST_HEADER {
        return Err(not_one(&"its header is longer than any"));
    }
    let header = std::io::BufReader::new(file.take(length));
    let header: serde_json::Value = serde_json::from_reader(header).map_err(|error| not_one(&error))?;
    let entries = header.get("__metadata__").and_then(serde_json::Value::as_object).into_iter().flatten();
    Ok(entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

/// The tensors and metadata of a safetensors file; f16, bf16 and f64 numbers become f32.
///
/// # Errors
/// Bad input: not a safetensors file, a header that does not fit the data, a number type that is not a float, but for an alpha.
pub fn decode(bytes: &[u8]) -> Result<(NamedTensors, BTreeMap<String, String>)> {
    decode_where(bytes, |_| true)
}

/// As [`decode`], for the tensors that are `wanted` by their name alone; the others may hold anything.
///
/// # Errors
/// As [`decode`].
pub fn decode_where(
    bytes: &[u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<(NamedTensors, BTreeMap<String, String>)> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| not_one(&error))?;
    let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
    let file = SafeTensors::deserialize(bytes).map_err(|error| not_one(&error))?;
    let mut tensors = NamedTensors::new();
    for (path, view) in file.tensors().into_iter().filter(|(path, _)| wanted(path)) {
        let values = numbers(&path, view.dtype(), view.data())?;
        tensors.insert(path, (view.shape().to_vec(), values));
    }
    Ok((tensors, metadata))
}

/// As [`decode_where`], from a file rather than from its bytes: one tensor after another, so that no more is held than the numbers
/// and the bytes of one, and what is not wanted is not read.
///
/// # Errors
/// As [`decode`], and where the file cannot be read.
pub fn read_where(
    file: &mut (impl Read + Seek),
    wanted: impl Fn(&str) -> bool,
) -> Result<(NamedTensors, BTreeMap<String, String>)> {
    let header = Header::read(file)?;
    let mut bytes = Vec::new();
    header.tensors(wanted, |name, info| {
        let (from, to) = info.data_offsets;
        bytes.resize(to - from, 0);
        file.seek(SeekFrom::Start(header.data + from as u64)).map_err(|error| not_one(&error))?;
        file.read_exact(&mut bytes).map_err(|error| not_one(&error))?;
        numbers(name, info.dtype, &bytes)
    })
}

/// As [`decode_where`], with the numbers that are f32 left where they lie in `bytes`, a mapped file's perhaps.
///
/// # Errors
/// As [`decode`].
pub fn share_where(
    bytes: &bytes::Bytes,
    wanted: impl Fn(&str) -> bool,
) -> Result<(NamedTensors, BTreeMap<String, String>)> {
    let header = Header::read(&mut Cursor::new(bytes))?;
    header.tensors(wanted, |name, info| {
        let (from, to) = info.data_offsets;
        let data = bytes.slice(header.data as usize + from..header.data as usize + to);
        let shared = (info.dtype == Dtype::F32).then(|| Numbers::shared(data.clone())).flatten();
        shared.map_or_else(|| numbers(name, info.dtype, &data), Ok)
    })
}

/// The beginning of a safetensors file, whose places have been seen to fit their shapes and the file's length.
struct Header {
    tensors: Metadata,
    /// Their names, in the order of their places.
    order: Vec<String>,
    /// Where the numbers begin.
    data: u64,
}

impl Header {
    fn read(file: &mut (impl Read + Seek)) -> Result<Self> {
        let length = file.seek(SeekFrom::End(0)).map_err(|error| not_one(&error))?;
        file.rewind().map_err(|error| not_one(&error))?;
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes).map_err(|_| not_one(&"it has no header"))?;
        let header = u64::from_le_bytes(bytes);
        let data = header.checked_add(8).filter(|data| *data <= length && header <= LARGEST_HEADER);
        let data = data.ok_or_else(|| not_one(&"its header is longer than the file"))?;
        let mut bytes = vec![0; header as usize];
        file.read_exact(&mut bytes).map_err(|error| not_one(&error))?;
        let tensors: Metadata = serde_json::from_slice(&bytes).map_err(|error| not_one(&error))?;
        let order = tensors.offset_keys();
        let mut end = 0;
        for name in &order {
            let info = tensors.info(name).expect("a name of the header");
            let count = info.shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
            let bits = count.and_then(|count| count.checked_mul(info.dtype.bitsize()));
            let (from, to) = info.data_offsets;
            if from != end || bits.is_none_or(|bits| bits % 8 != 0 || from.checked_add(bits / 8) != Some(to))
            {
                return Err(not_one(&format_args!("the place of {name} does not fit its shape")));
            }
            end = to;
        }
        if data.checked_add(end as u64) != Some(length) {
            let have = length - data;
            return Err(not_one(&format_args!(
                "it has {have} bytes of numbers, where its header says {end}"
            )));
        }
        Ok(Self { tensors, order, data })
    }

    /// The tensors that are `wanted`, in the order of their places, and the metadata.
    fn tensors(
        &self,
        wanted: impl Fn(&str) -> bool,
        mut numbers: impl FnMut(&str, &TensorInfo) -> Result<Numbers>,
    ) -> Result<(NamedTensors, BTreeMap<String, String>)> {
        let mut tensors = NamedTensors::new();
        for name in self.order.iter().filter(|name| wanted(name)) {
            let info = self.tensors.info(name).expect("a name of the header");
            let values = numbers(name, info)?;
            tensors.insert(name.clone(), (info.shape.clone(), values));
        }
        Ok((tensors, self.tensors.metadata().clone().unwrap_or_default().into_iter().collect()))
    }
}

/// The error for bytes that stand for a file, and are not it: a pointer of git-lfs, or the page of a web site that was saved in its
/// place.
pub fn placeholder(bytes: &[u8]) -> Option<Error> {
    let head = bytes[..bytes.len().min(64)].trim_ascii_start().to_ascii_lowercase();
    if head.starts_with(b"version https://git-lfs") {
        let error = Error::bad_input("a git-lfs pointer, which stands for the file and is not it");
        return Some(error.hint("fetch the file itself: `git lfs pull` in its folder, or download it anew"));
    }
    let page = [&b"<!doctype html"[..], b"<html"].iter().any(|tag| head.starts_with(tag));
    page.then(|| {
        Error::bad_input("a web page, saved in the place of the file")
            .hint("download the file itself; the site may ask to sign in, or to accept terms")
    })
}

fn not_one(what: &dyn std::fmt::Display) -> Error {
    Error::bad_input(format!("not a whole safetensors file: {what}"))
        .hint("the file may be cut short or damaged; copy or train it again")
}

/// The numbers of the tensor `name`.
fn numbers(name: &str, dtype: Dtype, data: &[u8]) -> Result<Numbers> {
    Ok(match dtype {
        Dtype::F32 => words(data, f32::from_le_bytes),
        Dtype::F16 => words(data, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => words(data, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => words(data, |b| f64::from_le_bytes(b) as f32),
        // That of a LoRA is a whole number in some files, and no weight.
        other if name.ends_with("alpha") => whole(other, data).ok_or_else(|| no_float(name, other))?,
        other => return Err(no_float(name, other)),
    })
}

fn no_float(name: &str, dtype: Dtype) -> Error {
    Error::bad_input(format!("tensor {name} holds {dtype:?} numbers"))
        .hint("weights must be floats: f32, f16, bf16 or f64")
}

/// Whole numbers.
fn whole(dtype: Dtype, data: &[u8]) -> Option<Numbers> {
    Some(match dtype {
        Dtype::I64 => words(data, |b| i64::from_le_bytes(b) as f32),
        Dtype::I32 => words(data, |b| i32::from_le_bytes(b) as f32),
        Dtype::I16 => words(data, |b| f32::from(i16::from_le_bytes(b))),
        Dtype::I8 => words(data, |b| f32::from(i8::from_le_bytes(b))),
        Dtype::U64 => words(data, |b| u64::from_le_bytes(b) as f32),
        Dtype::U32 => words(data, |b| u32::from_le_bytes(b) as f32),
        Dtype::U16 => words(data, |b| f32::from(u16::from_le_bytes(b))),
        Dtype::U8 => words(data, |[b]| f32::from(b)),
        _ => return None,
    })
}

fn words<const N: usize>(bytes: &[u8], to: impl Fn([u8; N]) -> f32) -> Numbers {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().map(|word| to(*word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (NamedTensors, BTreeMap<String, String>) {
        let tensors = NamedTensors::from([
            ("b.weight".to_owned(), (vec![2, 2], vec![1.0, -2.5, 0.125, 3e-3].into())),
            ("a".to_owned(), (vec![3], vec![f32::MIN_POSITIVE, 0.0, -0.0].into())),
        ]);
        (
            tensors,
            BTreeMap::from([("z".to_owned(), "{\"x\":1}".to_owned()), ("a".to_owned(), "é\n".to_owned())]),
        )
    }

    #[test]
    fn what_was_written_is_read_and_equal_contents_give_equal_bytes() {
        let (tensors, metadata) = sample();
        let bytes = encode(&tensors, &metadata, Storage::F32);
        assert_eq!(decode(&bytes).unwrap(), (tensors.clone(), metadata.clone()));
        assert_eq!(
            read_where(&mut Cursor::new(&bytes), |_| true).unwrap(),
            (tensors.clone(), metadata.clone())
        );
        let shared = bytes::Bytes::from(bytes.clone());
        assert_eq!(share_where(&shared, |_| true).unwrap(), (tensors.clone(), metadata.clone()));
        let (some, _) = read_where(&mut Cursor::new(&bytes), |name| name == "a").unwrap();
        assert_eq!(some.into_iter().collect::<Vec<_>>(), [("a".to_owned(), tensors["a"].clone())]);
        assert_eq!(bytes, encode(&tensors, &metadata, Storage::F32));
        let (half, _) = decode(&encode(&tensors, &metadata, Storage::F16)).unwrap();
        assert!(
            half["b.weight"]
                .1
                .iter()
                .zip(&tensors["b.weight"].1)
                .all(|(a, b)| (a - b).abs() <= b.abs() / 1024.0)
        );
    }

    #[test]
    fn metadata_can_be_replaced_under_the_same_tensors() {
        let (tensors, metadata) = sample();
        for storage in [Storage::F32, Storage::F16] {
            let bytes = encode(&tensors, &metadata, storage);
            let other = BTreeMap::from([("k".to_owned(), "a longer value than before".repeat(9))]);
            let changed = with_metadata(&bytes, &other).unwrap();
            assert_eq!(decode(&changed).unwrap(), (decode(&bytes).unwrap().0, other));
            assert_eq!(with_metadata(&changed, &metadata).unwrap(), bytes);
            assert_eq!(with_metadata(&bytes[..bytes.len() - 1], &metadata).unwrap_err().exit_code(), 3);
        }
    }

    #[test]
    fn every_truncation_and_every_flipped_header_byte_is_an_error_or_harmless() {
        let (tensors, metadata) = sample();
        let bytes = encode(&tensors, &metadata, Storage::F32);
        let read = |bytes: &[u8]| read_where(&mut Cursor::new(bytes), |_| true);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "cut at {length}");
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                assert_eq!(decode(&damaged).is_ok(), read(&damaged).is_ok(), "byte {at}");
            }
        }
    }

    #[test]
    fn lying_headers_are_refused() {
        let lie = |header: &str, data: usize| {
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.resize(bytes.len() + data, 0);
            read_where(&mut Cursor::new(&bytes), |_| true).unwrap_err();
            decode(&bytes).unwrap_err().to_string()
        };
        lie(r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, 4);
        lie(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 8);
        lie(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8);
        lie(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 400);
        let whole = r#"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
        assert!(lie(whole, 8).contains("I64"));
        let bytes = [&(whole.len() as u64).to_le_bytes()[..], whole.as_bytes(), &[0; 8]].concat();
        assert!(decode_where(&bytes, |name| name != "a").unwrap().0.is_empty());
        assert!(decode(&u64::MAX.to_le_bytes()).is_err());
    }
}
