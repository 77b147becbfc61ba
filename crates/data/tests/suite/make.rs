//! Makes images and files for the tests.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{DynamicImage, ImageFormat};

/// A small colour image that differs with `k`.
pub fn rgb(width: u32, height: u32, k: u8) -> DynamicImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 7) as u8 ^ k, (y * 11) as u8, ((x + y) * 5) as u8 ^ k.wrapping_mul(3)])
    })
    .into()
}

pub fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn png(k: u8) -> Vec<u8> {
    encode(&rgb(20, 16, k), ImageFormat::Png)
}

pub fn write(path: impl AsRef<Path>, bytes: &[u8]) {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub fn idx_images(n: u32, rows: u32, columns: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    [n, rows, columns].iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend((0..n * rows * columns).map(|k| (k * 31) as u8));
    bytes
}

pub fn idx_labels(n: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1];
    bytes.extend(n.to_be_bytes());
    bytes.extend((0..n).map(|k| (k % 3) as u8));
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn cifar(n: usize) -> Vec<u8> {
    (0..n)
        .flat_map(|k| std::iter::once((k % 10) as u8).chain((0..3072).map(move |p| (p * 7 + k) as u8)))
        .collect()
}

pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A tar; names are written as they are, which the library would refuse.
pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn tar_with_link(target: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "x.png", target).unwrap();
    builder.into_inner().unwrap()
}

/// A parquet of `n` rows as Hugging Face writes them: image struct, label, text, class names in the metadata.
pub fn parquet(n: usize, image: &[u8]) -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::{metadata::KeyValue, properties::WriterProperties, writer::SerializedFileWriter};
    let schema = "message schema {
        optional group image { optional binary bytes; optional binary path (UTF8); }
        optional int64 label; optional binary text (UTF8); }";
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let names = r#"{"info":{"features":{"label":{"names":["cat","dog","owl"],"_type":"ClassLabel"}}}}"#;
    let pair = KeyValue::new("huggingface".to_owned(), names.to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![pair])).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, std::sync::Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let text = |k: usize| ByteArray::from(format!("image {k}").as_str());
    let columns: [(Vec<ByteArray>, i16); 2] =
        [((0..n).map(|_| ByteArray::from(image.to_vec())).collect(), 2), (Vec::new(), 1)];
    for (values, level) in columns {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&vec![level; n]), None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    let labels: Vec<i64> = (0..n).map(|k| (k % 3) as i64).collect();
    column.typed::<Int64Type>().write_batch(&labels, Some(&vec![1; n]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let texts: Vec<ByteArray> = (0..n).map(text).collect();
    column.typed::<ByteArrayType>().write_batch(&texts, Some(&vec![1; n]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

/// A column of a parquet file: values, with the definition and repetition level of each place.
pub struct Column {
    values: Vec<parquet::data_type::ByteArray>,
    present: Vec<i16>,
    repeated: Vec<i16>,
}

/// A column of texts.
pub fn texts(texts: &[&str]) -> Column {
    let values = texts.iter().map(|text| (*text).into()).collect();
    Column { values, present: vec![1; texts.len()], repeated: Vec::new() }
}

/// The bytes of a column of images.
pub fn images(images: &[&[u8]]) -> Column {
    let values = images.iter().map(|bytes| bytes.to_vec().into()).collect();
    Column { values, present: vec![2; images.len()], repeated: Vec::new() }
}

/// A column without values.
pub fn absent(rows: usize, level: i16) -> Column {
    Column { values: Vec::new(), present: vec![level; rows], repeated: Vec::new() }
}

/// A column of lists of texts.
pub fn lists(lists: &[&[&str]]) -> Column {
    let mut column = Column { values: Vec::new(), present: Vec::new(), repeated: Vec::new() };
    for list in lists {
        if list.is_empty() {
            column.present.push(1);
            column.repeated.push(0);
        }
        for (k, text) in list.iter().enumerate() {
            column.values.push((*text).into());
            column.present.push(3);
            column.repeated.push(i16::from(k > 0));
        }
    }
    column
}

/// A parquet of one group of rows with columns of bytes.
pub fn parquet_of(schema: &str, columns: &[Column]) -> Vec<u8> {
    use parquet::data_type::ByteArrayType;
    use parquet::file::writer::SerializedFileWriter;
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, std::sync::Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for Column { values, present, repeated } in columns {
        let mut column = group.next_column().unwrap().unwrap();
        let repeated = (!repeated.is_empty()).then_some(repeated.as_slice());
        column.typed::<ByteArrayType>().write_batch(values, Some(present), repeated).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

/// A NumPy array of numbers of `kind`, each of `width` bytes and below 5.
pub fn npy(sizes: &[usize], kind: &str, width: usize) -> Vec<u8> {
    let shape: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({},), }}\n", shape.join(", "));
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    let count = sizes.iter().product::<usize>();
    bytes.extend((0..count).flat_map(|k| ((k % 5) as u64).to_le_bytes()[..width].to_vec()));
    bytes
}

/// A batch of CIFAR for Python, as Python 2 pickled it.
pub fn cifar_for_python(labels: &[u8]) -> Vec<u8> {
    let mut bytes =
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05("
            .to_vec();
    labels.iter().for_each(|label| bytes.extend([b'K', *label]));
    bytes.extend(b"eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\0\x85U\x01b\x87Rq\x09(K\x01");
    bytes.extend([b'K', labels.len() as u8]);
    bytes.extend(b"M\0\x0c\x86cnumpy\ndtype\nq\x0aU\x02u1K\0K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T");
    bytes.extend((3072 * labels.len() as u32).to_le_bytes());
    bytes.extend((0..3072 * labels.len()).map(|k| (k * 7) as u8));
    bytes.extend(b"tbu.");
    bytes
}
