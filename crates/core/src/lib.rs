//! langevin-core
