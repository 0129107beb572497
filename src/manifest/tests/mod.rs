//! What the editor promises as a whole, over random files of random objects and random edits.

mod counts;
mod meanwhile;
mod object_file;
mod promises;
mod reading;
mod wish;
