"""Volumes: one source each, and what every source wants."""

import pytest

from schema.pods import complaints
from sekisho.api import names

LABEL = names.dns1123_label("A")[0]
SUBDOMAIN = names.dns1123_subdomain("A")[0]


def about(**volume):
    found = complaints(volumes=[{"name": "v", **volume}])
    return [text.removeprefix("volumes[0].") for text in found]


GOOD = {
    "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"},
    "hostPath": {"path": "/x", "type": "Directory"},
    "secret": {"secretName": "s", "items": [{"key": "k", "path": "p", "mode": 0o777}]},
    "configMap": {"name": "c", "defaultMode": 0o400},
    "persistentVolumeClaim": {"claimName": "c"},
    "nfs": {"server": "s", "path": "/"},
    "csi": {"driver": "csi.example.com"},
    "image": {"reference": "x"},
    "ephemeral": {
        "volumeClaimTemplate": {
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        }
    },
    "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"secret": {"name": "s"}}]},
    "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.labels['a']"}}]},
    "rbd": {"monitors": ["m"], "image": "i"},
    "iscsi": {"targetPortal": "127.0.0.1", "iqn": "iqn.2015-02.example.com:test", "lun": 1},
    "fc": {"targetWWNs": ["w"], "lun": 1},
    "flocker": {"datasetName": "d"},
    "azureDisk": {"diskName": "d", "diskURI": "https://a.blob.core.windows.net/c/d.vhd", "kind": "Dedicated"},
}


@pytest.mark.parametrize("kind", GOOD)
def test_good(kind):
    assert about(**{kind: GOOD[kind]}) == []


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (
            {"emptyDir": {"sizeLimit": "-1"}},
            ["emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
        ),
        ({"hostPath": {"path": ""}}, ["hostPath.path: Required value"]),
        (
            {"hostPath": {"path": "/a/../b"}},
            ["hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
        ),
        ({"secret": {}}, ["secret.secretName: Required value"]),
        (
            {"secret": {"secretName": "s", "defaultMode": 0o1000}},
            [
                "secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive"
            ],
        ),
        (
            {"secret": {"secretName": "s", "items": [{"key": "", "path": ""}]}},
            ["secret.items[0].key: Required value", "secret.items[0].path: Required value"],
        ),
        (
            {"configMap": {"name": "c", "items": [{"key": "k", "path": "/abs"}]}},
            ['configMap.items[0].path: Invalid value: "/abs": must be a relative path'],
        ),
        ({"configMap": {}}, ["configMap.name: Required value"]),
        ({"persistentVolumeClaim": {"claimName": ""}}, ["persistentVolumeClaim.claimName: Required value"]),
        (
            {"nfs": {"server": "", "path": "x"}},
            ["nfs.server: Required value", 'nfs.path: Invalid value: "x": must be an absolute path'],
        ),
        ({"csi": {"driver": ""}}, ["csi.driver: Required value"]),
        (
            {"image": {"reference": "", "pullPolicy": "Often"}},
            [
                "image.reference: Required value",
                'image.pullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
            ],
        ),
        ({"ephemeral": {}}, ["ephemeral.volumeClaimTemplate: Required value"]),
        (
            {"ephemeral": {"volumeClaimTemplate": {"spec": {}, "metadata": {"name": "x"}}}},
            [
                "ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
                "ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required",
                "ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
            ],
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "", "expirationSeconds": 1}}]}},
            [
                "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1:"
                " may not specify a duration less than 10 minutes",
                "projected.path: Required value",
            ],
        ),
        (
            {"projected": {"sources": [{"secret": {"name": "s"}, "configMap": {"name": "c"}}]}},
            ["projected.sources[0]: Forbidden: may not specify more than 1 volume type per source"],
        ),
        (
            {"downwardAPI": {"items": [{"path": "p"}]}},
            ["downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"],
        ),
        (
            {"rbd": {"monitors": [], "image": ""}},
            ["rbd.monitors: Required value", "rbd.image: Required value"],
        ),
        ({"flocker": {}}, ["flocker: Required value: one of datasetName and datasetUUID is required"]),
        (
            {"fc": {"targetWWNs": ["w"], "wwids": ["x"], "lun": 1}},
            ['fc.targetWWNs: Invalid value: ["w"]: targetWWNs and wwids can not be specified simultaneously'],
        ),
        (
            {"emptyDir": {}, "hostPath": {"path": "/x"}},
            ["hostPath: Forbidden: may not specify more than 1 volume type"],
        ),
    ],
)
def test_bad(volume, expected):
    assert about(**volume) == expected


def test_names():
    assert complaints(volumes=[{"name": "A"}]) == [f'volumes[0].name: Invalid value: "A": {LABEL}']
    assert complaints(volumes=[{"name": "a"}, {"name": "a"}]) == ['volumes[1].name: Duplicate value: "a"']
    assert complaints(volumes=[{}]) == ["volumes[0].name: Required value"]


def test_the_claim_of_an_ephemeral_volume_needs_a_name():
    found = complaints({"name": "a" * 253}, volumes=[{"name": "v", "ephemeral": GOOD["ephemeral"]}])
    assert found == [
        f'volumes[0].name: Invalid value: "v": PVC name "{"a" * 253}-v": must be no more than 253 characters'
    ]
