//! The custom resource definitions as files: what `yaml/` holds, and the templates of the Helm
//! chart.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::definition;

/// File name and text of each definition; the same types give the same bytes.
pub fn all() -> Vec<(String, String)> {
    definition::definitions().iter().map(file).collect()
}

/// The same as templates of the chart, where they are upgraded with it and stay when it goes.
pub fn templates() -> Vec<(String, String)> {
    let file = |(name, text): (String, String)| (name, template(&text));
    all().into_iter().map(file).collect()
}

/// A definition with what the chart's values say of it. Nothing in it may look like a template.
fn template(text: &str) -> String {
    assert!(!text.contains("{{"), "Helm would take it for a template");
    let metadata = "metadata:
  labels:
    {{- include \"kastellan.labels\" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
";
    let body = text.replacen("metadata:\n", metadata, 1);
    format!("{{{{- if .Values.crds.install }}}}\n{body}{{{{- end }}}}\n")
}

fn file(definition: &CustomResourceDefinition) -> (String, String) {
    let name = format!("{}.yaml", definition.spec.names.plural);
    let body = serde_saphyr::to_string(&definition::plain(definition))
        .expect("a definition is plain data");
    let head =
        "# Generated from the types in crds/src by: cargo run -p kastellan-crds --bin crdgen\n";
    (name, format!("{head}{body}"))
}
