//! Whole inputs of every kind, small.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, ImageFormat};
use langevin::conversion::ConvertRequest;
use langevin::job::{Context, Files, Silent};
use langevin::training::{TrainRequest, job as training};
use langevin::{Device, Result, Stop};

/// A small colour image, encoded.
pub fn image(format: ImageFormat) -> Vec<u8> {
    let pixel = |x: u32, y: u32| image::Rgb([(x * 7) as u8, (y * 11) as u8, ((x + y) * 5) as u8]);
    let image: DynamicImage = image::RgbImage::from_fn(20, 16, pixel).into();
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an image of any format is written");
    bytes.into_inner()
}

/// A png with texts and a profile, 16 bits a sample.
pub fn rich_png() -> Vec<u8> {
    let metadata = langevin::core::Metadata { icc: Some(vec![7_u8; 200].into()), ..Default::default() };
    let image = langevin::Image::from_u16(6, 5, 3, (0..90).map(|k| k * 700).collect());
    let image = image.with_metadata(metadata).expect("any profile is taken");
    let recipe = r#"{"command":"sample","model":"builtin:shapes","seed":7,"image":0,"options":{"steps":4}}"#;
    let texts = [("langevin", recipe.to_owned()), ("parameters", "a star\nSteps: 4, Seed: 7".to_owned())];
    langevin::figures::png::encode(&image, &texts).expect("a small image is encoded")
}

/// IDX of `sizes`.
pub fn idx(sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend((0..sizes.iter().product::<u32>()).map(|k| (k % 3) as u8));
    bytes
}

/// `bytes` in gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes what is written")
}

/// CIFAR's binary files.
pub fn cifar(images: usize) -> Vec<u8> {
    (0..images)
        .flat_map(|k| std::iter::once((k % 10) as u8).chain((0..3072).map(move |p| (p * 7 + k) as u8)))
        .collect()
}

/// A zip of two images in class folders.
pub fn zip() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["cat/a.png", "dog/b.png"] {
        writer
            .start_file(name, zip::write::SimpleFileOptions::default())
            .expect("memory takes what is written");
        writer.write_all(&image(ImageFormat::Png)).expect("memory takes what is written");
    }
    writer.finish().expect("memory takes what is written").into_inner()
}

/// A tar of two images in class folders.
pub fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in ["cat/a.png", "dog/b.png"] {
        let bytes = image(ImageFormat::Png);
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &bytes[..]).expect("memory takes what is written");
    }
    builder.into_inner().expect("memory takes what is written")
}

/// A parquet of four rows as the Hugging Face library writes them.
pub fn parquet() -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::{properties::WriterProperties, writer::SerializedFileWriter};
    let schema =
        "message schema { optional group image { optional binary bytes; optional binary path (UTF8); }
        optional int64 label; optional binary text (UTF8); }";
    let schema = parquet::schema::parser::parse_message_type(schema).expect("the schema is right");
    let properties = Arc::new(WriterProperties::builder().build());
    let write = || -> parquet::errors::Result<Vec<u8>> {
        let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties)?;
        let mut group = writer.next_row_group()?;
        let images = vec![ByteArray::from(image(ImageFormat::Png)); 4];
        let texts = vec![ByteArray::from("a small image"); 4];
        let mut part = 0;
        while let Some(mut column) = group.next_column()? {
            match part {
                0 => drop(column.typed::<ByteArrayType>().write_batch(&images, Some(&[2; 4]), None)?),
                1 => drop(column.typed::<ByteArrayType>().write_batch(&[], Some(&[1; 4]), None)?),
                2 => drop(column.typed::<Int64Type>().write_batch(&[0, 1, 2, 0], Some(&[1; 4]), None)?),
                _ => drop(column.typed::<ByteArrayType>().write_batch(&texts, Some(&[1; 4]), None)?),
            }
            column.close()?;
            part += 1;
        }
        group.close()?;
        writer.into_inner()
    };
    write().expect("memory takes what is written")
}

/// An array of `NumPy` with the shape of noise.
pub fn npy() -> Vec<u8> {
    let mut header = String::from("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 4, 4), }");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..48).flat_map(|k| (k as f32 * 0.1 - 2.0).to_le_bytes()));
    bytes
}

/// A run with a tiny model below `world`, and that model as a folder of diffusers: their paths.
///
/// # Errors
/// As training and converting.
pub fn run(world: &Path) -> Result<(PathBuf, PathBuf)> {
    let (run, folder) = (world.join("run"), world.join("diffusers"));
    let (device, stop) = (Device::flex(), Stop::new());
    let (mut observer, mut sink) = (Silent, Files::new(false));
    let mut context = Context { device: &device, observer: &mut observer, sink: &mut sink, stop: &stop };
    let request = TrainRequest {
        data: "builtin:shapes".to_owned(),
        out: Some(run.clone()),
        preset: Some("tiny".to_owned()),
        images: Some(16),
        set: [
            "network.channels=[8]",
            "network.norm_groups=4",
            "network.patch=1",
            "network.attention_levels=[]",
            "network.mid_attention=false",
            "diffusion.process=vp",
            "diffusion.schedule=linear",
            "diffusion.parameterisation=epsilon",
            "diffusion.time_input=timestep",
            "data.size=8",
            "train.batch_size=8",
            "sample.steps=1",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..TrainRequest::default()
    };
    training::run(&request, &mut context)?;
    langevin::conversion::run(&ConvertRequest::new(run.display().to_string(), &folder), &mut context)?;
    Ok((run, folder))
}
