//! A whole broker in one thread, from one seed.
