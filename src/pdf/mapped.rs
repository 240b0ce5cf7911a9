//! The bytes of a file: read into memory, or shared with the system's own copy of it, so that a large file costs no memory
//! of ours, however many processes read it.

use std::fs::File;
use std::path::Path;

use crate::error::{Result, file_error};

/// Smaller files are read: to share one costs more than it saves.
#[cfg(target_os = "linux")]
const SHARED_MIN: u64 = 1 << 20;

/// The bytes of a file.
pub enum FileBytes {
    /// In memory.
    Read(Vec<u8>),
    /// Shared with the system.
    #[cfg(target_os = "linux")]
    Shared(shared::Shared),
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Read(bytes) => bytes,
            #[cfg(target_os = "linux")]
            Self::Shared(shared) => shared.bytes(),
        }
    }
}

impl FileBytes {
    /// Those of a file. `shares` is for a process that may die of a file that somebody cuts off meanwhile.
    ///
    /// # Errors
    /// Not found; Permission; Failed.
    pub fn of(path: &Path, shares: bool) -> Result<Self> {
        let what = || format!("open {}", path.display());
        #[cfg(target_os = "linux")]
        if shares {
            let file = File::open(path).map_err(|cause| file_error(what(), cause))?;
            let size = file.metadata().map_err(|cause| file_error(what(), cause))?.len();
            if let Some(shared) = (size >= SHARED_MIN).then(|| shared::Shared::of(&file, size)).flatten() {
                return Ok(Self::Shared(shared));
            }
        }
        let _ = shares;
        std::fs::read(path).map(Self::Read).map_err(|cause| file_error(what(), cause))
    }
}

#[cfg(target_os = "linux")]
mod shared {
    use std::ffi::c_void;
    use std::fs::File;
    use std::num::NonZeroUsize;
    use std::ptr::NonNull;

    use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

    /// A file in the memory of the system, for reading alone.
    pub struct Shared {
        start: NonNull<c_void>,
        length: NonZeroUsize,
    }

    // Nobody writes to it, and it stays where it is until it is dropped.
    #[expect(unsafe_code, reason = "memory that is only read may be read by all threads")]
    unsafe impl Send for Shared {}
    #[expect(unsafe_code, reason = "memory that is only read may be read by all threads")]
    unsafe impl Sync for Shared {}

    impl Shared {
        /// `None` where the system does not let us.
        #[expect(unsafe_code, reason = "the system maps a file by a call; the place is its choice, and ours alone")]
        pub(super) fn of(file: &File, size: u64) -> Option<Self> {
            let length = NonZeroUsize::new(usize::try_from(size).ok()?)?;
            let start = unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE, file, 0) };
            start.ok().map(|start| Self { start, length })
        }

        #[expect(unsafe_code, reason = "the mapping is as long as it was asked for, and lives as long as `self`")]
        pub(super) fn bytes(&self) -> &[u8] {
            unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast::<u8>(), self.length.get()) }
        }
    }

    impl Drop for Shared {
        #[expect(unsafe_code, reason = "the mapping is given back once, by its owner")]
        fn drop(&mut self) {
            let _ = unsafe { munmap(self.start, self.length.get()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_shared_and_small_ones_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let long: Vec<u8> = (0..2_000_000u32).map(|at| at as u8).collect();
        std::fs::write(&path, &long).expect("a file");
        let shared = FileBytes::of(&path, true).expect("bytes");
        assert!(cfg!(not(target_os = "linux")) || !matches!(shared, FileBytes::Read(_)));
        assert_eq!(shared.as_ref(), long);
        assert!(matches!(FileBytes::of(&path, false).expect("bytes"), FileBytes::Read(_)));
        std::fs::write(&path, b"short").expect("a file");
        assert_eq!(FileBytes::of(&path, true).expect("bytes").as_ref(), b"short");
        assert!(FileBytes::of(&folder.path().join("b"), true).is_err());
    }
}
