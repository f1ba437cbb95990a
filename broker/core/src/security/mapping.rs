//! From the name of a certificate to the name of a principal: `ssl.principal.mapping.rules`
//! (KIP-371).

use regex::Regex;

/// Rules, of which the first that fits a name decides.
#[derive(Debug, Clone)]
pub struct PrincipalMapping {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
enum Rule {
    /// The name as it is.
    Default,
    Replace {
        pattern: Regex,
        replacement: String,
        case: Case,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    AsItIs,
    Lower,
    Upper,
}

/// What rules may look like, for those who got one wrong.
const EXPECTED: &str = "DEFAULT, or rules like RULE:^CN=([^,]*),.*$/$1/L with an L or U or neither at \
                        the end, separated by commas";

/// The largest program that a pattern may become: it runs on names that clients choose.
const LARGEST: usize = 1 << 20;

impl PrincipalMapping {
    /// Reads `DEFAULT` and `RULE:pattern/replacement/[LU]`, separated by commas. Patterns know no
    /// look-around and no references back.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let after = if let Some(after) = rest.strip_prefix("DEFAULT") {
                rules.push(Rule::Default);
                after
            } else {
                let rule = rest.strip_prefix("RULE:").ok_or(EXPECTED)?;
                let (pattern, rule) = rule.split_once('/').ok_or(EXPECTED)?;
                let (replacement, after) = rule.split_once('/').ok_or(EXPECTED)?;
                let (case, after) = match after.bytes().next() {
                    Some(b'L') => (Case::Lower, &after[1..]),
                    Some(b'U') => (Case::Upper, &after[1..]),
                    _ => (Case::AsItIs, after),
                };
                let whole = format!("^(?:{pattern})$");
                let pattern = regex::RegexBuilder::new(&whole).size_limit(LARGEST).build();
                let pattern = pattern.map_err(|why| format!("a pattern: {why}"))?;
                rules.push(Rule::Replace { pattern, replacement: groups(replacement), case });
                after
            };
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(after) => after.trim_start(),
                None if after.is_empty() => after,
                None => return Err(EXPECTED.to_owned()),
            };
        }
        if rules.is_empty() {
            rules.push(Rule::Default);
        }
        Ok(Self { rules })
    }

    /// The principal's name for a certificate's; `None` where no rule fits it.
    pub fn apply(&self, name: &str) -> Option<String> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Default => Some(name.to_owned()),
            Rule::Replace { pattern, replacement, case } => {
                let found = pattern.captures(name)?;
                let mut out = String::new();
                found.expand(replacement, &mut out);
                Some(match case {
                    Case::AsItIs => out,
                    Case::Lower => out.to_lowercase(),
                    Case::Upper => out.to_uppercase(),
                })
            }
        })
    }
}

/// `$1` and `\$` as Java has them, in the notation of this library, where `$1a` would be a name.
fn groups(replacement: &str) -> String {
    let mut out = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => (),
            },
            '$' => {
                let mut number = String::new();
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                if number.is_empty() {
                    out.push_str("$$");
                } else {
                    out.extend(["${", &number, "}"]);
                }
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "CN=kafka1,OU=SME,O=Acme,L=Berlin";

    fn map(rules: &str, name: &str) -> Option<String> {
        PrincipalMapping::parse(rules).unwrap().apply(name)
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/, \
                     RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?)$/$1@$2/L, \
                     RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U, DEFAULT";
        assert_eq!(map(rules, "CN=a,OU=ServiceUsers,O=x").as_deref(), Some("a"));
        assert_eq!(map(rules, NAME).as_deref(), Some("kafka1@sme"));
        assert_eq!(map(rules, "UID=1,cn=bob").as_deref(), Some("BOB"));
        assert_eq!(map(rules, "O=nobody").as_deref(), Some("O=nobody"));
    }

    #[test]
    fn nobody_is_a_name_that_no_rule_fits() {
        assert_eq!(map("RULE:CN=(.*)/$1/", "OU=x,CN=y"), None, "the whole name has to fit");
        assert_eq!(map("", NAME).as_deref(), Some(NAME));
        assert_eq!(map("DEFAULT", NAME).as_deref(), Some(NAME));
    }

    #[test]
    fn a_replacement_is_what_it_is_in_java() {
        assert_eq!(map("RULE:CN=(.*)/$1a\\$$/", "CN=x").as_deref(), Some("xa$$"));
    }

    #[test]
    fn what_is_wrong_with_rules_is_said() {
        for bad in ["RULE:a", "RULE:a/b", "rule:a/b/", "DEFAULT x", "RULE:a/b/LU", "RULE:(/b/"] {
            assert!(PrincipalMapping::parse(bad).is_err(), "{bad}");
        }
    }
}
