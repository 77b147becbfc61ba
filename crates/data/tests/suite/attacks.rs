//! Broken and hostile input.
