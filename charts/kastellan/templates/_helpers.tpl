{{- /* What everything is called: the release's name, with the chart's where it does not say it. */ -}}
{{- define "kastellan.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Names of what no namespace has are unique in the cluster. */ -}}
{{- define "kastellan.clustername" -}}
{{- printf "%s-%s" .Release.Namespace (include "kastellan.fullname" .) | trunc 100 | trimSuffix "-" -}}
{{- end -}}

{{- /* app.kubernetes.io/name is what the network policies of the clusters let in: it is not a value. */ -}}
{{- define "kastellan.selector" -}}
app.kubernetes.io/name: kastellan-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kastellan.labels" -}}
{{ include "kastellan.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kastellan
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "kastellan.account" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "kastellan.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.create is false: say which account to use in serviceAccount.name" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "kastellan.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The namespaces that are looked after, separated by commas; empty: all. */ -}}
{{- define "kastellan.namespaces" -}}
{{- if not .Values.watchAnyNamespace -}}
{{- .Values.watchNamespaces | default (list .Release.Namespace) | join "," -}}
{{- end -}}
{{- end -}}

{{- define "kastellan.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "kastellan.pod.security" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- range $field, $value := .Values.podSecurityContext }}
{{- if not (kindIs "invalid" $value) }}
{{ $field }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- end -}}
