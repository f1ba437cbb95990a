//! Prints `broker/CONFIG.md`: `cargo run -p kastellan-core --example config_page`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(kastellan_core::config::page().as_bytes())
}
