{{- /*
What the operator may do in a namespace that it looks after. Each verb is one that it uses
(e2e/tests/apiserver/permissions.rs); server-side apply is patch, and create for what is new.
*/ -}}
{{- define "kastellan.rules" -}}
- apiGroups: [kastellan.dev]
  resources: [kafkaclusters, kafkatopics, kafkausers]
  verbs: [get, list, watch, patch]
- apiGroups: [kastellan.dev]
  resources: [kafkaclusters/status, kafkatopics/status, kafkausers/status]
  verbs: [patch]
# owner references that block deletion, where OwnerReferencesPermissionEnforcement is on
- apiGroups: [kastellan.dev]
  resources: [kafkaclusters/finalizers, kafkatopics/finalizers, kafkausers/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps, persistentvolumeclaims, secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# spec.certificates.issuerRef, where cert-manager is installed
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# of the namespace itself: whether it is being deleted, when finalizers are let go
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end -}}
