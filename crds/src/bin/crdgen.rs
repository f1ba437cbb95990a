//! Writes `crds/yaml/` and the chart's templates: `cargo run -p kastellan-crds --bin crdgen`.

use std::path::Path;

use kastellan_crds::yaml;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    write(&root.join("yaml"), yaml::all())?;
    write(&root.join("../charts/kastellan/templates/crds"), yaml::templates())
}

fn write(folder: &Path, files: Vec<(String, String)>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    files.into_iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}
