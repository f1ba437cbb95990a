//! Keys in files and on a web server.

use std::sync::Mutex;

use kastellan_core::security::oauth::Distrust;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{peers::tests::authority::Authority, tests::tokens::Signer};

fn tokens(url: &str, truststore: Option<&Path>) -> Tokens {
    let hour = Duration::from_hours(1);
    Tokens {
        demands: Demands {
            audiences: Vec::new(),
            issuer: None,
            subject_claim: "sub".to_owned(),
            scope_claim: "scope".to_owned(),
            skew: 0,
        },
        url: url.to_owned(),
        pace: Pace { every: hour, backoff: Duration::from_millis(1), most: hour },
        truststore: truststore.map(|path| path.to_str().unwrap().to_owned()),
    }
}

fn open(tokens: Tokens) -> Keys {
    let allowed = [tokens.url.clone()];
    Keys::open("out", tokens, &allowed).unwrap()
}

fn believes(keys: &Keys, signer: &Signer) -> Result<(), Distrust> {
    let token = signer.token(&json!({ "sub": "a", "iat": 1, "exp": 3 }));
    keys.issuer(2_000).verdict(&token).map(drop)
}

#[test]
fn a_file_that_changes_is_read_again_and_one_that_is_damaged_is_not_used() {
    let path = std::env::temp_dir().join(format!("kastellan-keys-{}", std::process::id()));
    let (old, new) = (Signer::new("a"), Signer::new("b"));
    std::fs::write(&path, old.keys()).unwrap();
    let keys = open(tokens(&format!("file:{}", path.display()), None));
    assert_eq!(believes(&keys, &old), Ok(()));
    assert_eq!(believes(&keys, &new), Err(Distrust::UnknownKey));
    let mut trouble = None;
    std::fs::write(&path, &new.keys()[..20]).unwrap();
    assert!(!keys.take(read(&path), &mut trouble));
    assert!(trouble.as_ref().unwrap().contains("not a JSON Web Key Set"), "{trouble:?}");
    assert_eq!(believes(&keys, &old), Ok(()), "those of before stay");
    std::fs::write(&path, new.keys()).unwrap();
    assert!(keys.take(read(&path), &mut trouble));
    assert_eq!((believes(&keys, &new), trouble), (Ok(()), None));
    assert_eq!(believes(&keys, &old), Err(Distrust::UnknownKey));
    std::fs::remove_file(&path).unwrap();
    assert!(!keys.take(read(&path), &mut None));
}

/// A web server that gives each who asks one of these answers, and notes what was asked.
async fn serve(authority: &Authority, answers: Vec<String>) -> (u16, Arc<Mutex<String>>) {
    let pem = authority.sign("localhost", "a company");
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(String::new()));
    let note = Arc::clone(&asked);
    tokio::spawn(async move {
        for answer in answers {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            *note.lock().unwrap() = String::from_utf8_lossy(&request[..read]).into_owned();
            // whoever has read enough closes
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    (port, asked)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_web_server_is_asked_under_tls_for_what_can_be_keys() {
    let (authority, signer) = (Authority::new(), Signer::new("a"));
    let trusting = authority.files("x", "x").truststore;
    let answers = vec![
        answer("200 OK", &signer.keys()),
        answer("302 Found\r\nlocation: https://localhost/", ""),
        answer("200 OK", &" ".repeat(MOST_BYTES + 1)),
        format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(MOST_BYTES + 1)),
        "what is this".to_owned(),
        String::new(),
        answer("200 OK", "<html>"),
    ];
    let (port, asked) = serve(&authority, answers).await;
    let keys = open(tokens(&format!("https://localhost:{port}/keys?v=1"), Some(&trusting)));
    assert_eq!(believes(&keys, &signer), Err(Distrust::NoKeys), "nobody was asked yet");
    let Place::Web(web) = &keys.place else { panic!("it is a web server") };
    let mut trouble = None;
    assert!(keys.take(web.ask().await, &mut trouble), "{trouble:?}");
    assert_eq!(believes(&keys, &signer), Ok(()));
    let request = asked.lock().unwrap().clone();
    assert!(request.starts_with("GET /keys?v=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: localhost:{port}\r\n")), "{request}");
    let long = "does not answer with keys";
    for why in ["302", long, long, "web server: ", "web server: ", "JSON"] {
        assert!(!keys.take(web.ask().await, &mut trouble));
        assert!(trouble.as_ref().unwrap().contains(why), "{why}: {trouble:?}");
        assert_eq!(believes(&keys, &signer), Ok(()), "those of before stay");
    }
    // one that another authority has signed for
    let other = Authority::new();
    let (port, _) = serve(&other, vec![answer("200 OK", &signer.keys())]).await;
    let web = Web::new(&format!("https://localhost:{port}/"), Some(trusting)).unwrap();
    let refused = web.ask().await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
}

#[tokio::test]
async fn a_web_server_that_fails_is_asked_again() {
    let (authority, signer) = (Authority::new(), Signer::new("a"));
    let trusting = authority.files("x", "x").truststore;
    let answers = vec![answer("503 Later", ""), answer("200 OK", &signer.keys())];
    let (port, _) = serve(&authority, answers).await;
    let url = format!("https://localhost:{port}/");
    let keys = Arc::new(open(tokens(&url, Some(&trusting))));
    let watch = tokio::spawn(Arc::clone(&keys).watch(Clock::new()));
    while believes(&keys, &signer).is_err() {
        tokio::task::yield_now().await;
    }
    watch.abort();
}

#[test]
fn a_url_names_a_host() {
    for bad in ["https://", "https:///keys", "https://a:b@host/", "https://ho st/", "https://h:x/"]
    {
        assert!(Web::new(bad, None).is_err(), "{bad}");
    }
    let six = Web::new("https://[::1]:8443", None).unwrap();
    assert_eq!(format!("{six:?}").matches("\"::1\"").count(), 1);
}
