//! The operator and the binary kastellan.
