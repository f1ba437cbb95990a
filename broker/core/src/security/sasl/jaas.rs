//! `sasl.jaas.config`: `module control key="value" ...;`.

use crate::security::Secret;

/// What such a text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jaas {
    /// Kafka's class for the mechanism, of which the last part counts here.
    pub module: String,
    /// Its options, in the order given.
    pub options: Vec<(String, Secret<String>)>,
}

const EXPECTED: &str = "a line like org.apache.kafka.common.security.plain.PlainLoginModule required \
                        user_alice=\"alices-password\";";

impl Jaas {
    /// Reads it. No message has a part of the text: there are passwords in it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut rest = text.trim();
        let module = word(&mut rest).filter(|module| is_known(module)).ok_or(EXPECTED)?;
        let control = word(&mut rest).ok_or(EXPECTED)?;
        let known = ["required", "requisite", "sufficient", "optional"];
        if !known.iter().any(|word| word.eq_ignore_ascii_case(control)) {
            return Err(EXPECTED);
        }
        let (module, mut options) = (module.to_owned(), Vec::new());
        loop {
            rest = rest.trim_start();
            if rest == ";" {
                return Ok(Self { module, options });
            }
            let (name, value) = rest.split_once('=').ok_or(EXPECTED)?;
            let name = name.trim();
            if name.is_empty() || name.contains(char::is_whitespace) || name.contains(';') {
                return Err(EXPECTED);
            }
            rest = value.trim_start();
            options.push((name.to_owned(), Secret(option(&mut rest).ok_or(EXPECTED)?)));
        }
    }

    /// The users of PLAIN: options called `user_NAME`.
    pub fn users(&self) -> impl Iterator<Item = (&str, &Secret<String>)> {
        self.options.iter().filter_map(|(name, value)| Some((name.strip_prefix("user_")?, value)))
    }

    /// Whether the module is called so, whatever its package.
    pub fn is_for(&self, module: &str) -> bool {
        self.module.rsplit('.').next() == Some(module)
    }
}

/// Whether it is a class of Kafka's for a mechanism of ours. We load no class; but those that let a
/// broker's settings reach out to other hosts (CVE-2023-25194, CVE-2025-27818) are a mistake, or
/// worse, and told as one.
fn is_known(module: &str) -> bool {
    let name = module.strip_prefix("org.apache.kafka.common.security.");
    let class = name.and_then(|name| name.rsplit('.').next()).unwrap_or(module);
    ["PlainLoginModule", "ScramLoginModule", "OAuthBearerLoginModule"].contains(&class)
}

/// The next word, up to a blank.
fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start();
    let end = text.find(|char: char| char.is_whitespace() || char == ';').unwrap_or(text.len());
    let (word, after) = text.split_at_checked(end)?;
    *rest = after;
    (!word.is_empty()).then_some(word)
}

/// The next value, in quotes of either kind or without.
fn option(rest: &mut &str) -> Option<String> {
    let quote = rest.chars().next().filter(|char| matches!(char, '"' | '\''));
    let Some(quote) = quote else { return word(rest).map(str::to_owned) };
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.push(chars.next()?.1),
            end if end == quote => {
                *rest = rest.get(at + 1..)?;
                return Some(value);
            }
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_configurations_are_read() {
        let text = "org.apache.kafka.common.security.plain.PlainLoginModule required\n \
                    username=\"broker\" password='x y' user_alice=\"a\\\"b;=c\" user_bob=plain;";
        let jaas = Jaas::parse(text).unwrap();
        assert!(jaas.is_for("PlainLoginModule"));
        let users: Vec<_> = jaas.users().map(|(name, word)| (name, word.0.as_str())).collect();
        assert_eq!(users, [("alice", "a\"b;=c"), ("bob", "plain")]);
        assert_eq!(jaas.options.len(), 4);
        assert!(Jaas::parse("ScramLoginModule required;").unwrap().options.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_passwords() {
        for bad in [
            "",
            "PlainLoginModule",
            "PlainLoginModule required",
            "PlainLoginModule always;",
            "PlainLoginModule required a=\"b",
            "PlainLoginModule required a;",
            "PlainLoginModule required =b;",
            "com.sun.security.auth.module.JndiLoginModule required a=b;",
            "com.example.PlainLoginModule required a=b;",
        ] {
            assert_eq!(Jaas::parse(bad), Err(EXPECTED), "{bad}");
        }
    }
}
