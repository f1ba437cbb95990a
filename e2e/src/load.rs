//! The load generator `bench/load.c`: built, run, and what it prints.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::cache;

/// The program, compiled once per source.
pub fn program() -> Result<PathBuf> {
    let source = cache::e2e().join("bench/load.c");
    let folder = cache::prepared("bench-load", std::slice::from_ref(&source), |folder| {
        let out = folder.join("load");
        cache::run(Command::new("cc").args(["-O2", "-o"]).arg(out).arg(&source).arg("-lrdkafka"))
    })?;
    Ok(folder.join("load"))
}

/// `name number name number ...`
pub fn words(text: &str) -> BTreeMap<String, f64> {
    let all: Vec<&str> = text.split_whitespace().collect();
    let pairs = all.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some(((*name).to_owned(), value.parse().ok()?)),
        _ => None,
    });
    pairs.collect()
}

/// The middle of `values`, the upper one of two; NaN where there are none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
