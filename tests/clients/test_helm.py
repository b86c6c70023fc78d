"""helm installs, upgrades, rolls back and uninstalls a chart of ten kinds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sekisho.testing import Cluster

HELM = Path(__file__).resolve().parents[2] / ".cache" / "kubectl" / "1.37" / "helm"

TEMPLATES = {
    "serviceaccount": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app}\n",
    "configmap": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {level: '{{ .Values.level }}'}\n",
    "secret": "apiVersion: v1\nkind: Secret\nmetadata: {name: app}\nstringData: {password: x}\n",
    "role": (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: app}\n"
        "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n"
    ),
    "rolebinding": (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: app}\n"
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: app}\n"
        "subjects: [{kind: ServiceAccount, name: app, namespace: default}]\n"
    ),
    "service": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: app}\n"
        "spec: {selector: {app: app}, ports: [{name: http, port: 80}]}\n"
    ),
    "deployment": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n"
        "spec:\n  replicas: {{ .Values.replicas }}\n  selector: {matchLabels: {app: app}}\n"
        "  template:\n    metadata: {labels: {app: app}}\n"
        "    spec: {containers: [{name: c, image: 'i:{{ .Values.level }}'}]}\n"
    ),
    "disruption": (
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: app}\n"
        "spec: {minAvailable: 1, selector: {matchLabels: {app: app}}}\n"
    ),
    "autoscaler": (
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: app}\n"
        "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}}\n"
    ),
    "ingress": (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: app}\n"
        "spec: {defaultBackend: {service: {name: app, port: {name: http}}}}\n"
    ),
}

Helm = Callable[..., str]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def helm(cluster: Cluster, tmp_path: Path) -> Helm:
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig()), "HOME": str(tmp_path)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [HELM, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def chart(tmp_path: Path) -> str:
    folder = tmp_path / "app"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("level: one\nreplicas: 1\n")
    for name, text in TEMPLATES.items():
        (folder / "templates" / f"{name}.yaml").write_text(text)
    return str(folder)


def test_a_release_from_install_to_uninstall(helm: Helm, chart: str, cluster: Cluster) -> None:
    api = cluster.admin().client
    level = "/api/v1/namespaces/default/configmaps/app"
    deployment = "/apis/apps/v1/namespaces/default/deployments/app"
    assert "STATUS: deployed" in helm("install", "app", chart)
    assert api.get(level).json()["data"] == {"level": "one"}
    helm("upgrade", "app", chart, "--set", "level=two,replicas=2")
    assert api.get(level).json()["data"] == {"level": "two"}
    assert api.get(deployment).json()["spec"]["replicas"] == 2
    helm("rollback", "app", "1")
    assert api.get(level).json()["data"] == {"level": "one"}
    assert [line.split("\t")[0].strip() for line in helm("history", "app").splitlines()[1:]] == ["1", "2", "3"]
    helm("uninstall", "app")
    assert api.get(level).status_code == api.get(deployment).status_code == 404
