//! The binary `kastellan`.

fn main() {}
