//! Tests of the Fetch codec.
