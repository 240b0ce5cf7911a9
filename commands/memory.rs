//! How the process gives memory back.

/// From this size on a freed buffer goes back to the system at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const RETURNED_BYTES_MIN: i32 = 1 << 20;

/// Keeps the allocator from holding on to the large buffers of long records: it would learn from the first one to keep
/// all later ones, for every thread, and a merge of records of 10 MB would need twice the memory.
pub(crate) fn give_back_large_buffers() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a setting of the C library's allocator, made before any thread starts")]
    // SAFETY: mallopt takes two integers and touches nothing of ours.
    unsafe {
        nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, RETURNED_BYTES_MIN);
    }
}
