//! Nothing but dependencies: it gives the whole workspace one set of third-party features, so that building one crate
//! and building all share the compiled Burn (seven minutes on two cores) instead of each having its own.
