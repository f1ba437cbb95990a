//! The API server as the operator uses it: a few verbs over all kinds.
//!
//! Reads are never answered from a cache: what a plan is made of is what is there now. Watches only
//! tell when to look. Every write names the one field manager.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
    PropagationPolicy,
};
use kube::{Client, ResourceExt as _};
use serde_json::Value;

use super::names::{CLUSTER, MANAGER, OURS, USERS_OF};
use super::object::{Kind, Object, label};

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API server would not, for a reason that another attempt does not change by itself: its
    /// words.
    #[error("{0}")]
    Refused(String),
    /// Something else was faster, or the server has no time, or cannot be reached.
    #[error("the API server: {0}")]
    Passing(#[source] Box<kube::Error>),
}

impl ApiError {
    /// Whether there is no such kind, or it is nobody's business of ours.
    fn is_unknown(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Passing(error) => code(error) == Some(404),
        }
    }

    /// Whether an object of this name is there, or was changed by somebody else.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Passing(error) if code(error) == Some(409))
    }
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if matches!(status.code, 400 | 403 | 405 | 413 | 422) => {
                Self::Refused(status.message.clone())
            }
            other => Self::Passing(Box::new(other)),
        }
    }
}

/// Objects by kind and name.
type Objects = BTreeMap<(Kind, String), DynamicObject>;

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Requests about the objects of one namespace.
#[derive(Clone)]
pub struct Namespace {
    client: Client,
    name: String,
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Namespace").field(&self.name).finish()
    }
}

impl Namespace {
    /// Those of the namespace `name`.
    pub fn new(client: Client, name: &str) -> Self {
        Self { client, name: name.to_owned() }
    }

    /// The client itself, for objects of our own kinds.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, &kind.resource())
    }

    /// Everything that is a cluster's, by kind and name, without what managers own which field.
    pub async fn all_of(&self, cluster: &str) -> Result<Objects, ApiError> {
        self.list(cluster, &Kind::ALL).await
    }

    /// A cluster's Certificates; `None` where cert-manager is not installed, or the operator may
    /// not see them.
    pub async fn certificates_of(&self, cluster: &str) -> Result<Option<Objects>, ApiError> {
        match self.list(cluster, &[Kind::Certificate]).await {
            Ok(all) => Ok(Some(all)),
            Err(error) if error.is_unknown() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A cluster's pods.
    pub async fn pods_of(&self, cluster: &str) -> Result<Objects, ApiError> {
        self.list(cluster, &[Kind::Pod]).await
    }

    /// The Secrets of a cluster's users.
    pub async fn secrets_of_users(&self, cluster: &str) -> Result<Objects, ApiError> {
        self.select(&format!("{OURS},{USERS_OF}={cluster}"), &[Kind::Secret]).await
    }

    async fn list(&self, cluster: &str, kinds: &[Kind]) -> Result<Objects, ApiError> {
        self.select(&format!("{OURS},{CLUSTER}={cluster}"), kinds).await
    }

    async fn select(&self, selector: &str, kinds: &[Kind]) -> Result<Objects, ApiError> {
        let mut lists = Vec::new();
        for kind in kinds.iter().copied() {
            let (api, selector) = (self.api(kind), ListParams::default().labels(selector));
            lists.push(async move { api.list(&selector).await.map(|list| (kind, list)) });
        }
        let mut all = BTreeMap::new();
        for list in futures::future::join_all(lists).await {
            let (kind, list) = list?;
            for mut object in list {
                object.metadata.managed_fields = None;
                // the items of a list do not say what they are
                object.types = Some(kube::api::TypeMeta {
                    api_version: kind.resource().api_version,
                    kind: kind.name().to_owned(),
                });
                all.insert((kind, object.name_any()), object);
            }
        }
        Ok(all)
    }

    /// An object, whoever made it.
    pub async fn object(&self, kind: Kind, name: &str) -> Result<Option<DynamicObject>, ApiError> {
        let mut object = self.api(kind).get_opt(name).await?;
        if let Some(object) = &mut object {
            object.metadata.managed_fields = None;
        }
        Ok(object)
    }

    /// The files of a Secret.
    pub async fn secret(&self, name: &str) -> Result<BTreeMap<String, String>, ApiError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.name);
        let files = api.get(name).await?.data.unwrap_or_default().into_iter();
        let text = |bytes| String::from_utf8(bytes).unwrap_or_default();
        Ok(files.map(|(name, bytes)| (name, text(bytes.0))).collect())
    }

    /// Creates an object; one that is there already is a passing error.
    pub async fn create(&self, object: &Object) -> Result<(), ApiError> {
        let params =
            PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let body: DynamicObject = serde_json::from_value(object.body.clone())
            .map_err(|why| ApiError::Refused(why.to_string()))?;
        self.api(object.kind).create(&params, &body).await?;
        Ok(())
    }

    /// Applies an object, fields of others included: they are ours.
    pub async fn apply(&self, object: &Object) -> Result<(), ApiError> {
        let params = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(&object.body);
        self.api(object.kind).patch(&object.name, &params, &patch).await?;
        Ok(())
    }

    /// Applies an object that has not been seen among the cluster's: somebody else's is not taken
    /// over.
    pub async fn apply_new(&self, object: &Object) -> Result<(), ApiError> {
        let there = self.api(object.kind).get_metadata_opt(&object.name).await?;
        let cluster = object.body.pointer("/metadata/labels").and_then(|all| all.get(CLUSTER));
        let ours = |labels: &BTreeMap<String, String>| {
            labels.get(CLUSTER).map(String::as_str) == cluster.and_then(Value::as_str)
        };
        if let Some(there) = there
            && !there.metadata.labels.as_ref().is_some_and(ours)
        {
            return Err(ApiError::Refused(format!(
                "there is another {} of this name, without the label {CLUSTER}: delete or rename it",
                object.kind.name()
            )));
        }
        self.apply(object).await
    }

    /// Deletes an object with this uid, in the background; gone already is as good.
    pub async fn delete(&self, kind: Kind, name: &str, uid: &str) -> Result<(), ApiError> {
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let params = DeleteParams {
            preconditions: Some(preconditions),
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match self.api(kind).delete(name, &params).await {
            Ok(_) => Ok(()),
            // not there, or another object of the same name
            Err(error) if matches!(code(&error), Some(404 | 409)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Objects of our own kinds.
pub trait Own:
    kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
    + Clone
    + std::fmt::Debug
    + serde::de::DeserializeOwned
{
}

impl Own for kastellan_crds::KafkaCluster {}
impl Own for kastellan_crds::KafkaTopic {}
impl Own for kastellan_crds::KafkaUser {}

/// An object of our own kinds, read from the API server itself.
pub async fn get<K: Own>(namespace: &Namespace, name: &str) -> Result<Option<K>, ApiError> {
    let api: Api<K> = Api::namespaced(namespace.client(), &namespace.name);
    Ok(api.get_opt(name).await?)
}

/// Applies the whole status of an object of our own kinds; one that is gone needs none.
pub async fn apply_status<K: Own>(
    namespace: &Namespace,
    name: &str,
    status: &Value,
) -> Result<Option<K>, ApiError> {
    let api: Api<K> = Api::namespaced(namespace.client(), &namespace.name);
    let body = serde_json::json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "status": status,
    });
    let params = PatchParams::apply(MANAGER).force();
    match api.patch_status(name, &params, &Patch::Apply(&body)).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if code(&error) == Some(404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Gives an object other finalizers, as long as it is as it was read, and tells what it is now:
/// what has changed meanwhile is left as it is, and one that is gone has none.
pub async fn set_finalizers<K: Own>(
    namespace: &Namespace,
    object: &K,
    finalizers: &[String],
) -> Result<Option<K>, ApiError> {
    let api: Api<K> = Api::namespaced(namespace.client(), &namespace.name);
    let body = serde_json::json!({ "metadata": {
        "resourceVersion": object.meta().resource_version,
        "finalizers": finalizers,
    } });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch(&object.name_any(), &params, &Patch::Merge(&body)).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if code(&error) == Some(404) => Ok(None),
        Err(error) if code(&error) == Some(409) => Ok(api.get_opt(&object.name_any()).await?),
        Err(error) => Err(error.into()),
    }
}

/// The node id on an object's label.
pub fn node_id(object: &DynamicObject) -> Option<i32> {
    label(object, super::names::NODE_ID)?.parse().ok()
}
