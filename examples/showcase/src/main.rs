//! Everything at once.

fn main() {}
