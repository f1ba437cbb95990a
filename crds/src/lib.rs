//! The three custom resources: types, conditions, names, generated YAML.
