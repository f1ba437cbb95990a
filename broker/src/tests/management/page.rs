//! `MANAGEMENT.md` is true: every example of it is asked, and has the fields that are answered.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use super::Managed;

/// A section of the page: what is asked, with which body, and what is answered.
struct Example {
    method: String,
    path: String,
    body: String,
    answer: Value,
}

fn examples() -> Vec<Example> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("MANAGEMENT.md");
    let page = std::fs::read_to_string(page).unwrap();
    let sections = page.split("\n## `").skip(1);
    sections
        .map(|section| {
            let (title, text) = section.split_once("`\n").unwrap();
            let (method, path) = title.split_once(' ').unwrap();
            let blocks: Vec<_> = text
                .split("```json\n")
                .skip(1)
                .map(|block| block.split("```").next().unwrap().to_owned())
                .collect();
            let (answer, body) = blocks.split_last().unwrap();
            Example {
                method: method.to_owned(),
                path: path.to_owned(),
                body: body.first().cloned().unwrap_or_default(),
                answer: serde_json::from_str(answer).unwrap(),
            }
        })
        .collect()
}

/// The same fields with values of the same types, all the way down; what is null may be anything.
fn same(at: &str, page: &Value, real: &Value) {
    match (page, real) {
        (Value::Object(page), Value::Object(real)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect();
            let (left, right): (BTreeSet<String>, BTreeSet<String>) = (keys(page), keys(real));
            assert_eq!(left, right, "{at}: the page on the left");
            for (key, value) in page {
                same(&format!("{at}.{key}"), value, &real[key]);
            }
        }
        (Value::Array(page), Value::Array(real)) => {
            assert_eq!(page.is_empty(), real.is_empty(), "{at}: {real:?}");
            for (page, real) in page.iter().zip(real) {
                same(&format!("{at}[]"), page, real);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (page, real) => assert_eq!(
            std::mem::discriminant(page),
            std::mem::discriminant(real),
            "{at}: {page} on the page, {real} in truth"
        ),
    }
}

#[test]
fn the_page_is_what_is_answered() {
    let managed = Managed::new();
    let operator = managed.operator();
    let (_, before) = operator.get("/v1/changes");
    managed.harness.client().create("orders", 1, &[]);
    let examples = examples();
    for Example { method, path, body, answer } in &examples {
        let path = path.replace("after=8", &format!("after={}", before["offset"]));
        let (status, real) = operator.ask(method, &path, body);
        assert_eq!(status, 200, "{method} {path}: {real}");
        same(&format!("{method} {path}"), answer, &real);
    }
    let asked: BTreeSet<_> = examples
        .iter()
        .map(|one| (one.path.split('?').next().unwrap().to_owned(), one.method.clone()))
        .collect();
    let there: BTreeSet<_> = crate::manage::ROUTES
        .iter()
        .flat_map(|(path, methods)| {
            methods.split(", ").map(|method| ((*path).to_owned(), method.to_owned()))
        })
        .collect();
    assert_eq!(asked, there, "the page on the left");
}
