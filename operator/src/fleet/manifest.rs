//! Manifests: YAML files of one or more documents, each an object of one of the three kinds.

use std::collections::BTreeMap;

use kastellan_crds::name::ObjectName;
use kastellan_crds::{API_VERSION, GROUP, KafkaClusterSpec, KafkaTopicSpec, KafkaUserSpec};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::document::{self, Document, Fields, Position};
use super::explain;
use super::problem::{Place, Problem};

/// A file that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, as messages shall write it.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// The objects of all files, in the order in which they stand there.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The clusters.
    pub clusters: Vec<Object<KafkaClusterSpec>>,
    /// The topics.
    pub topics: Vec<Object<KafkaTopicSpec>>,
    /// The users.
    pub users: Vec<Object<KafkaUserSpec>>,
    /// Objects of other API groups, which are left alone: what and where.
    pub skipped: Vec<(String, Place)>,
}

/// One object and where it came from.
#[derive(Debug)]
pub struct Object<S> {
    /// Its name.
    pub name: ObjectName,
    /// Its namespace; `default` where the manifest has none.
    pub namespace: String,
    /// What it asks for.
    pub spec: S,
    file: String,
    start: Position,
    fields: Fields,
}

impl<S> Object<S> {
    /// An object that no file has; its place is nowhere.
    pub fn of_no_file(name: ObjectName, namespace: String, spec: S) -> Self {
        let (file, start, fields) = (String::new(), (0, 0), Fields::default());
        Self { name, namespace, spec, file, start, fields }
    }

    /// Where the object begins.
    pub fn place(&self) -> Place {
        at(&self.file, self.start)
    }

    /// Where the value of a field stands, as in `spec.listeners[0].port`; where the object begins,
    /// when the manifest does not have the field.
    pub fn field(&self, path: &str) -> Place {
        at(&self.file, self.fields.position(path).unwrap_or(self.start))
    }
}

fn at(file: &str, (line, column): Position) -> Place {
    Place { file: file.to_owned(), line, column }
}

/// What every document begins with; enough to tell whose it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: Option<String>,
    kind: Option<String>,
}

/// A whole document of one of our kinds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Whole<S> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    metadata: Metadata,
    spec: S,
    /// `kubectl get -o yaml` writes it.
    #[serde(default, rename = "status")]
    _status: Option<IgnoredAny>,
}

/// The part of an object's metadata that a person writes; what an API server adds is let pass.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    name: ObjectName,
    namespace: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "annotations")]
    _annotations: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "creationTimestamp")]
    _creation_timestamp: Option<IgnoredAny>,
    #[serde(default, rename = "finalizers")]
    _finalizers: Option<IgnoredAny>,
    #[serde(default, rename = "generation")]
    _generation: Option<IgnoredAny>,
    #[serde(default, rename = "managedFields")]
    _managed_fields: Option<IgnoredAny>,
    #[serde(default, rename = "ownerReferences")]
    _owner_references: Option<IgnoredAny>,
    #[serde(default, rename = "resourceVersion")]
    _resource_version: Option<IgnoredAny>,
    #[serde(default, rename = "uid")]
    _uid: Option<IgnoredAny>,
}

const KINDS: [&str; 3] = ["KafkaCluster", "KafkaTopic", "KafkaUser"];

/// Reads every document of every file, or says all that is wrong with them.
pub fn read(sources: &[Source]) -> Result<Manifests, Vec<Problem>> {
    let mut manifests = Manifests::default();
    let mut problems = Vec::new();
    for source in sources {
        for document in document::split(&source.text) {
            if let Err(problem) = one(&source.file, &document, &mut manifests) {
                problems.push(problem);
            }
        }
    }
    if problems.is_empty() { Ok(manifests) } else { Err(problems) }
}

fn one(file: &str, document: &Document, into: &mut Manifests) -> Result<(), Problem> {
    let head: Head = parse(file, document, &Fields::of(document), "")?;
    let place = at(file, document.start);
    let begin = format!("begin it with apiVersion: {API_VERSION} and kind: {}", KINDS.join(", "));
    let (Some(version), Some(kind)) = (head.api_version, head.kind) else {
        return Err(
            Problem::at(&place, "not a manifest: apiVersion or kind is missing").help(begin)
        );
    };
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if group != GROUP && !KINDS.contains(&kind.as_str()) {
        into.skipped.push((format!("{kind} of {version}"), place));
        return Ok(());
    }
    if version != API_VERSION {
        return Err(Problem::at(
            &place,
            format!("{kind}: apiVersion {version:?} is not known here"),
        )
        .help(format!("write apiVersion: {API_VERSION}")));
    }
    match kind.as_str() {
        "KafkaCluster" => into.clusters.push(object(file, document, &kind)?),
        "KafkaTopic" => into.topics.push(object(file, document, &kind)?),
        "KafkaUser" => into.users.push(object(file, document, &kind)?),
        other => {
            let near = kastellan_core::config::nearest(other, KINDS.into_iter());
            let help = near.map_or_else(
                || format!("write one of: {}", KINDS.join(", ")),
                |near| format!("did you mean {near:?}?"),
            );
            return Err(Problem::at(&place, format!("unknown kind {other:?}")).help(help));
        }
    }
    Ok(())
}

fn object<S: DeserializeOwned>(
    file: &str,
    document: &Document,
    kind: &str,
) -> Result<Object<S>, Problem> {
    let fields = Fields::of(document);
    let whole: Whole<S> = parse(file, document, &fields, kind)?;
    Ok(Object {
        name: whole.metadata.name,
        namespace: whole.metadata.namespace.unwrap_or_else(|| "default".to_owned()),
        spec: whole.spec,
        file: file.to_owned(),
        start: document.start,
        fields,
    })
}

/// `kind` goes before the message, to say what the parser took the document for.
fn parse<T: DeserializeOwned>(
    file: &str,
    document: &Document,
    fields: &Fields,
    kind: &str,
) -> Result<T, Problem> {
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    serde_saphyr::from_str_with_options(&document.text, options).map_err(|error| {
        let explained = explain::error(&error, fields);
        let place = at(file, explained.position.unwrap_or(document.start));
        let message = match kind {
            "" => explained.message,
            kind => format!("{kind}: {}", explained.message),
        };
        Problem { place: Some(place), message, help: explained.help }
    })
}

#[cfg(test)]
mod tests;
