//! langevin-train
