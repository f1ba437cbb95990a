//! Tests of the Produce codec.
