//! Where an issuer's keys are.

/// A place that keys are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of the broker's host.
    File(String),
    /// A web server that shows a certificate.
    Https(String),
}

impl Location {
    /// Reads `url`, which whoever starts the broker has to have allowed, letter by letter: settings
    /// may come from people who are not to reach whatever the broker does (CVE-2025-27817). The
    /// error is what is wrong with it.
    pub fn parse(url: &str, allowed: &[String]) -> Result<Self, String> {
        let location = if url.starts_with("https://") {
            Self::Https(url.to_owned())
        } else {
            // one slash or three: no host
            let path =
                url.strip_prefix("file:").map(|path| path.strip_prefix("//").unwrap_or(path));
            let path = path.filter(|path| path.starts_with('/') && !path.contains('%'));
            let path = path.ok_or_else(|| {
                "it is none of https://HOST/PATH and file:///PATH; what comes by http anybody on \
                 the way could change"
                    .to_owned()
            })?;
            Self::File(path.to_owned())
        };
        if allowed.iter().any(|known| known == url) {
            Ok(location)
        } else {
            Err("it is not among the allowed ones: start the broker with \
                 --oauthbearer-allowed-url for it"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allowed_is_read_and_nothing_else() {
        let allowed = ["https://id.example/jwks", "file:/keys", "file:///keys", "http://x/"]
            .map(str::to_owned);
        let parse = |url| Location::parse(url, &allowed);
        assert_eq!(parse("https://id.example/jwks"), Ok(Location::Https(allowed[0].clone())));
        for url in ["file:/keys", "file:///keys"] {
            assert_eq!(parse(url), Ok(Location::File("/keys".to_owned())));
        }
        for url in ["http://x/", "file:keys", "file://host/keys", "/keys", "", "file:/%2e"] {
            assert!(parse(url).unwrap_err().starts_with("it is none of"), "{url}");
        }
        for url in ["https://id.example/jwks/", "https://id.example/JWKS", "file:/etc/shadow"] {
            assert!(parse(url).unwrap_err().contains("not among the allowed"), "{url}");
        }
    }
}
