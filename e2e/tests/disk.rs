//! Disks that fill up, fail and lose: with the real program, on real file systems.

mod disk {
    pub(crate) mod client;
    mod full;
    mod moving;
    mod points;
    mod small;
    mod sync;
    mod tail;
}
