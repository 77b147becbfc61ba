//! The real binary in temporary folders: what the design's command line promises to scripts and to people, and that
//! whatever is wrong with an input is said with its name, leaving nothing half-written.

mod adapting;
mod any_size;
mod bad_arguments;
mod bad_data;
mod bad_models;
mod calibrating;
mod claims;
mod comparing;
mod defects;
mod denoising;
mod distilling;
mod earlier;
mod evaluating;
mod folders;
mod full_disk;
mod guiding;
mod interrupted;
mod inverting;
mod latents;
mod likelihoods;
mod looking;
mod names;
mod pipelines;
mod previews;
mod restorers;
mod restoring;
mod sampling;
mod spelling;
mod stored;
mod training;
mod world;
