//! The topics and users of all clusters as the watches tell of them: there may be ten thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::{Resource, ResourceExt as _};

/// A cluster: namespace and name.
pub type Cluster = (String, String);

/// The objects of one kind, under the cluster that they refer to.
#[derive(Debug)]
pub struct Index<K> {
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    objects: BTreeMap<Cluster, BTreeMap<String, Arc<K>>>,
    /// What the list that is arriving has brought so far, under namespace and name.
    listed: BTreeSet<(String, String)>,
}

/// Which cluster an object of a kind refers to.
pub trait Refers {
    /// The cluster's name; it is in the object's own namespace.
    fn cluster(&self) -> &str;
}

impl Refers for kastellan_crds::KafkaTopic {
    fn cluster(&self) -> &str {
        self.spec.cluster_ref.name.as_str()
    }
}

impl Refers for kastellan_crds::KafkaUser {
    fn cluster(&self) -> &str {
        self.spec.cluster_ref.name.as_str()
    }
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        let state = State { objects: BTreeMap::new(), listed: BTreeSet::new() };
        Self { state: Mutex::new(state) }
    }
}

impl<K: Resource<DynamicType = ()> + Refers + Clone> Index<K> {
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // nothing that panics is done under it
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(object: &K) -> Cluster {
        (object.namespace().unwrap_or_default(), object.cluster().to_owned())
    }

    /// An object as it is now, from a watch or as the answer to a write; an older one than is known
    /// changes nothing. The cluster that it refers to.
    pub fn put(&self, mut object: K) -> Cluster {
        object.meta_mut().managed_fields = None;
        let place = Self::place(&object);
        let mut state = self.lock();
        let known = state.objects.entry(place.clone()).or_default();
        let name = object.name_any();
        let newer = known.get(&name).is_none_or(|known| {
            known.uid() != object.uid() || version(known.as_ref()) <= version(&object)
        });
        if newer {
            known.insert(name, Arc::new(object));
        }
        place
    }

    /// An object that is gone.
    pub fn remove(&self, object: &K) -> Cluster {
        let place = Self::place(object);
        let mut state = self.lock();
        let State { objects, .. } = &mut *state;
        if let Some(of_cluster) = objects.get_mut(&place) {
            let same = |known: &Arc<K>| known.uid() == object.uid();
            if of_cluster.get(&object.name_any()).is_some_and(same) {
                of_cluster.remove(&object.name_any());
            }
            if of_cluster.is_empty() {
                objects.remove(&place);
            }
        }
        place
    }

    /// A whole list begins to arrive.
    pub fn list_begins(&self) {
        self.lock().listed.clear();
    }

    /// An object of the list.
    pub fn listed(&self, object: K) -> Cluster {
        let name = (object.namespace().unwrap_or_default(), object.name_any());
        self.lock().listed.insert(name);
        self.put(object)
    }

    /// The list is complete: what it did not have, in the namespaces that `of` admits, is gone. The
    /// clusters of what is gone.
    pub fn list_ends(&self, of: impl Fn(&str) -> bool) -> BTreeSet<Cluster> {
        let mut state = self.lock();
        let listed = std::mem::take(&mut state.listed);
        let mut changed = BTreeSet::new();
        state.objects.retain(|place, objects| {
            if !of(&place.0) {
                return true;
            }
            objects.retain(|name, _| {
                let there = listed.contains(&(place.0.clone(), name.clone()));
                if !there {
                    changed.insert(place.clone());
                }
                there
            });
            !objects.is_empty()
        });
        changed
    }

    /// The objects of one cluster, by name.
    pub fn of(&self, cluster: &Cluster) -> BTreeMap<String, Arc<K>> {
        self.lock().objects.get(cluster).cloned().unwrap_or_default()
    }

    /// How many objects there are in all.
    pub fn count(&self) -> usize {
        self.lock().objects.values().map(BTreeMap::len).sum()
    }
}

/// Resource versions of one kind grow, as numbers (KEP-5504); one that is none is the newest.
fn version<K: Resource>(object: &K) -> u64 {
    let version = object.meta().resource_version.as_deref();
    version.and_then(|version| version.parse().ok()).unwrap_or(u64::MAX)
}
