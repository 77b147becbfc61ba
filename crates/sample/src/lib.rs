//! langevin-sample
