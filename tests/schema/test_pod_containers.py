"""Containers of all sorts: names, ports, environment, probes, hooks, resources, mounts, security."""

import pytest

from schema.pods import about_container, complaints, container
from sekisho.api import names

IDENTIFIER = names.dns1123_label("A")[0]
SUBDOMAIN = names.dns1123_subdomain("")[0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"name": ""}, ["name: Required value"]),
        ({"name": "A"}, [f'name: Invalid value: "A": {IDENTIFIER}']),
        ({"image": ""}, ["image: Required value"]),
        ({"image": " i"}, ['image: Invalid value: " i": must not have leading or trailing whitespace']),
        (
            {"imagePullPolicy": "Often"},
            [
                'imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
            ],
        ),
        (
            {"terminationMessagePolicy": "Else"},
            [
                'terminationMessagePolicy: Unsupported value: "Else":'
                ' supported values: "File", "FallbackToLogsOnError"'
            ],
        ),
        ({"ports": [{"containerPort": 0}]}, ["ports[0].containerPort: Required value"]),
        (
            {"ports": [{"containerPort": 65536}]},
            ["ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
        ),
        (
            {"ports": [{"containerPort": 80, "hostPort": 99999}]},
            ["ports[0].hostPort: Invalid value: 99999: must be between 1 and 65535, inclusive"],
        ),
        (
            {"ports": [{"containerPort": 80, "protocol": "tcp"}]},
            ['ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'],
        ),
        (
            {"ports": [{"name": "a", "containerPort": 1}, {"name": "a", "containerPort": 2}]},
            ['ports[1].name: Duplicate value: "a"'],
        ),
        (
            {"ports": [{"containerPort": 1, "hostPort": 5}, {"containerPort": 2, "hostPort": 5}]},
            ['ports[1].hostPort: Duplicate value: "TCP//5"'],
        ),
        (
            {"stdinOnce": True, "tty": True},
            [],
        ),
    ],
)
def test_container(fields, expected):
    assert about_container(**fields) == expected


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ({"name": "A", "value": "x"}, []),
        ({"name": "a b.c-d", "value": "x"}, []),
        ({"name": ""}, ["env[0].name: Required value"]),
        (
            {"name": "a=b"},
            [f'env[0].name: Invalid value: "a=b": {names.env_var_name("a=b")[0]}'],
        ),
        (
            {"name": "A", "valueFrom": {}},
            [
                'env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`,'
                " `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            ],
        ),
        (
            {"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ['env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
        ),
        (
            {
                "name": "A",
                "valueFrom": {
                    "fieldRef": {"fieldPath": "metadata.name"},
                    "secretKeyRef": {"name": "s", "key": "k"},
                },
            },
            ['env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time'],
        ),
        (
            {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": ""}}},
            ["env[0].valueFrom.fieldRef.fieldPath: Required value"],
        ),
        (
            {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x']"}}},
            [],
        ),
        (
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "", "key": ""}}},
            [
                f'env[0].valueFrom.configMapKeyRef.name: Invalid value: "": {SUBDOMAIN}',
                "env[0].valueFrom.configMapKeyRef.key: Required value",
            ],
        ),
        (
            {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
            [],
        ),
    ],
)
def test_environment(variable, expected):
    assert about_container(env=[variable]) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"configMapRef": {"name": "c"}, "prefix": "P_"}, []),
        ({"secretRef": {"name": "s"}}, []),
        ({"secretRef": {}}, ["envFrom[0].secretRef.name: Required value"]),
        ({}, ['envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`']),
        (
            {"configMapRef": {"name": "c"}, "secretRef": {"name": "s"}},
            ['envFrom: Invalid value: "": may not have more than one field specified at a time'],
        ),
    ],
)
def test_environment_from(source, expected):
    assert about_container(envFrom=[source]) == expected


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ({"exec": {"command": ["x"]}}, []),
        ({"exec": {}}, ["readinessProbe.exec.command: Required value"]),
        ({}, ["readinessProbe: Required value: must specify a handler type"]),
        (
            {"exec": {"command": ["x"]}, "tcpSocket": {"port": 1}},
            ["readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
        ),
        (
            {"httpGet": {"port": 0}},
            ["readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"],
        ),
        (
            {"httpGet": {"port": "web"}, "initialDelaySeconds": -1},
            ["readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            {"httpGet": {"port": 1, "scheme": "FTP"}},
            ['readinessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"'],
        ),
        (
            {"grpc": {"port": 70000}},
            ["readinessProbe.grpc.port: Invalid value: 70000: must be between 1 and 65535, inclusive"],
        ),
        (
            {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 1},
            [
                "readinessProbe.terminationGracePeriodSeconds: Invalid value: 1:"
                " must not be set for readinessProbes"
            ],
        ),
    ],
)
def test_readiness_probe(probe, expected):
    assert about_container(readinessProbe=probe) == expected


@pytest.mark.parametrize("name", ["livenessProbe", "startupProbe"])
def test_probes_that_must_succeed_once(name):
    probe = {"exec": {"command": ["x"]}, "successThreshold": 2}
    assert about_container(**{name: probe}) == [f"{name}.successThreshold: Invalid value: 2: must be 1"]
    probe = {"exec": {"command": ["x"]}, "terminationGracePeriodSeconds": 0}
    assert about_container(**{name: probe}) == [
        f"{name}.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0"
    ]


@pytest.mark.parametrize(
    ("lifecycle", "expected"),
    [
        ({"preStop": {"exec": {"command": ["x"]}}}, []),
        ({"preStop": {"sleep": {"seconds": 5}}}, []),
        ({"preStop": {}}, ["lifecycle.preStop: Required value: must specify a handler type"]),
        (
            {"postStart": {"sleep": {"seconds": 31}}},
            [
                "lifecycle.postStart.sleep: Invalid value: 31: must be non-negative and less than"
                " terminationGracePeriodSeconds (30)"
            ],
        ),
        (
            {"postStart": {"tcpSocket": {"port": 0}}},
            ["lifecycle.postStart.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive"],
        ),
    ],
)
def test_hooks(lifecycle, expected):
    assert about_container(lifecycle=lifecycle) == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}, []),
        (
            {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
            ['resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
        ),
        (
            {"limits": {"memory": "-1"}},
            [
                'resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
                'resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
            ],
        ),
        (
            {"requests": {"storage": "1"}},
            [
                'resources.requests[storage]: Invalid value: "storage": must be a standard resource for containers'
            ],
        ),
        (
            {"requests": {"example.com/gpu": "1"}},
            ["resources.limits: Required value: Limit must be set for non overcommitable resources"],
        ),
        (
            {"requests": {"example.com/gpu": "1"}, "limits": {"example.com/gpu": "2"}},
            ['resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2'],
        ),
        (
            {"limits": {"example.com/gpu": "1500m"}},
            [
                'resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer',
                'resources.requests[example.com/gpu]: Invalid value: "1500m": must be an integer',
            ],
        ),
        (
            {"limits": {"hugepages-2Mi": "2Mi"}},
            ["resources: Forbidden: HugePages require cpu or memory"],
        ),
        (
            {"claims": [{"name": "a"}]},
            [
                'resources.claims[0]: Not found: "a": must be one of the names in pod.spec.resourceClaims'
                " which is empty"
            ],
        ),
    ],
)
def test_resources(resources, expected):
    assert about_container(resources=resources) == expected


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        ({"name": "v", "mountPath": "/x"}, []),
        ({"name": "w", "mountPath": "/x"}, ['volumeMounts[0].name: Not found: "w"']),
        ({"name": "v", "mountPath": ""}, ["volumeMounts[0].mountPath: Required value"]),
        (
            {"name": "v", "mountPath": "/x", "subPath": "/abs"},
            ['volumeMounts.subPath: Invalid value: "/abs": must be a relative path'],
        ),
        (
            {"name": "v", "mountPath": "/x", "subPath": "a/../b"},
            ["volumeMounts.subPath: Invalid value: \"a/../b\": must not contain '..'"],
        ),
        (
            {"name": "v", "mountPath": "/x", "subPath": "a", "subPathExpr": "$(A)"},
            [
                'volumeMounts[0].subPathExpr: Invalid value: "$(A)": subPathExpr and subPath are mutually exclusive'
            ],
        ),
        (
            {"name": "v", "mountPath": "/x", "mountPropagation": "Bidirectional"},
            [
                "volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation"
                " is available only to privileged containers"
            ],
        ),
        (
            {"name": "v", "mountPath": "/x", "recursiveReadOnly": "Enabled"},
            ["volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"],
        ),
    ],
)
def test_mounts(mount, expected):
    found = complaints(containers=[container(volumeMounts=[mount])], volumes=[{"name": "v"}])
    assert [text.removeprefix("containers[0].") for text in found] == expected


def test_one_path_for_one_mount():
    mounts = [{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}]
    assert complaints(containers=[container(volumeMounts=mounts)], volumes=[{"name": "v"}]) == [
        'containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique'
    ]


def test_devices():
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
    devices = [{"name": "v", "devicePath": "/dev/x"}, {"name": "w", "devicePath": "/dev/x"}]
    assert complaints(
        containers=[container(volumeDevices=devices)], volumes=[claim, {"name": "w", "emptyDir": {}}]
    ) == [
        'containers[0].volumeDevices[1].name: Invalid value: "w": can only use volume source type of'
        " PersistentVolumeClaim or Ephemeral for block mode",
        'containers[0].volumeDevices[1].devicePath: Invalid value: "/dev/x": must be unique',
    ]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"runAsUser": 0, "privileged": True}, []),
        (
            {"runAsUser": -1},
            ["securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
        ),
        (
            {"privileged": True, "allowPrivilegeEscalation": False},
            [
                "securityContext: Invalid value: {}:"
                " cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            ],
        ),
        (
            {"capabilities": {"add": ["CAP_SYS_ADMIN"]}, "allowPrivilegeEscalation": False},
            [
                "securityContext: Invalid value: {}: cannot set `allowPrivilegeEscalation` to false and"
                " `capabilities.Add` CAP_SYS_ADMIN"
            ],
        ),
        (
            {"procMount": "Odd"},
            ['securityContext.procMount: Unsupported value: "Odd": supported values: "Default", "Unmasked"'],
        ),
        (
            {"seccompProfile": {"type": "Localhost"}},
            [
                "securityContext.seccompProfile.localhostProfile: Required value: must be"
                " set when seccomp type is Localhost"
            ],
        ),
        (
            {"seccompProfile": {"type": "Other"}},
            [
                'securityContext.seccompProfile.type: Unsupported value: "Other":'
                ' supported values: "Localhost", "RuntimeDefault", "Unconfined"'
            ],
        ),
    ],
)
def test_security_context(context, expected):
    found = about_container(securityContext=context)
    if expected and "{}" in expected[0]:
        found = [f"{text[: text.index('{')]}{{}}{text[text.rindex('}') + 1 :]}" for text in found]
    assert found == expected


def test_names_are_unique_in_a_pod():
    assert complaints(containers=[container("a"), container("a")]) == [
        'containers[1].name: Duplicate value: "a"'
    ]
    assert complaints(initContainers=[container("c")]) == ['initContainers[0].name: Duplicate value: "c"']


def test_containers_are_needed():
    assert complaints(containers=[]) == ["containers: Required value"]


def test_init_containers():
    lifecycle = {"preStop": {"exec": {"command": ["x"]}}}
    probe = {"exec": {"command": ["x"]}}
    assert about_container("initContainers", lifecycle=lifecycle, livenessProbe=probe) == [
        "lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always",
        "livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
    ]
    assert (
        about_container("initContainers", lifecycle=lifecycle, livenessProbe=probe, restartPolicy="Always")
        == []
    )


def test_ephemeral_containers_come_later():
    assert complaints(ephemeralContainers=[container("e")]) == [
        "ephemeralContainers: Forbidden: cannot be set on create"
    ]


def test_restart_rules():
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]
    assert about_container(restartPolicy="Never", restartPolicyRules=rules) == []
    assert about_container(restartPolicyRules=rules) == [
        "restartPolicy: Required value: must specify restartPolicy when restart rules are used"
    ]


def test_resize_policies():
    twice = [{"resourceName": "cpu", "restartPolicy": "NotRequired"}] * 2
    assert about_container(resizePolicy=twice) == ['resizePolicy[1]: Duplicate value: "cpu"']
    odd = [{"resourceName": "gpu", "restartPolicy": "NotRequired"}]
    assert about_container(resizePolicy=odd) == [
        'resizePolicy: Unsupported value: "gpu": supported values: "cpu", "memory"'
    ]
