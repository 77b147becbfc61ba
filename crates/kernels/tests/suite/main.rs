//! Every fast body against its plain one, every backward pass against the plain ones' and finite differences, and the
//! two promises of bit-equality.

mod agreement;
mod cases;
mod invariance;
