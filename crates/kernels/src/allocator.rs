//! The allocator for programs that train or sample. A step allocates and frees the same large tensors over and over; an
//! allocator that gives their memory back to the system has every page zeroed and mapped again, which costs up to a quarter
//! of a step's time.

/// mimalloc (Leijen, Zorn and de Moura 2019); a program names it with `#[global_allocator]`.
pub use mimalloc::MiMalloc as Allocator;

/// `mi_option_purge_delay` of mimalloc's header, versions 2 and 3.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Tells [`Allocator`] to keep freed memory for the next tensors rather than give it back to the system; called once, when
/// the program starts. `MIMALLOC_PURGE_DELAY` in the environment, in milliseconds, has the last word.
pub fn keep_freed_memory() {
    // SAFETY: the option is one of the header's, and any thread may set it at any time.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, -1) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_delay_of_purging() {
        // SAFETY: as above.
        let get = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        // Ten milliseconds in version 2, a second in version 3: no other option begins so.
        assert!([10, 1000].contains(&get()));
    }
}
