"""Short ways to make workloads through the API, and to look at them."""

from __future__ import annotations

from typing import Any

import httpx

from sekisho.api.types import Object

PLURALS = {
    "Pod": "/api/v1/{}/pods",
    "Service": "/api/v1/{}/services",
    "Endpoints": "/api/v1/{}/endpoints",
    "Event": "/api/v1/{}/events",
    "PersistentVolumeClaim": "/api/v1/{}/persistentvolumeclaims",
    "ReplicationController": "/api/v1/{}/replicationcontrollers",
    "ReplicaSet": "/apis/apps/v1/{}/replicasets",
    "Deployment": "/apis/apps/v1/{}/deployments",
    "StatefulSet": "/apis/apps/v1/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/{}/daemonsets",
    "ControllerRevision": "/apis/apps/v1/{}/controllerrevisions",
    "Job": "/apis/batch/v1/{}/jobs",
    "CronJob": "/apis/batch/v1/{}/cronjobs",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/{}/endpointslices",
    "PodDisruptionBudget": "/apis/policy/v1/{}/poddisruptionbudgets",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/{}/horizontalpodautoscalers",
    "Node": "/api/v1/nodes",
    "PersistentVolume": "/api/v1/persistentvolumes",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
}


def template(image: str = "a:1", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"labels": labels or {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": image}], **spec},
    }


class Workloads:
    """One namespace, seen by a client."""

    def __init__(self, client: httpx.Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    def path(self, kind: str, name: str = "", subresource: str = "") -> str:
        path = PLURALS[kind].format(f"namespaces/{self.namespace}")
        return "/".join(filter(None, (path, name, subresource)))

    def create(self, kind: str, name: str, spec: Object | None = None, **more: Any) -> Object:
        metadata = {"name": name, **more.pop("metadata", {})}
        body = {"metadata": metadata, **more}
        if spec is not None:
            body["spec"] = spec
        answer = self.client.post(self.path(kind), json=body)
        assert answer.status_code == 201, answer.text
        made: Object = answer.json()
        return made

    def get(self, kind: str, name: str) -> Object | None:
        answer = self.client.get(self.path(kind, name))
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def status(self, kind: str, name: str) -> Object:
        found = self.get(kind, name)
        return {} if found is None else found.get("status") or {}

    def list(self, kind: str, labels: str = "") -> list[Object]:
        answer = self.client.get(self.path(kind), params={"labelSelector": labels} if labels else None)
        items: list[Object] = answer.raise_for_status().json()["items"]
        return items

    def names(self, kind: str) -> list[str]:
        return sorted(obj["metadata"]["name"] for obj in self.list(kind))

    def patch(self, kind: str, name: str, patch: Object, subresource: str = "") -> Object:
        answer = self.client.patch(
            self.path(kind, name, subresource),
            json=patch,
            headers={"Content-Type": "application/merge-patch+json"},
        )
        assert answer.status_code == 200, answer.text
        changed: Object = answer.json()
        return changed

    def delete(self, kind: str, name: str, **options: Any) -> None:
        answer = self.client.request("DELETE", self.path(kind, name), json=options or None)
        assert answer.status_code in (200, 202), answer.text

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of each event about an object."""
        return [
            (event["reason"], event["message"])
            for event in self.list("Event")
            if event["involvedObject"]["name"] == name
        ]

    def finish(self, pod: str, phase: str = "Succeeded", exit_code: int = 0) -> None:
        """Say that a pod has ended, as a kubelet would."""
        terminated = {"exitCode": exit_code, "finishedAt": "2026-01-01T00:00:00Z"}
        statuses = [
            {
                "name": "c",
                "image": "a",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": {"terminated": terminated},
            }
        ]
        self.patch("Pod", pod, {"status": {"phase": phase, "containerStatuses": statuses}}, "status")

    def make_ready(self, pod: str, ip: str = "10.1.0.1") -> None:
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]}
        self.patch("Pod", pod, {"status": status}, "status")


def conditions(status: Object) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition."""
    return {c["type"]: (c["status"], c.get("reason", "")) for c in status.get("conditions") or ()}
