//! What a parquet file claims of itself (how deep its columns lie, how many values and bytes its pages unpack to), looked at before
//! anything is made of it: its reader takes memory for whatever is claimed.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use ::parquet::basic::Compression;
use ::parquet::file::metadata::ColumnChunkMetaData;
use flate2::read::MultiGzDecoder;
use langevin_files::SLACK;

use super::unpack::{GROWS, most};

/// Columns within columns.
const DEEPEST: usize = 32;
/// Rows that a file of any length may have; a longer one has no more than one for each eight bytes beyond.
const FREE_ROWS: u64 = 1 << 18;
/// Structs within structs of a header.
const NESTED: usize = 16;

/// A file that is about to be read.
#[derive(Debug)]
pub(crate) struct Claims {
    file: File,
    length: u64,
    /// Bytes of the pages looked at, unpacked.
    unpacked: u64,
}

impl Claims {
    /// The file at `path`, whose columns do not lie too deep.
    ///
    /// # Errors
    /// What is wrong, in words. A file without the end of one is left to its reader.
    pub fn of(path: &Path) -> Result<Self, String> {
        let (file, length) = langevin_files::open_ordinary(path).map_err(|error| error.to_string())?;
        let claims = Self { file, length, unpacked: 0 };
        claims.check_columns()?;
        Ok(claims)
    }

    /// Most rows that the file may have.
    pub fn most_rows(&self) -> u64 {
        FREE_ROWS.saturating_add(self.length / 8)
    }

    /// The columns in the description at the end: its reader goes down them by calling itself.
    fn check_columns(&self) -> Result<(), String> {
        let mut end = [0; 8];
        let Some(at) = self.length.checked_sub(8) else { return Ok(()) };
        self.at(at)?.read_exact(&mut end).map_err(cut)?;
        let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let Some(start) = at.checked_sub(length).filter(|_| end.ends_with(b"PAR1")) else { return Ok(()) };
        let mut header = Compact { from: self.at(start)?.take(length) };
        // How many columns are still to come at each depth.
        let mut open: Vec<u64> = Vec::new();
        header.fields(NESTED, &mut |header, field, kind| {
            if (field, kind) != (2, LIST) {
                return Ok(false);
            }
            for _ in 0..header.list()?.0 {
                let mut children = 0;
                header.fields(NESTED, &mut |header, field, kind| {
                    let is_it = (field, kind) == (5, I32);
                    if is_it {
                        children = u64::try_from(header.number()?).map_err(|_| "fewer than no columns")?;
                    }
                    Ok(is_it)
                })?;
                if let Some(left) = open.last_mut() {
                    *left = left.saturating_sub(1);
                }
                if children > length {
                    return Err(format!("broken parquet: {children} columns in {length} bytes"));
                }
                open.push(children);
                while open.last() == Some(&0) {
                    open.pop();
                }
                if open.len() > DEEPEST {
                    return Err(format!("its columns lie over {DEEPEST} deep within each other"));
                }
            }
            Ok(true)
        })
    }

    /// The pages of `column`, which may hold at most `values`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&mut self, column: &ColumnChunkMetaData, values: u64) -> Result<(), String> {
        let (mut at, length) = column.byte_range();
        let end = at.checked_add(length).filter(|end| *end <= self.length);
        let end = end.ok_or("broken parquet: a column reaches beyond the file")?;
        let mut counted = 0_u64;
        while at < end && counted < values {
            let mut header = Compact { from: Counted { from: self.at(at)?.take(end - at), count: 0 } };
            let page = Page::read(&mut header)?;
            let data = at + header.from.count;
            let plain = column.compression() == Compression::UNCOMPRESSED || !page.is_packed;
            let unpacked = if plain { page.packed } else { page.unpacked };
            self.unpacked = self.unpacked.saturating_add(unpacked);
            if unpacked > most(page.packed).max(SLACK) || self.unpacked > most(self.length).max(SLACK) {
                return Err(format!("a page claims {unpacked} bytes in {}: {GROWS}", page.packed));
            }
            // Each entry of a dictionary takes four bytes at least.
            if page.is_dictionary && page.values > unpacked / 4 {
                let values = page.values;
                return Err(format!(
                    "broken parquet: a dictionary claims {values} values in {unpacked} bytes"
                ));
            }
            at = data.checked_add(page.packed).filter(|next| *next <= end).ok_or_else(|| {
                format!("broken parquet: a page of {} bytes reaches beyond its column", page.packed)
            })?;
            if !page.is_dictionary {
                counted = counted.saturating_add(page.values);
            }
            if counted > values {
                return Err(format!("broken parquet: a column claims {counted} values, where {values} fit"));
            }
            // The only packing whose reader does not mind how much is said to come of it.
            if matches!(column.compression(), Compression::GZIP(_)) && page.is_packed {
                let packed = self.at(data + page.levels)?.take(page.packed.saturating_sub(page.levels));
                let allowed = page.unpacked.saturating_sub(page.levels);
                let mut unpacked = MultiGzDecoder::new(packed).take(allowed + 1);
                let came = std::io::copy(&mut unpacked, &mut std::io::sink());
                if came.is_ok_and(|came| came > allowed) {
                    return Err(format!("a page unpacks to over the {} bytes it claims", page.unpacked));
                }
            }
        }
        Ok(())
    }

    fn at(&self, place: u64) -> Result<BufReader<&File>, String> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place)).map_err(cut)?;
        Ok(BufReader::new(file))
    }
}

/// What the header of a page says.
#[derive(Debug, Default)]
struct Page {
    unpacked: u64,
    packed: u64,
    values: u64,
    is_dictionary: bool,
    is_packed: bool,
    /// Bytes before those that are packed.
    levels: u64,
}

impl Page {
    fn read(header: &mut Compact<impl Read>) -> Result<Self, String> {
        let mut page = Self { is_packed: true, ..Self::default() };
        let number = |header: &mut Compact<_>| {
            u64::try_from(header.number()?)
                .map_err(|_| "broken parquet: a page of less than nothing".to_owned())
        };
        header.fields(NESTED, &mut |header, field, kind| {
            match (field, kind) {
                (2, I32) => page.unpacked = number(header)?,
                (3, I32) => page.packed = number(header)?,
                // The header of data, of a dictionary, of data in the second version.
                (5 | 7 | 8, STRUCT) => {
                    let outer = field;
                    page.is_dictionary = outer == 7;
                    header.fields(NESTED, &mut |header, field, kind| {
                        match (outer, field, kind) {
                            (_, 1, I32) => page.values = number(header)?,
                            (8, 5 | 6, I32) => page.levels += number(header)?,
                            (8, 7, TRUE | FALSE) => page.is_packed = kind == TRUE,
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(page)
    }
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Thrift's compact protocol, as far as it is needed to pass over what is not looked at.
#[derive(Debug)]
struct Compact<R> {
    from: R,
}

/// What takes a field, or says that it is to be skipped.
type Each<'a, R> = &'a mut dyn FnMut(&mut Compact<R>, u64, u8) -> Result<bool, String>;

impl<R: Read> Compact<R> {
    fn byte(&mut self) -> Result<u8, String> {
        let mut byte = [0];
        self.from.read_exact(&mut byte).map_err(cut)?;
        Ok(byte[0])
    }

    fn unsigned(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("broken parquet: a number of over 64 bits".to_owned())
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The length of a list, and what it is of.
    fn list(&mut self) -> Result<(u64, u8), String> {
        let byte = self.byte()?;
        let count = if byte >> 4 == 15 { self.unsigned()? } else { u64::from(byte >> 4) };
        Ok((count, byte & 0x0f))
    }

    /// Goes over the fields of a struct, in which others may lie `depth` deep.
    fn fields(&mut self, depth: usize, each: Each<'_, R>) -> Result<(), String> {
        let mut field = 0_u64;
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                return Ok(());
            }
            let (step, kind) = (u64::from(byte >> 4), byte & 0x0f);
            field = match step {
                0 => self.number()?.try_into().unwrap_or(u64::MAX),
                step => field.saturating_add(step),
            };
            if !each(self, field, kind)? {
                self.pass(kind, depth)?;
            }
        }
    }

    fn pass(&mut self, kind: u8, depth: usize) -> Result<(), String> {
        let depth = depth.checked_sub(1).ok_or("broken parquet: a header within headers")?;
        match kind {
            TRUE | FALSE => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.unsigned()?),
            7 => self.bytes(8)?,
            8 => {
                let length = self.unsigned()?;
                self.bytes(length)?;
            }
            LIST | 10 => {
                let (count, kind) = self.list()?;
                for _ in 0..count {
                    self.pass_entry(kind, depth)?;
                }
            }
            11 => {
                let count = self.unsigned()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.pass_entry(kinds >> 4, depth)?;
                    self.pass_entry(kinds & 0x0f, depth)?;
                }
            }
            STRUCT => self.fields(depth, &mut |_, _, _| Ok(false))?,
            other => return Err(format!("broken parquet: a header with a field of the kind {other}")),
        }
        Ok(())
    }

    /// An entry of a list, where a truth takes a byte.
    fn pass_entry(&mut self, kind: u8, depth: usize) -> Result<(), String> {
        if matches!(kind, TRUE | FALSE) { self.bytes(1) } else { self.pass(kind, depth) }
    }

    fn bytes(&mut self, count: u64) -> Result<(), String> {
        let passed = std::io::copy(&mut self.from.by_ref().take(count), &mut std::io::sink());
        if passed.map_err(cut)? < count {
            return Err("broken parquet: a header is cut short".to_owned());
        }
        Ok(())
    }
}

/// Counts what is read.
#[derive(Debug)]
struct Counted<R> {
    from: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

fn cut(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "broken parquet: a header is cut short".to_owned(),
        _ => error.to_string(),
    }
}
