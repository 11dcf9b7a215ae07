// Phrases that many texts of audit events have in common, for PackedText. They
// are part of the format of saved state: new ones go to the end, and none ever
// goes.
#ifndef ODDVERB_BASE_TEXT_PHRASES_H_
#define ODDVERB_BASE_TEXT_PHRASES_H_

#include <string_view>

namespace oddverb {

// Of those that begin alike the longer one stands first. From audit logs of
// several distributions: user agents, paths, verbs, addresses, and the texts
// that detectors make of them.
inline constexpr std::string_view kTextPhrases[] = {
    "/api/v1/namespaces/",
    "/api/v1/",
    "/apis/",
    "/v1/namespaces/",
    "/namespaces/",
    "/v1/",
    "?allowWatchBookmarks=true",
    "?fieldSelector=metadata.name%3D",
    "?limit=500",
    "?timeout=",
    "&resourceVersion=",
    "&timeoutSeconds=",
    "&watch=true",
    " (linux/amd64) kubernetes/",
    " (linux/arm64) kubernetes/",
    " (darwin/arm64) kubernetes/",
    "kubectl/v1.",
    "kubelet/v1.",
    "kube-apiserver/v1.",
    "kube-controller-manager/v1.",
    "kube-scheduler/v1.",
    "kube-system",
    "Go-http-client/",
    "Mozilla/5.0 ",
    "python-requests/",
    "controller",
    "operator",
    "coordination.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "rbac.authorization.k8s.io",
    "apps/v1",
    "batch/v1",
    "serviceaccounts",
    "services",
    "secrets",
    "statefulsets",
    "deployments",
    "daemonsets",
    "replicasets",
    "configmaps",
    "endpointslices",
    "endpoints",
    "namespaces",
    "nodes",
    "pods",
    "events",
    "jobs",
    "leases",
    "ingresses",
    "persistentvolumeclaims",
    "customresourcedefinitions",
    "create ",
    "update ",
    "delete ",
    "patch ",
    "watch ",
    "list ",
    "get ",
    " in all namespaces",
    " in ",
    "create",
    "update",
    "delete",
    "patch",
    "watch",
    "list",
    "get",
    "192.168.",
    "10.244.",
    "10.",
    "/status",
    "/healthz",
    "default",
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_TEXT_PHRASES_H_
