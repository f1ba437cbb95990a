//! Writes `crds/yaml/`: `cargo run -p kastellan-crds --bin crdgen`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml");
    std::fs::create_dir_all(&folder)?;
    for (name, text) in kastellan_crds::yaml::all() {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
