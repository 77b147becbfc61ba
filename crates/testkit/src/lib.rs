//! Closed-form denoisers and conformance suites.
