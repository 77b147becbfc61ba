//! Parquet as Hugging Face writes it: a column `image` or `img`, struct of `bytes` and `path` (or plain bytes), perhaps
//! a column of integer labels, whose names stand in the `huggingface` metadata, and one of captions.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::basic::Type as Physical;
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use ::parquet::schema::types::SchemaDescriptor;
use serde_json::Value;

use super::tree::survey;
use crate::dataset::past_end;
use crate::split::Split;
use crate::{DataInfo, Dataset, Error, Item, Result, Size, images};

/// Most bytes of encoded images kept in memory.
const MAX_BYTES: u64 = 16 << 30;
/// Most rows in one file.
const MAX_ROWS: i64 = 1 << 31;
/// Rows read at a time.
const CHUNK: usize = 4096;
const IMAGES: &[&str] = &["image", "img", "picture", "pixels", "jpg", "png", "webp"];
const LABELS: &[&str] = &["label", "labels", "fine_label", "class", "cls"];
const TEXTS: &[&str] = &["text", "caption", "prompt", "txt"];

/// The rows of one or several parquet files, their images still encoded, in memory.
#[derive(Debug)]
struct Rows {
    info: DataInfo,
    images: Vec<Option<ByteArray>>,
    labels: Vec<Option<i64>>,
    texts: Vec<Option<ByteArray>>,
    encoded_bytes: u64,
}

/// The parquet files among `files` that belong to `split`.
pub(crate) fn open(root: &Path, files: &[PathBuf], split: Split) -> Result<Arc<dyn Dataset>> {
    let name = root.to_string_lossy().trim_end_matches('/').to_owned();
    let part = |path: &PathBuf| part_of(root, path);
    let any_named = files.iter().any(|path| part(path).is_some());
    let wanted = |path: &&PathBuf| {
        files.len() == 1 || split.takes(part(path)) || (!any_named && split == Split::Train)
    };
    let chosen: Vec<&PathBuf> = files.iter().filter(wanted).collect();
    if chosen.is_empty() {
        return Err(Error::bad_input(format!("{name}: it has no {} part", split.name())));
    }
    let mut rows = Rows {
        info: DataInfo {
            name,
            kind: "parquet",
            len: Some(0),
            channels: 3,
            classes: Vec::new(),
            size: Size::default(),
            captions: false,
        },
        images: Vec::new(),
        labels: Vec::new(),
        texts: Vec::new(),
        encoded_bytes: 0,
    };
    for path in chosen {
        let broken = |what: String| Error::bad_input(format!("{}: {what}", path.display()));
        // The reader is written to return errors; one that slips through as a panic is still only a bad file.
        match catch_unwind(AssertUnwindSafe(|| rows.read(path))) {
            Ok(result) => result.map_err(broken)?,
            Err(_) => return Err(broken("broken parquet: the reader failed on it".into())),
        }
    }
    if rows.images.is_empty() {
        return Err(Error::bad_input(format!("{}: there is no row in it", rows.info.name)));
    }
    let most = rows.labels.iter().flatten().copied().max();
    if let Some(most) = most.filter(|most| rows.info.classes.len() as i64 <= *most) {
        if most > 100_000 {
            return Err(Error::bad_input(format!("{}: label {most} is over 100000", rows.info.name)));
        }
        rows.info.classes = (0..=most).map(|k| k.to_string()).collect();
    }
    rows.info.len = Some(rows.images.len() as u64);
    rows.info.captions = rows.texts.iter().any(Option::is_some);
    (rows.info.channels, rows.info.size) = survey(&rows)?;
    Ok(Arc::new(rows))
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
        let label = self.labels.get(at).copied().flatten().and_then(|label| u32::try_from(label).ok());
        let text = self.texts.get(at).and_then(Option::as_ref);
        let caption = text.map(|text| String::from_utf8_lossy(text.data()).trim().to_owned());
        Ok(Item { image, label, caption: caption.filter(|text| !text.is_empty()), name })
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

impl Rows {
    fn read(&mut self, path: &Path) -> Result<(), String> {
        let explain = |e: ::parquet::errors::ParquetError| format!("broken parquet: {e}");
        let file = File::open(path).map_err(|e| e.to_string())?;
        let reader = SerializedFileReader::new(file).map_err(explain)?;
        let metadata = reader.metadata().file_metadata();
        let schema = metadata.schema_descr();
        let image = find(schema, IMAGES, Some("bytes"), |kind| kind == Physical::BYTE_ARRAY);
        let image = image.or_else(|| find(schema, IMAGES, None, |kind| kind == Physical::BYTE_ARRAY));
        let image = image.ok_or_else(|| {
            let names: Vec<_> = schema.root_schema().get_fields().iter().map(|f| f.name()).collect();
            format!("no column of images (image or img) among: {}", names.join(", "))
        })?;
        let label = find(schema, LABELS, None, |kind| matches!(kind, Physical::INT32 | Physical::INT64));
        let text = find(schema, TEXTS, None, |kind| kind == Physical::BYTE_ARRAY);
        if self.info.classes.is_empty()
            && let Some(label) = label
        {
            let column = schema.column(label).path().parts()[0].clone();
            let info =
                metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "huggingface");
            let json = info.and_then(|pair| pair.value.as_deref());
            self.info.classes = json.map(|json| class_names(json, &column)).unwrap_or_default();
        }
        let before = self.images.len();
        for k in 0..reader.num_row_groups() {
            let group = reader.get_row_group(k).map_err(explain)?;
            let rows = group.metadata().num_rows();
            if !(0..=MAX_ROWS).contains(&rows) {
                return Err(format!("broken parquet: {rows} rows in a group"));
            }
            let rows = rows as usize;
            let images: Vec<Option<ByteArray>> = bytes(group.as_ref(), image, rows)?;
            self.encoded_bytes += images.iter().flatten().map(|image| image.len() as u64).sum::<u64>();
            if self.encoded_bytes > MAX_BYTES {
                return Err("over 16 GiB of images; unpack it into a folder".into());
            }
            self.images.extend(images);
            if let Some(label) = label {
                self.labels.resize(self.images.len() - rows, None);
                self.labels.extend(integers(group.as_ref(), label, rows)?);
            }
            if let Some(text) = text {
                self.texts.resize(self.images.len() - rows, None);
                self.texts.extend(bytes(group.as_ref(), text, rows)?);
            }
        }
        let read = (self.images.len() - before) as i64;
        match metadata.num_rows() {
            n if n == read => Ok(()),
            n => Err(format!("broken parquet: it holds {read} rows and claims {n}")),
        }
    }
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

fn bytes(group: &dyn RowGroupReader, column: usize, rows: usize) -> Result<Vec<Option<ByteArray>>, String> {
    match group.get_column_reader(column).map_err(|e| format!("broken parquet: {e}"))? {
        ColumnReader::ByteArrayColumnReader(reader) => values(reader, group, column, rows),
        _ => Err("broken parquet: a column has another type than the schema says".into()),
    }
}

fn integers(group: &dyn RowGroupReader, column: usize, rows: usize) -> Result<Vec<Option<i64>>, String> {
    match group.get_column_reader(column).map_err(|e| format!("broken parquet: {e}"))? {
        ColumnReader::Int64ColumnReader(reader) => values(reader, group, column, rows),
        ColumnReader::Int32ColumnReader(reader) => {
            let narrow = values(reader, group, column, rows)?;
            Ok(narrow.into_iter().map(|value| value.map(i64::from)).collect())
        }
        _ => Err("broken parquet: a column has another type than the schema says".into()),
    }
}

/// All values of a flat column, `None` where it is null at any level.
fn values<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
) -> Result<Vec<Option<T::T>>, String> {
    let present = group.metadata().column(column).column_descr().max_def_level();
    let mut all = Vec::new();
    while all.len() < rows {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let least = CHUNK.min(rows - all.len());
        let (read, _, _) = reader
            .read_records(least, Some(&mut levels), None, &mut values)
            .map_err(|e| format!("broken parquet: {e}"))?;
        if read == 0 {
            return Err(format!("broken parquet: a column holds {} of {rows} rows", all.len()));
        }
        let mut values = values.into_iter();
        if present == 0 {
            all.extend(values.map(Some));
        } else {
            all.extend(levels.iter().map(|level| if *level == present { values.next() } else { None }));
        }
    }
    if all.len() == rows { Ok(all) } else { Err("broken parquet: a column holds too many rows".into()) }
}

/// The names of the classes of `column`, from the JSON that `datasets` stores.
fn class_names(json: &str, column: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let names = &value["info"]["features"][column]["names"];
    let texts = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
