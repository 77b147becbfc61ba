//! Tests of the crate from outside: loading, broken input, real data and the built-in set.

mod attacks;
mod loading;
mod make;
mod parquet_claims;
mod real;
mod shapes;
mod stopping;
mod stored;
mod whole_sets;
