//! What the process gives back of its memory, and when.

/// When the C library's allocator gives memory back to the system.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    expect(dead_code, reason = "other allocators are not told")
)]
pub(crate) struct Memory {
    /// From this size on a freed buffer goes back at once.
    returned_bytes_min: i32,
    /// So much free memory at its end a heap keeps.
    kept_bytes_max: i32,
    /// Heaps at most, of which each thread else has its own; 0 sets no bound.
    heaps_max: i32,
}

/// Gives the large buffers of long records back: the allocator would learn from the first one to keep all later ones, for
/// every thread, and a merge of records of 10 MB would need twice the memory. At the C library's own 128 KiB for the end of
/// a heap the buffers of a pass over the input were given back and asked for again all the time, a sixth of a merge without
/// change.
pub(crate) const LEAN: Memory = Memory { returned_bytes_min: 1 << 20, kept_bytes_max: 1 << 20, heaps_max: 0 };

/// Keeps what was once needed: a network takes and gives back the same large buffers for each line of text, and to hand
/// them to the system in between costs a tenth of the time, and heaps of single threads are always handed back. The first
/// number is the highest that glibc takes.
pub(crate) const KEPT: Memory = Memory { returned_bytes_min: 32 << 20, kept_bytes_max: 512 << 20, heaps_max: 1 };

impl Memory {
    /// Tells the allocator; before other threads start.
    pub(crate) fn set_up(&self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        #[allow(unsafe_code, reason = "settings of the C library's allocator, made before any thread starts")]
        // SAFETY: mallopt takes two integers and touches nothing of ours.
        unsafe {
            nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, self.returned_bytes_min);
            nix::libc::mallopt(nix::libc::M_TRIM_THRESHOLD, self.kept_bytes_max);
            nix::libc::mallopt(nix::libc::M_ARENA_MAX, self.heaps_max);
        }
    }
}
