#!/usr/bin/env python3
"""Measures the shapes of honest traffic in an audit log, for the generator.

usage: bench/detection/measure_shapes.py AUDIT.log[.gz] >traffic_shapes.tsv

Writes roles (who), how often each asks, the gaps between its requests, and
what it asks for. No names, addresses or bodies leave the log: of a request
remain verb, group, version, resource, subresource, scope and code.
"""

import collections
import datetime
import gzip
import json
import sys

OPERATORS = {"cert-manager", "ingress-nginx", "monitoring", "velero",
             "external-dns", "argocd", "logging", "kube-system"}
REFUSED = "system:serviceaccount:staging:flaky-operator"
QUANTILES = [5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95]
# Below this share of a role's requests a kind is left out.
LEAST_SHARE = 0.002


def role_of(event):
    name = event.get("user", {}).get("username", "")
    agent = event.get("userAgent", "")
    if name == REFUSED:
        return "refused"
    if name.startswith("system:node:"):
        return "node"
    if name.startswith("system:serviceaccount:"):
        namespace = name.split(":")[2]
        if agent.startswith("kube-controller-manager"):
            return "controller"
        if namespace == "ci":
            return "ci"
        return "operator" if namespace in OPERATORS else "workload"
    if name.startswith("system:kube-") or name == "system:apiserver":
        return "control_plane"
    if "@" in name:
        return "person"
    return {"system:anonymous": "anonymous", "jenkins": "ci"}.get(name, "")


def seconds(text):
    text = text.replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()


def kind_of(event):
    ref = event.get("objectRef")
    code = event.get("responseStatus", {}).get("code", 0)
    if not ref:
        path = event.get("requestURI", "").split("?")[0]
        return (event["verb"], "-", "-", path, "-", "path", code)
    scope = "namespace" if ref.get("namespace") else "cluster"
    if ref.get("name"):
        scope += "/name"
    return (event["verb"], ref.get("apiGroup", "-"),
            ref.get("apiVersion", "v1"), ref["resource"],
            ref.get("subresource", "-"), scope, code)


def read(path):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as file:
        for line in file:
            event = json.loads(line)
            if event["stage"] == "RequestReceived":
                continue
            # A stream is one request; its start stands for it.
            if event["verb"] == "watch" and event["stage"] != "ResponseStarted":
                continue
            yield event


def quantiles(values):
    values = sorted(values)
    return [values[min(len(values) - 1, len(values) * q // 100)]
            for q in QUANTILES]


def main():
    times = collections.defaultdict(lambda: collections.defaultdict(list))
    kinds = collections.defaultdict(collections.Counter)
    for event in read(sys.argv[1]):
        role = role_of(event)
        if not role:
            continue
        user = event.get("user", {}).get("username", "")
        if role == "anonymous":
            user = event["sourceIPs"][-1]
        times[role][user].append(seconds(event["stageTimestamp"]))
        kinds[role][kind_of(event)] += 1
    print("# Made by bench/detection/measure_shapes.py; do not edit.")
    for role in sorted(times):
        actors = times[role]
        # The log may have a hole in time: gaps above a minute are left out,
        # and so is the time that they span.
        gaps, active = [], 0.0
        for stamps in actors.values():
            stamps.sort()
            near = [b - a for a, b in zip(stamps, stamps[1:]) if b - a < 60]
            gaps += near
            active += sum(near)
        total = sum(kinds[role].values())
        print("\t".join(["role", role, str(len(actors)), str(total),
                         f"{3600 * len(gaps) / max(active, 1):.0f}"]))
        print("\t".join(["gap", role] +
                        [f"{q:.4f}" for q in quantiles(gaps or [1.0])]))
        for kind, count in sorted(kinds[role].items(),
                                  key=lambda item: (-item[1], item[0])):
            if count >= LEAST_SHARE * total:
                print("\t".join(["kind", role, f"{count / total:.4f}"] +
                                [str(part) for part in kind]))


if __name__ == "__main__":
    main()
