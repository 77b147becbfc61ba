//! langevin-nn
