//! The files that `torch.save` writes: a zip with `data.pkl` and one member for each storage, or, before version 1.6, pickles
//! followed by the storages.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use half::{bf16, f16};
use langevin_core::{Error, NamedTensors, Result};
use zip::ZipArchive;

use super::machine::{Id, Machine, Name, Number, Value};

/// The number that begins a checkpoint of before version 1.6, little-endian.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// What a zip begins with.
const ZIP: &[u8] = b"PK\x03\x04";
/// Dictionaries within dictionaries in which a state dict is looked for.
const WRAPPERS: [&str; 5] = ["state_dict", "model_state_dict", "model", "module", "params"];
/// Members a checkpoint may have.
const MOST_MEMBERS: usize = 1 << 20;

/// Whether `bytes` begin as a PyTorch checkpoint does: with a zip (since version 1.6), or with a pickle. Nine bytes are enough.
pub fn is_checkpoint(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP) && !has_brace(bytes) || is_pickle(bytes)
}

/// Whether `bytes` begin as a pickle does, with its protocol: 2, which `torch.save` writes, to 5. Protocols 0 and 1 have no mark.
pub fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..]) && !has_brace(bytes)
}

/// Whether the header of a safetensors file stands behind its length, which may read as either mark.
fn has_brace(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

/// Whether the file `path` is a PyTorch checkpoint: a pickle, or a zip that holds one.
pub fn is_checkpoint_file(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    let mut head = Vec::new();
    if file.by_ref().take(16).read_to_end(&mut head).is_err() || !is_checkpoint(&head) {
        return false;
    }
    // The length of a safetensors header may read as a pickle does; its brace tells.
    if !head.starts_with(b"PK") {
        return head.get(8) != Some(&b'{');
    }
    let archive = ZipArchive::new(BufReader::new(file));
    archive.is_ok_and(|archive| archive.file_names().any(|name| name.ends_with("data.pkl")))
}

/// The tensors of a checkpoint that are `wanted` by their name; integers become floats.
///
/// # Errors
/// Bad input: not a checkpoint, cut short, not a state dict, or a pickle that asks for anything but tensors (naming it).
pub fn read_where(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<NamedTensors> {
    if bytes.starts_with(ZIP) {
        return read_zip(bytes, wanted);
    }
    if !is_checkpoint(bytes) {
        return Err(Error::bad_input("not a PyTorch checkpoint").hint("give the file that torch.save wrote"));
    }
    read_legacy(bytes, wanted)
}

fn read_zip(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<NamedTensors> {
    let broken = |error: &dyn std::fmt::Display| {
        Error::bad_input(format!("not a whole zip: {error}")).hint("copy the file again")
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.len() > MOST_MEMBERS {
        return Err(Error::bad_input("has more members than any checkpoint"));
    }
    let mut root = None;
    let mut places = BTreeMap::new();
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(|error| broken(&error))?;
        let name = member.name().to_owned();
        if let Some(prefix) = name.strip_suffix("data.pkl") {
            root = Some(prefix.to_owned());
        }
        places.insert(name, index);
    }
    let root =
        root.ok_or_else(|| Error::bad_input("a zip without a data.pkl, so not a PyTorch checkpoint"))?;
    if let Some(order) = member(bytes, &mut archive, &places, &format!("{root}byteorder"))?
        && order.trim_ascii() != b"little"
    {
        return Err(Error::bad_input("its numbers are big-endian").hint("save it on a little-endian machine"));
    }
    let pickle =
        member(bytes, &mut archive, &places, &format!("{root}data.pkl"))?.ok_or_else(missing_pickle)?;
    let mut machine = Machine::new(pickle);
    let top = machine.load()?;
    collect(&machine, top, bytes.len(), wanted, |key| {
        member(bytes, &mut archive, &places, &format!("{root}data/{key}"))?.ok_or_else(|| {
            Error::bad_input(format!("the member data/{key}, which a tensor needs, is missing"))
        })
    })
}

fn missing_pickle() -> Error {
    Error::bad_input("its data.pkl is missing")
}

/// The bytes of a member, which lie in the file as they are: `torch.save` never compresses.
fn member<'a>(
    bytes: &'a [u8],
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    places: &BTreeMap<String, usize>,
    name: &str,
) -> Result<Option<&'a [u8]>> {
    let Some(index) = places.get(name) else { return Ok(None) };
    let file = archive
        .by_index_raw(*index)
        .map_err(|error| Error::bad_input(format!("the member {name} cannot be read: {error}")))?;
    if file.compression() != zip::CompressionMethod::Stored || file.encrypted() {
        return Err(Error::bad_input(format!("the member {name} is compressed"))
            .hint("unpack the zip and pack it again without compression, as torch.save does"));
    }
    let found = file.data_start().and_then(|start| {
        let start = usize::try_from(start).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(file.size()).ok()?)?)
    });
    found.map(Some).ok_or_else(|| Error::bad_input(format!("the member {name} is cut short")))
}

fn read_legacy(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<NamedTensors> {
    let mut machine = Machine::new(bytes);
    let magic = machine.load()?;
    if machine.values[magic] != Value::Long(LEGACY_MAGIC.to_vec()) {
        return Err(Error::bad_input("a pickle, but not a PyTorch checkpoint"));
    }
    // The protocol's number and notes on the machine that wrote it.
    machine.load()?;
    machine.load()?;
    let top = machine.load()?;
    let keys = machine.load()?;
    let Value::List(keys) = machine.values[keys].clone() else {
        return Err(Error::bad_input("its list of storages is none"));
    };
    let widths = widths(&machine)?;
    let mut rest = machine.rest();
    let mut storages = BTreeMap::new();
    for key in keys {
        let Value::Text(key) = &machine.values[key] else {
            return Err(Error::bad_input("its list of storages holds what is no name"));
        };
        let width =
            *widths.get(key).ok_or_else(|| Error::bad_input(format!("no tensor uses its storage {key}")))?;
        let cut = || Error::bad_input(format!("cut short in storage {key}")).hint("copy the file again");
        let (count, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let length = usize::try_from(i64::from_le_bytes(*count)).ok().and_then(|n| n.checked_mul(width));
        let (data, after) = after.split_at_checked(length.ok_or_else(cut)?).ok_or_else(cut)?;
        storages.insert(key.clone(), data);
        rest = after;
    }
    collect(&machine, top, bytes.len(), wanted, |key| {
        let missing = || Error::bad_input(format!("the storage {key}, which a tensor needs, is missing"));
        storages.get(key).copied().ok_or_else(missing)
    })
}

/// The width of the numbers of every storage the pickle speaks of.
fn widths(machine: &Machine<'_>) -> Result<BTreeMap<String, usize>> {
    let persistent = machine.values.iter().filter_map(|value| match value {
        Value::Persistent(id) => Some(*id),
        _ => None,
    });
    persistent.map(|id| storage(machine, id).map(|(key, number)| (key.to_owned(), number.width()))).collect()
}

/// The tensors of the state dict within `top`.
fn collect<'a>(
    machine: &Machine<'_>,
    top: Id,
    file: usize,
    wanted: impl Fn(&str) -> bool,
    mut find: impl FnMut(&str) -> Result<&'a [u8]>,
) -> Result<NamedTensors> {
    let entries = state_dict(machine, top)?;
    // Tensors may share a storage, and a few do; more than this is a trick to fill the memory.
    let mut budget = 4 * file;
    let mut tensors = NamedTensors::new();
    for (key, value) in entries {
        let (Value::Text(name), Value::Tensor(from, offset, shape, strides)) =
            (&machine.values[key], &machine.values[value])
        else {
            continue;
        };
        if !wanted(name) {
            continue;
        }
        let within = |error: Error| error.within(format!("tensor {name}"));
        let Value::Persistent(id) = machine.values[*from] else {
            return Err(within(Error::bad_input("has no storage")));
        };
        let (place, number) = storage(machine, id).map_err(within)?;
        let data = find(place).map_err(within)?;
        let shape = sizes(machine, *shape).map_err(within)?;
        let strides = sizes(machine, *strides).map_err(within)?;
        let offset = size(machine, *offset).map_err(within)?;
        let bytes = shape.iter().try_fold(number.width(), |product, side| product.checked_mul(*side));
        budget = bytes.and_then(|bytes| budget.checked_sub(bytes)).ok_or_else(|| {
            within(Error::bad_input(format!("claims the shape {shape:?}, which the file cannot hold")))
        })?;
        let values = gather(data, number, offset, &shape, &strides).map_err(within)?;
        tensors.insert(name.clone(), (shape, values.into()));
    }
    Ok(tensors)
}

/// The entries of the dictionary of tensors: `top`, or what lies in it under one of the usual names.
fn state_dict(machine: &Machine<'_>, mut top: Id) -> Result<Vec<(Id, Id)>> {
    for _ in 0..4 {
        let Value::Dict(entries) = &machine.values[top] else { break };
        if entries.iter().any(|(_, value)| matches!(machine.values[*value], Value::Tensor(..))) {
            return Ok(entries.clone());
        }
        let inner = WRAPPERS.iter().find_map(|wrapper| {
            let found = entries.iter().find(|(key, value)| {
                matches!(&machine.values[*key], Value::Text(text) if text == wrapper)
                    && matches!(machine.values[*value], Value::Dict(_))
            });
            found.map(|(_, value)| *value)
        });
        match inner {
            Some(inner) => top = inner,
            None => break,
        }
    }
    Err(Error::bad_input("holds no dictionary of tensors (a state_dict)"))
}

/// The key and number type of the storage a persistent id names: `("storage", type, key, location, count...)`.
fn storage<'m>(machine: &'m Machine<'_>, id: Id) -> Result<(&'m str, Number)> {
    let wrong = || Error::bad_input("refers to what is no storage");
    let Value::Tuple(parts) = &machine.values[id] else { return Err(wrong()) };
    let part = |at: usize| parts.get(at).map(|part| &machine.values[*part]);
    if let Some(Value::Tuple(_) | Value::List(_)) = part(5) {
        return Err(Error::bad_input("is a view into another storage").hint("save it with a newer PyTorch"));
    }
    match (part(0), part(1), part(2)) {
        (Some(Value::Text(kind)), Some(Value::Name(Name::Storage(number))), Some(Value::Text(key)))
            if kind == "storage" =>
        {
            Ok((key, *number))
        }
        _ => Err(wrong()),
    }
}

fn sizes(machine: &Machine<'_>, id: Id) -> Result<Vec<usize>> {
    match &machine.values[id] {
        Value::Tuple(items) | Value::List(items) if items.len() <= 16 => {
            items.iter().map(|item| size(machine, *item)).collect()
        }
        _ => Err(Error::bad_input("has no shape")),
    }
}

fn size(machine: &Machine<'_>, id: Id) -> Result<usize> {
    match machine.values[id] {
        Value::Int(value) => usize::try_from(value).map_err(|_| Error::bad_input("has a negative size")),
        _ => Err(Error::bad_input("has a size that is no number")),
    }
}

/// The numbers of a strided view into `data`, in row-major order.
fn gather(
    data: &[u8],
    number: Number,
    offset: usize,
    shape: &[usize],
    strides: &[usize],
) -> Result<Vec<f32>> {
    let outside = || Error::bad_input("reaches beyond its storage");
    if shape.len() != strides.len() {
        return Err(Error::bad_input("has another number of strides than sides"));
    }
    let count = shape.iter().product::<usize>();
    if count == 0 {
        return Ok(Vec::new());
    }
    let reach = shape
        .iter()
        .zip(strides)
        .try_fold(offset, |last, (side, stride)| last.checked_add((side - 1).checked_mul(*stride)?));
    let width = number.width();
    if reach.is_none_or(|last| last >= data.len() / width) {
        return Err(outside());
    }
    let mut position = vec![0; shape.len()];
    let mut at = offset;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(convert(&data[at * width..(at + 1) * width], number));
        for axis in (0..shape.len()).rev() {
            position[axis] += 1;
            at += strides[axis];
            if position[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            position[axis] = 0;
        }
    }
    Ok(values)
}

fn convert(bytes: &[u8], number: Number) -> f32 {
    fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
        *bytes.first_chunk().expect("as many bytes as the number is wide")
    }
    match number {
        Number::F64 => f64::from_le_bytes(array(bytes)) as f32,
        Number::F32 => f32::from_le_bytes(array(bytes)),
        Number::F16 => f16::from_le_bytes(array(bytes)).to_f32(),
        Number::BF16 => bf16::from_le_bytes(array(bytes)).to_f32(),
        Number::I64 => i64::from_le_bytes(array(bytes)) as f32,
        Number::I32 => i32::from_le_bytes(array(bytes)) as f32,
        Number::I16 => f32::from(i16::from_le_bytes(array(bytes))),
        Number::I8 => f32::from(bytes[0] as i8),
        Number::U8 => f32::from(bytes[0]),
        Number::Bool => f32::from(u8::from(bytes[0] != 0)),
    }
}
