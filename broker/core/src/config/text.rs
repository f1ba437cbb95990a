//! Values that are texts with a form of their own.

use super::kind::words;

/// The names that a client is matched by (KIP-714).
const CLIENT: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// `earliest`, `latest`, or `by_duration:` with a duration that is not negative (KIP-1106).
pub(super) fn check_offset_reset(value: &str) -> Result<(), String> {
    let known = ["earliest", "latest"].iter().any(|word| value.eq_ignore_ascii_case(word));
    let duration = value.strip_prefix("by_duration:");
    if known || duration.is_some_and(is_duration) {
        return Ok(());
    }
    Err("earliest, latest or by_duration:PnDTnHnMn.nS".to_owned())
}

/// A duration of ISO 8601 in days and less: `P1DT12H`, `PT0.5S`.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return false,
        None => (rest, ""),
    };
    (!days.is_empty() || !time.is_empty()) && in_order(days, "D") && in_order(time, "HMS")
}

/// Numbers, each followed by one of `units`, in their order; only seconds may have a fraction.
fn in_order(mut text: &str, mut units: &str) -> bool {
    while let Some(end) = text.find(|c: char| c.is_ascii_uppercase()) {
        let (number, rest) = text.split_at(end);
        let Some(unit) = rest.chars().next() else { return false };
        let Some((_, later)) = units.split_once(unit) else { return false };
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) if unit == 'S' => (whole, fraction),
            _ => (number, "0"),
        };
        let digits = |text: &str| {
            !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit())
        };
        if !digits(whole) || !digits(fraction) {
            return false;
        }
        (text, units) = (rest.get(1..).unwrap_or_default(), later);
    }
    text.is_empty()
}

/// Pairs of a client's property and a pattern.
pub(super) fn check_clients(value: &str) -> Result<(), String> {
    for word in words(value) {
        let pair = word.split_once('=');
        if !pair.is_some_and(|(name, pattern)| CLIENT.contains(&name.trim()) && closes(pattern)) {
            return Err(format!("a list of NAME=PATTERN, NAME one of {}", CLIENT.join(", ")));
        }
    }
    Ok(())
}

/// Whether a regular expression can be one: its brackets close and nothing is repeated that is not
/// there. What else it says is for whoever matches with it.
fn closes(pattern: &str) -> bool {
    let (mut open, mut class, mut escaped, mut repeatable) = (0_usize, false, false, false);
    for c in pattern.trim().chars() {
        let after = repeatable;
        repeatable = true;
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' if class => class = false,
            _ if class => (),
            '[' => class = true,
            '(' => (open, repeatable) = (open + 1, false),
            ')' if open == 0 => return false,
            ')' => open -= 1,
            '|' | '^' => repeatable = false,
            '*' | '+' if !after => return false,
            _ => (),
        }
    }
    !class && !escaped && open == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_reset_is_a_word_or_a_duration() {
        for taken in ["earliest", "latest", "by_duration:PT1H", "by_duration:P2DT3H4M5.5S"] {
            assert_eq!(check_offset_reset(taken), Ok(()), "{taken}");
        }
        for refused in ["", "never", "by_duration:", "by_duration:x", "by_duration:P", "P1D"] {
            assert!(check_offset_reset(refused).is_err(), "{refused}");
        }
        for refused in ["PT", "P1H", "PT1D", "PT1S2M", "PT1.5H", "PT.S", "PT-1S", "PT1"] {
            assert!(!is_duration(refused), "{refused}");
        }
    }

    #[test]
    fn clients_are_matched_by_patterns_that_close() {
        for taken in ["", "client_id=a.*", "client_id=(a|b)[^]]+,client_software_version=1\\.2"] {
            assert_eq!(check_clients(taken), Ok(()), "{taken}");
        }
        for refused in ["client_id", "nope=x", "client_id=[", "client_id=(", "client_id=)"] {
            assert!(check_clients(refused).is_err(), "{refused}");
        }
        assert!(!closes("*") && !closes("a(+)") && !closes("a\\") && closes("a+?"));
    }
}
