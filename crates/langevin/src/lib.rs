//! langevin
