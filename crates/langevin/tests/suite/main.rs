//! The library as those see it who embed it.

mod examples;
mod one_pipeline;
