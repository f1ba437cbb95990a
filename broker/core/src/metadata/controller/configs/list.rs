//! Words are added to lists and taken from them (KIP-339).

/// The words of `current`, then those of `more` that are not there yet.
pub(super) fn append(current: &str, more: &str) -> String {
    let mut words = split(current);
    for word in split(more) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(",")
}

/// The words of `current` without those of `less`.
pub(super) fn subtract(current: &str, less: &str) -> String {
    let less = split(less);
    let mut words = split(current);
    words.retain(|word| !less.contains(word));
    words.join(",")
}

fn split(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect()
}
