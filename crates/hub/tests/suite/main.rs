//! Folders of diffusers and checkpoints of PyTorch, against what diffusers and PyTorch made of them.

mod checkpoints;
mod folders;
mod loras;
mod networks;
mod pickles;
mod schedulers;
mod single_files;
mod texts;
mod tiny;
