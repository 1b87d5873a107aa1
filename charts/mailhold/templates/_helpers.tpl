{{/* What names begin with: the release's name, with the chart's where it is not in there already. */}}
{{- define "mailhold.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" (.Release.Name | trunc 31 | trimSuffix "-") .Chart.Name -}}
{{- end -}}
{{- end -}}

{{/* Of the operator's pods; never changes, since a Deployment's selector cannot. */}}
{{- define "mailhold.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "mailhold.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "mailhold.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Separated by commas: a template gives back text alone. */}}
{{- define "mailhold.gatewayNamespaces" -}}
{{- join "," (.Values.gatewayNamespaces | default (list .Release.Namespace)) -}}
{{- end -}}

{{/* Where the first gateway and its archive live. */}}
{{- define "mailhold.firstNamespace" -}}
{{- first (splitList "," (include "mailhold.gatewayNamespaces" .)) -}}
{{- end -}}

{{/* The operator's account, as the subject of a binding. */}}
{{- define "mailhold.subjects" -}}
- kind: ServiceAccount
  name: {{ include "mailhold.fullname" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
