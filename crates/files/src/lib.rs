//! Files as a whole: mapped into memory or read within a limit, and written whole or not at all, under names that were claimed
//! before; and text.
//!
//! ```
//! use langevin_files::{create_folder, write_file};
//!
//! # let scratch = tempfile::tempdir().unwrap();
//! # let folder = scratch.path().join("results");
//! create_folder(&folder)?;
//! write_file(&folder.join("one"), b"whole, or not there at all")?;
//! assert_eq!(std::fs::read(folder.join("one")).unwrap().len(), 26);
//! # Ok::<(), langevin_process::Error>(())
//! ```

mod bounded;
mod claim;
pub mod disk;
mod fault;
mod folders;
mod handles;
mod room;
mod run_lock;
pub mod text;
mod whole;

use std::fs::File;
use std::io;

pub use bounded::{SLACK, not_ordinary, open_ordinary, read_bounded, read_head};
pub use claim::Claim;
pub use fault::FAULT;
pub use folders::{FolderClaim, Fresh, Made};
pub use handles::{FEWEST, open_at_once};
pub use room::{MAKE_ROOM, check_space, free_bytes, write_error};
pub use run_lock::RunLock;
pub use whole::{
    change_file, check_free, check_name, create_folder, replace_file, sweep, sweep_file, write_file,
    write_synced,
};

/// The bytes of `file`, read from it when they are first looked at; its pages may leave memory again and come back.
///
/// What another program writes to the file meanwhile may show, and one that cuts it short ends this program when it reads beyond the
/// new end, as with every program that maps a file. Weights are not written in place by anyone who saves them whole.
///
/// # Errors
/// Where the file cannot be mapped, as on some network file systems; it can still be read.
pub fn map_file(file: &File) -> io::Result<bytes::Bytes> {
    // SAFETY: the bytes are numbers or text to their readers, valid whatever they are; that nobody cuts the file short is what the
    // doc comment asks.
    let map = unsafe { memmap2::Mmap::map(file)? };
    Ok(bytes::Bytes::from_owner(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_file_is_read_even_after_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, [7; 9000]).unwrap();
        let bytes = map_file(&File::open(&path).unwrap()).unwrap();
        std::fs::write(folder.path().join("new"), [8; 3]).unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!((bytes.len(), bytes[8999], bytes.as_ptr().align_offset(64)), (9000, 7, 0));
        assert_eq!(map_file(&File::open(&path).unwrap()).unwrap()[..], [8; 3]);
    }
}
