//! langevin-data
