//! Images in a zip or a tar, read in place: nothing is unpacked to disk. An archive with a member outside itself
//! (`..`, an absolute path) or a link is refused, and so is one that grows suspiciously.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;

use langevin_core::Stop;

use super::files::{Entry, Files, mark};
use super::unpack::{FREE, GROWS, RATIO, Unpacked, most, reason};
use crate::sniff::HEAD;
use crate::split::OPENING;
use crate::{Error, Result, images};

/// Most members of an archive.
const MAX_MEMBERS: usize = 10_000_000;
/// Most bytes of a compressed tar that are kept in memory.
const MAX_UNPACKED: u64 = 4 << 30;
/// Longest member of a compressed tar that is kept without being an image.
const MAX_OTHER: u64 = 64 << 20;

/// A zip file.
#[derive(Debug)]
pub(crate) struct ZipFiles {
    name: String,
    entries: Vec<Entry>,
    /// Number in the archive and checksum of each.
    places: Vec<(usize, u32)>,
    archive: Mutex<zip::ZipArchive<BufReader<File>>>,
}

impl ZipFiles {
    /// Reads the directory of the zip at `path`.
    ///
    /// # Errors
    /// Bad input: broken, or a member that is refused. Interrupted.
    pub fn open(path: &Path, stop: &Stop) -> Result<Self> {
        let name = path.to_string_lossy().into_owned();
        let failed = |what: String| Error::bad_input(format!("{name}: broken zip: {what}"));
        let (file, _) = langevin_files::open_ordinary(path)?;
        let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| failed(e.to_string()))?;
        let mut found = Vec::new();
        for at in 0..archive.len().min(MAX_MEMBERS) {
            stop.check(OPENING)?;
            let member = archive.by_index_raw(at).map_err(|e| failed(e.to_string()))?;
            let path = checked_path(&name, member.name())?;
            if member.is_symlink() {
                return Err(link(&name, &path));
            }
            if member.is_dir() {
                continue;
            }
            let (size, packed) = (member.size(), member.compressed_size());
            check_growth(&name, &path, size, packed)?;
            let problem = member.encrypted().then(|| "it is encrypted".to_owned());
            found.push((Entry { path, size, problem }, (at, member.crc32())));
        }
        found.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        let (entries, places) = found.into_iter().unzip();
        Ok(Self { name, entries, places, archive: Mutex::new(archive) })
    }

    fn take(&self, at: usize, most: u64) -> Result<Vec<u8>> {
        let entry = &self.entries[at];
        let failed = |what: String| Error::bad_input(format!("{}: {what}", self.full_name(at)));
        if let Some(problem) = &entry.problem {
            return Err(failed(problem.clone()));
        }
        let mut archive = self.archive.lock().map_err(|_| failed("the zip reader has failed".into()))?;
        let mut member = archive.by_index(self.places[at].0).map_err(|e| failed(e.to_string()))?;
        let mut bytes = Vec::new();
        // The directory may lie about the size, so reading stops by itself; one byte past the end is asked for, so
        // that the end is reached and the checksum compared.
        let limit = most.min(entry.size.saturating_add(1));
        member.by_ref().take(limit).read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
        if most > entry.size && bytes.len() as u64 != entry.size {
            return Err(failed("its length is not what the zip's directory says".into()));
        }
        Ok(bytes)
    }
}

impl Files for ZipFiles {
    fn name(&self) -> &str {
        &self.name
    }

    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        self.take(at, images::MAX_FILE)
    }

    fn head(&self, at: usize) -> Result<Vec<u8>> {
        self.take(at, HEAD)
    }

    fn mark(&self, at: usize) -> [u8; 16] {
        mark(&self.places[at].1.to_le_bytes())
    }
}

/// A tar file, plain or gzipped.
#[derive(Debug)]
pub(crate) struct TarFiles {
    name: String,
    entries: Vec<Entry>,
    places: Vec<Place>,
    file: Mutex<File>,
}

#[derive(Debug)]
enum Place {
    /// Offset in the file.
    Offset(u64),
    /// Unpacked in memory.
    Bytes(Vec<u8>),
}

impl TarFiles {
    /// Reads the headers of the tar at `path`, and all of it when it is compressed.
    ///
    /// # Errors
    /// Bad input: broken, a member that is refused, or too large to unpack in memory. Interrupted.
    pub fn open(path: &Path, stop: &Stop) -> Result<Self> {
        let name = path.to_string_lossy().into_owned();
        let failed = |e: std::io::Error| match reason(&e) {
            grows if grows == GROWS => Error::bad_input(format!("{name}: {grows}"))
                .hint("those are no images; nothing of the archive is read"),
            what => Error::bad_input(format!("{name}: broken tar: {what}")),
        };
        let (mut file, length) = langevin_files::open_ordinary(path)?;
        let mut magic = [0; 2];
        file.read_exact(&mut magic).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut found = Vec::new();
        if magic == [0x1f, 0x8b] {
            let unpacked = Unpacked::new(file.try_clone().map_err(failed)?, length, MAX_UNPACKED);
            let mut archive = tar::Archive::new(unpacked);
            let mut claimed = 0_u64;
            for member in archive.entries().map_err(failed)? {
                stop.check(OPENING)?;
                let mut member = member.map_err(failed)?;
                let Some(mut entry) = tar_entry(&name, &member)? else { continue };
                claimed = claimed.saturating_add(entry.size);
                // What the headers claim is looked at before anything of it is unpacked.
                if claimed > most(length).min(MAX_UNPACKED) {
                    return Err(failed(std::io::Error::other(GROWS)));
                }
                let mut bytes = Vec::new();
                member.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(failed)?;
                if entry.size > MAX_OTHER && images::sniff(&bytes).is_none() {
                    entry.problem = Some(format!("{} MiB that are no image", entry.size >> 20));
                } else {
                    member.read_to_end(&mut bytes).map_err(failed)?;
                    if bytes.len() as u64 != entry.size {
                        return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
                    }
                }
                found.push((entry, Place::Bytes(bytes)));
            }
            // The end of the stream carries the checksum; a torn file is noticed here.
            std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(failed)?;
        } else {
            let mut archive = tar::Archive::new(BufReader::new(file.try_clone().map_err(failed)?));
            for member in archive.entries_with_seek().map_err(failed)? {
                stop.check(OPENING)?;
                let member = member.map_err(failed)?;
                let Some(entry) = tar_entry(&name, &member)? else { continue };
                let offset = member.raw_file_position();
                if offset.checked_add(entry.size).is_none_or(|end| end > length) {
                    return Err(failed(std::io::Error::other(format!("{} is cut short", entry.path))));
                }
                found.push((entry, Place::Offset(offset)));
            }
        }
        if found.len() > MAX_MEMBERS {
            return Err(failed(std::io::Error::other("it has over ten million members")));
        }
        found.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        let (entries, places) = found.into_iter().unzip();
        Ok(Self { name, entries, places, file: Mutex::new(file) })
    }

    fn take(&self, at: usize, most: u64) -> Result<Vec<u8>> {
        let failed = |what: String| Error::bad_input(format!("{}: {what}", self.full_name(at)));
        let length = self.entries[at].size.min(most);
        if let Some(problem) = &self.entries[at].problem {
            return Err(failed(problem.clone()));
        }
        match &self.places[at] {
            Place::Bytes(bytes) => Ok(bytes[..bytes.len().min(length as usize)].to_vec()),
            Place::Offset(offset) => {
                let mut file = self.file.lock().map_err(|_| failed("the tar reader has failed".into()))?;
                file.seek(SeekFrom::Start(*offset)).map_err(|e| failed(e.to_string()))?;
                let mut bytes = Vec::new();
                file.by_ref().take(length).read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
                Ok(bytes)
            }
        }
    }
}

impl Files for TarFiles {
    fn name(&self) -> &str {
        &self.name
    }

    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        self.take(at, images::MAX_FILE)
    }

    fn head(&self, at: usize) -> Result<Vec<u8>> {
        self.take(at, HEAD)
    }

    fn mark(&self, at: usize) -> [u8; 16] {
        mark(&self.head(at).unwrap_or_default())
    }
}

fn tar_entry<R: Read>(name: &str, member: &tar::Entry<'_, R>) -> Result<Option<Entry>> {
    let path = checked_path(name, &String::from_utf8_lossy(&member.path_bytes()))?;
    let kind = member.header().entry_type();
    if kind.is_symlink() || kind.is_hard_link() {
        return Err(link(name, &path));
    }
    Ok(kind.is_file().then(|| Entry { path, size: member.size(), problem: None }))
}

fn checked_path(archive: &str, path: &str) -> Result<String> {
    let clean = path.replace('\\', "/");
    let drive = clean.as_bytes().get(1) == Some(&b':');
    if clean.starts_with('/') || drive || clean.contains('\0') || clean.split('/').any(|part| part == "..") {
        let error = Error::bad_input(format!("{archive}: member {path:?} lies outside the archive"));
        return Err(error.hint("it may have been made to do harm; nothing of it is read"));
    }
    Ok(clean.trim_start_matches("./").to_owned())
}

fn link(archive: &str, path: &str) -> Error {
    let error = Error::bad_input(format!("{archive}: member {path:?} is a link"));
    error.hint("pack the files themselves, for example with tar --dereference")
}

fn check_growth(archive: &str, path: &str, size: u64, packed: u64) -> Result<()> {
    if size > images::MAX_FILE || (size > FREE && size / RATIO > packed) {
        let what = format!("{archive}: member {path:?} unpacks from {packed} to {size} bytes");
        return Err(Error::bad_input(what).hint("that is no image; nothing of the archive is read"));
    }
    Ok(())
}
