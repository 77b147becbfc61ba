//! langevin-testkit
