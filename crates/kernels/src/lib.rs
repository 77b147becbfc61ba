//! langevin-kernels
