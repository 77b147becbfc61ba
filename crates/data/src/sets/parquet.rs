//! Parquet as Hugging Face writes it: a column `image` or `img`, struct of `bytes` and `path` (or plain bytes), perhaps
//! a column of labels, whose names stand in the `huggingface` metadata or which are names themselves, and one of captions,
//! or of lists of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::basic::Type as Physical;
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use ::parquet::schema::types::SchemaDescriptor;
use langevin_core::{LeftAside, Stop};
use langevin_files::text;
use serde_json::Value;

use super::labels::{MOST_CLASSES, named};
use super::metadata::MORE;
use super::metadata::{LONG, MAX_CAPTION};
use super::parquet_claims::Claims;
use super::survey::survey;
use crate::dataset::{identity, past_end};
use crate::guarded::guarded;
use crate::split::{OPENING, Split, Wanted};
use crate::{DataInfo, Dataset, Error, Item, Result, Size, images};

/// Most bytes of encoded images kept in memory.
const MAX_BYTES: u64 = 16 << 30;
/// Most rows in one file.
const MAX_ROWS: i64 = 1 << 31;
/// Rows read at a time.
const CHUNK: usize = 4096;
const IMAGES: &[&str] = &["image", "img", "picture", "pixels", "jpg", "png", "webp"];
const LABELS: &[&str] = &["label", "labels", "fine_label", "class", "cls"];
const TEXTS: &[&str] = &["text", "caption", "prompt", "txt", "captions", "texts"];

/// The rows of one or several parquet files, their images still encoded, in memory.
#[derive(Debug)]
struct Rows {
    info: DataInfo,
    images: Vec<Option<ByteArray>>,
    labels: Vec<Option<u32>>,
    texts: Vec<Option<String>>,
    encoded_bytes: u64,
}

/// What is read of the files before it is put in order.
#[derive(Default)]
struct Read {
    images: Vec<Option<ByteArray>>,
    numbers: Vec<Option<i64>>,
    names: Vec<Option<ByteArray>>,
    texts: Vec<Option<ByteArray>>,
    classes: Vec<String>,
    encoded_bytes: u64,
    /// Rows with captions beyond the first.
    more: u64,
}

/// How many rows the parquet file at `path` has; none where it holds no images. One that cannot be read has to be opened
/// to say why.
pub(crate) fn rows(path: &Path) -> Option<u64> {
    let look = || {
        Claims::of(path).ok()?;
        let (file, _) = langevin_files::open_ordinary(path).ok()?;
        let reader = SerializedFileReader::new(file).ok()?;
        let metadata = reader.metadata().file_metadata();
        Some((find_images(metadata.schema_descr()).is_some(), metadata.num_rows()))
    };
    match guarded(look).flatten() {
        Some((holds_images, rows)) => holds_images.then(|| u64::try_from(rows).unwrap_or(0)),
        None => Some(0),
    }
}

/// The parquet files among `files` that belong to the wanted part.
pub(crate) fn open(
    root: &Path,
    files: &[PathBuf],
    wanted: Wanted<'_>,
    mut aside: LeftAside,
) -> Result<Arc<dyn Dataset>> {
    let name = root.to_string_lossy().trim_end_matches('/').to_owned();
    let part = |path: &PathBuf| part_of(root, path);
    let any_named = files.iter().any(|path| part(path).is_some());
    let split = wanted.split;
    let is_wanted = |path: &&PathBuf| {
        files.len() == 1 || split.takes(part(path)) || (!any_named && split == Split::Train)
    };
    let (chosen, others): (Vec<&PathBuf>, Vec<&PathBuf>) = files.iter().partition(is_wanted);
    if chosen.is_empty() {
        return Err(Error::bad_input(format!("{name}: it has no {} part", split.name())));
    }
    wanted.leave(&mut aside, others.iter().map(|path| (part(path), rows(path).unwrap_or(0))));
    let mut read = Read::default();
    for path in chosen {
        let broken = |what: String| Error::bad_input(format!("{}: {what}", path.display()));
        // The reader is written to return errors; one that slips through as a panic is still only a bad file.
        let done = guarded(|| read.file(path, wanted.stop));
        wanted.check()?;
        match done {
            Some(result) => result.map_err(broken)?,
            None => return Err(broken("broken parquet: the reader failed on it".into())),
        }
    }
    if read.images.is_empty() {
        return Err(Error::bad_input(format!("{name}: there is no row in it")));
    }
    Ok(Arc::new(Rows::new(name, read, aside)?))
}

impl Rows {
    fn new(name: String, read: Read, mut aside: LeftAside) -> Result<Self> {
        let Read { images, numbers, names, texts, classes, encoded_bytes, more } = read;
        let (labels, classes) = match names.is_empty() {
            true => numbered(&name, &numbers, classes)?,
            false => {
                let names = names.into_iter().enumerate().map(|(row, bytes)| {
                    bytes.map(|bytes| text::decode(&format!("{name}#{row}"), bytes.data())).transpose()
                });
                named(&names.collect::<Result<Vec<_>>>()?)
            }
        };
        aside.add_all(MORE, more, []);
        let texts = texts.into_iter().enumerate().map(|(row, bytes)| {
            let bytes = bytes?;
            if bytes.len() as u64 > MAX_CAPTION {
                aside.add(LONG, format!("row {row}, {} bytes", bytes.len()));
                return None;
            }
            match text::decode(&format!("{name}#{row}"), bytes.data()) {
                Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
                Err(error) => {
                    aside.add("captions that cannot be read", error.to_string());
                    None
                }
            }
        });
        let texts: Vec<Option<String>> = texts.collect();
        let mut hasher = blake3::Hasher::new();
        for (row, image) in images.iter().enumerate() {
            let bytes = image.as_ref().map_or(&[][..], ByteArray::data);
            let later = images::later_frames(bytes);
            let named = (later > 0).then(|| format!("row {row}, {later} more"));
            aside.add_all(images::LATER_FRAMES, named.is_some().into(), named);
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(&bytes[..bytes.len().min(512)]);
            hasher.update(&labels.get(row).copied().flatten().map_or(u64::MAX, u64::from).to_le_bytes());
            hasher.update(texts.get(row).and_then(Option::as_ref).map_or("", String::as_str).as_bytes());
        }
        let info = DataInfo {
            name,
            kind: "parquet",
            len: Some(images.len() as u64),
            channels: 3,
            classes,
            size: Size::default(),
            captions: texts.iter().any(Option::is_some),
            identity: identity(&hasher),
            left_aside: aside,
        };
        let mut rows = Self { info, images, labels, texts, encoded_bytes };
        (rows.info.channels, rows.info.size) = survey(&rows)?;
        Ok(rows)
    }
}

/// Labels that are numbers, with the names of the classes.
fn numbered(
    name: &str,
    numbers: &[Option<i64>],
    mut classes: Vec<String>,
) -> Result<(Vec<Option<u32>>, Vec<String>)> {
    let most = numbers.iter().flatten().copied().max();
    if let Some(most) = most.filter(|most| classes.len() as i64 <= *most) {
        if most > i64::from(MOST_CLASSES) {
            return Err(Error::bad_input(format!("{name}: label {most} is over {MOST_CLASSES}")));
        }
        classes = (0..=most).map(|k| k.to_string()).collect();
    }
    let labels = numbers.iter().map(|label| label.and_then(|label| u32::try_from(label).ok())).collect();
    Ok((labels, classes))
}

impl Dataset for Rows {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let name = self.item_name(index);
        let bytes = self.images.get(at).ok_or_else(|| past_end(&self.info, index))?;
        let bytes =
            bytes.as_ref().ok_or_else(|| Error::bad_input(format!("{name}: the row holds no image")))?;
        let image = images::decode(bytes.data(), &name)?;
        let label = self.labels.get(at).copied().flatten();
        Ok(Item { image, label, caption: self.texts.get(at).cloned().flatten(), name })
    }

    fn encoded_bytes(&self) -> Option<u64> {
        Some(self.encoded_bytes)
    }
}

/// The split a file's name (`train-00000-of-00001.parquet`) or folder (`train/0000.parquet`) stands for.
fn part_of(root: &Path, path: &Path) -> Option<Split> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut parts = below.components().rev().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let file = parts.next()?;
    Split::in_name(&file).or_else(|| parts.find_map(|folder| Split::named(&folder)))
}

impl Read {
    fn file(&mut self, path: &Path, stop: &Stop) -> Result<(), String> {
        let explain = |e: ::parquet::errors::ParquetError| format!("broken parquet: {e}");
        let mut claims = Claims::of(path)?;
        let (file, _) = langevin_files::open_ordinary(path).map_err(|error| error.to_string())?;
        let reader = SerializedFileReader::new(file).map_err(explain)?;
        let metadata = reader.metadata().file_metadata();
        let schema = metadata.schema_descr();
        let image = find_images(schema).ok_or_else(|| {
            let names: Vec<_> = schema.root_schema().get_fields().iter().map(|f| f.name()).collect();
            format!("no column of images (image or img) among: {}", names.join(", "))
        })?;
        let label = find(schema, LABELS, None, |kind| matches!(kind, Physical::INT32 | Physical::INT64));
        let class =
            find(schema, LABELS, None, |kind| kind == Physical::BYTE_ARRAY).filter(|_| label.is_none());
        let text = find(schema, TEXTS, None, |kind| kind == Physical::BYTE_ARRAY);
        let text = text.or_else(|| find_list(schema, TEXTS));
        if self.classes.is_empty()
            && let Some(label) = label
        {
            let column = schema.column(label).path().parts()[0].clone();
            let info =
                metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "huggingface");
            let json = info.and_then(|pair| pair.value.as_deref());
            self.classes = json.map(|json| class_names(json, &column)).unwrap_or_default();
        }
        let claimed: i64 =
            reader.metadata().row_groups().iter().fold(0, |sum, group| sum.saturating_add(group.num_rows()));
        if u64::try_from(claimed).is_ok_and(|rows| rows > claims.most_rows()) {
            return Err(format!("broken parquet: it claims {claimed} rows, which its length cannot hold"));
        }
        let before = self.images.len();
        for k in 0..reader.num_row_groups() {
            stop.check(OPENING).map_err(|error| error.to_string())?;
            let group = reader.get_row_group(k).map_err(explain)?;
            let rows = group.metadata().num_rows();
            if !(0..=MAX_ROWS).contains(&rows) {
                return Err(format!("broken parquet: {rows} rows in a group"));
            }
            let rows = rows as usize;
            let images: Vec<Option<ByteArray>> = bytes(&mut claims, group.as_ref(), image, rows)?.0;
            self.encoded_bytes += images.iter().flatten().map(|image| image.len() as u64).sum::<u64>();
            if self.encoded_bytes > MAX_BYTES {
                return Err("over 16 GiB of images; unpack it into a folder".into());
            }
            self.images.extend(images);
            let before = self.images.len() - rows;
            if let Some(label) = label {
                self.numbers.resize(before, None);
                self.numbers.extend(integers(&mut claims, group.as_ref(), label, rows)?);
            }
            if let Some(class) = class {
                self.names.resize(before, None);
                self.names.extend(bytes(&mut claims, group.as_ref(), class, rows)?.0);
            }
            if let Some(text) = text {
                self.texts.resize(before, None);
                let (texts, more) = bytes(&mut claims, group.as_ref(), text, rows)?;
                self.texts.extend(texts);
                self.more += more;
            }
        }
        let read = (self.images.len() - before) as i64;
        match metadata.num_rows() {
            n if n == read => Ok(()),
            n => Err(format!("broken parquet: it holds {read} rows and claims {n}")),
        }
    }
}

/// The column of encoded images: one of their usual names, or any that has the parts of an image.
fn find_images(schema: &SchemaDescriptor) -> Option<usize> {
    let is_bytes = |kind| kind == Physical::BYTE_ARRAY;
    let of_image = |names: &[&str]| find(schema, names, Some("bytes"), is_bytes);
    let named = of_image(IMAGES).or_else(|| find(schema, IMAGES, None, is_bytes));
    named.or_else(|| {
        let fields = schema.root_schema().get_fields();
        fields.iter().find_map(|field| {
            let path = find(schema, &[field.name()], Some("path"), is_bytes);
            path.and_then(|_| of_image(&[field.name()]))
        })
    })
}

/// The column of lists of texts whose first part is one of `names`.
fn find_list(schema: &SchemaDescriptor, names: &[&str]) -> Option<usize> {
    let matches = |at: &usize, name: &str| {
        let column = schema.column(*at);
        column.path().parts()[0] == name
            && column.max_rep_level() == 1
            && column.physical_type() == Physical::BYTE_ARRAY
    };
    names.iter().find_map(|name| (0..schema.num_columns()).find(|at| matches(at, name)))
}

/// The flat column whose first part is one of `names`, in their order, and whose second part is `field`.
fn find(
    schema: &SchemaDescriptor,
    names: &[&str],
    field: Option<&str>,
    fits: impl Fn(Physical) -> bool,
) -> Option<usize> {
    let matches = |at: &usize, name: &str| {
        let column = schema.column(*at);
        let parts = column.path().parts();
        parts[0] == name
            && parts.get(1).map(String::as_str) == field
            && parts.len() <= 2
            && column.max_rep_level() == 0
            && fits(column.physical_type())
    };
    names.iter().find_map(|name| (0..schema.num_columns()).find(|at| matches(at, name)))
}

/// The first value of every row, and in how many rows there are more.
type Values<T> = (Vec<Option<T>>, u64);

/// The reader of a column that claims no more than its file may hold.
fn reader_of(
    claims: &mut Claims,
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
) -> Result<ColumnReader, String> {
    let metadata = group.metadata().column(column);
    // A list may have any number of values in a row.
    let lists = metadata.column_descr().max_rep_level() > 0;
    claims.check(metadata, if lists { claims.most_rows() } else { rows as u64 })?;
    group.get_column_reader(column).map_err(|e| format!("broken parquet: {e}"))
}

fn bytes(
    claims: &mut Claims,
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
) -> Result<Values<ByteArray>, String> {
    match reader_of(claims, group, column, rows)? {
        ColumnReader::ByteArrayColumnReader(reader) => values(reader, group, column, rows),
        _ => Err("broken parquet: a column has another type than the schema says".into()),
    }
}

fn integers(
    claims: &mut Claims,
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
) -> Result<Vec<Option<i64>>, String> {
    match reader_of(claims, group, column, rows)? {
        ColumnReader::Int64ColumnReader(reader) => Ok(values(reader, group, column, rows)?.0),
        ColumnReader::Int32ColumnReader(reader) => {
            let narrow = values(reader, group, column, rows)?.0;
            Ok(narrow.into_iter().map(|value| value.map(i64::from)).collect())
        }
        _ => Err("broken parquet: a column has another type than the schema says".into()),
    }
}

/// The values of a column that is flat or holds lists, `None` where a row has none at any level.
fn values<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
) -> Result<Values<T::T>, String> {
    let descriptor = group.metadata().column(column).column_descr();
    let present = descriptor.max_def_level();
    let lists = descriptor.max_rep_level() > 0;
    let (mut all, mut more, mut counted) = (Vec::new(), 0, 0);
    while all.len() < rows {
        let (mut values, mut levels, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        let least = CHUNK.min(rows - all.len());
        let (read, _, _) = reader
            .read_records(least, Some(&mut levels), lists.then_some(&mut repeated), &mut values)
            .map_err(|e| format!("broken parquet: {e}"))?;
        if read == 0 {
            return Err(format!("broken parquet: a column holds {} of {rows} rows", all.len()));
        }
        let mut values = values.into_iter();
        if present == 0 {
            all.extend(values.map(Some));
            continue;
        }
        for (k, level) in levels.iter().enumerate() {
            let value = if *level == present { values.next() } else { None };
            // A value that repeats belongs to the row before; of a row the first that is there counts.
            let row = all.len();
            match all.last_mut().filter(|_| repeated.get(k).is_some_and(|level| *level > 0)) {
                None => all.push(value),
                Some(first) if first.is_none() => *first = value,
                Some(_) if value.is_some() && counted < row => {
                    counted = row;
                    more += 1;
                }
                Some(_) => {}
            }
        }
    }
    if all.len() == rows {
        Ok((all, more))
    } else {
        Err("broken parquet: a column holds too many rows".into())
    }
}

/// The names of the classes of `column`, from the JSON that `datasets` stores.
fn class_names(json: &str, column: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let names = &value["info"]["features"][column]["names"];
    let texts = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
