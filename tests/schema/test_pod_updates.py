"""What may change in a Pod: by update, by its subresources, and what stored objects may go on breaking."""

import copy

import pytest

from schema.pods import container, pod, texts
from sekisho.schema.validation.options import FOR_POD
from sekisho.schema.validation.pod import validate_pod_create
from sekisho.schema.validation.podresize import validate_pod_resize
from sekisho.schema.validation.podstatus import validate_pod_status_update
from sekisho.schema.validation.podupdate import (
    difference,
    validate_ephemeral_containers_update,
    validate_pod_update,
)
from sekisho.schema.validation.tolerance import options_for_update


def changed(old, **spec):
    new = copy.deepcopy(old)
    for field, value in spec.items():
        if value is None:
            new["spec"].pop(field, None)
        else:
            new["spec"][field] = value
    return new


def first_lines(errors):
    return [text.partition("\n")[0].removeprefix("spec.") for text in texts(errors)]


def update(old, **spec):
    options = options_for_update(old["spec"], old["metadata"], is_pod=True)
    return first_lines(validate_pod_update(changed(old, **spec), old, options))


FORBIDDEN = (
    "spec: Forbidden: pod updates may not change fields other than"
    " `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
TOLERATION = {"key": "a", "operator": "Exists"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({}, {"activeDeadlineSeconds": 5}, []),
        ({"activeDeadlineSeconds": 5}, {"activeDeadlineSeconds": 4}, []),
        (
            {"activeDeadlineSeconds": 5},
            {"activeDeadlineSeconds": 6},
            ["activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value"],
        ),
        (
            {"activeDeadlineSeconds": 5},
            {"activeDeadlineSeconds": None},
            [
                "activeDeadlineSeconds: Invalid value: null:"
                " must not update from a positive integer to nil value"
            ],
        ),
        ({}, {"tolerations": [TOLERATION]}, []),
        (
            {"tolerations": [TOLERATION]},
            {"tolerations": []},
            ["tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
        ),
        ({"terminationGracePeriodSeconds": -1}, {"terminationGracePeriodSeconds": 1}, []),
        ({"terminationGracePeriodSeconds": -1}, {"terminationGracePeriodSeconds": 2}, [FORBIDDEN]),
        ({}, {"terminationGracePeriodSeconds": 1}, [FORBIDDEN]),
        ({}, {"restartPolicy": "Never"}, [FORBIDDEN]),
        ({}, {"hostNetwork": True}, [FORBIDDEN]),
        ({}, {"nodeName": "n"}, [FORBIDDEN]),
        ({"schedulingGates": [{"name": "a"}, {"name": "b"}]}, {"schedulingGates": [{"name": "b"}]}, []),
        (
            {"schedulingGates": [{"name": "a"}]},
            {"schedulingGates": [{"name": "b"}]},
            [
                "schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'"
            ],
        ),
        ({"schedulingGates": [{"name": "a"}]}, {"nodeSelector": {"x": "y"}}, []),
        (
            {"schedulingGates": [{"name": "a"}], "nodeSelector": {"x": "y"}},
            {"nodeSelector": {"x": "z"}},
            [
                'nodeSelector: Invalid value: {"x":"z"}:'
                " only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            ],
        ),
        ({}, {"nodeSelector": {"x": "y"}}, [FORBIDDEN]),
    ],
)
def test_update(before, after, expected):
    found = update(pod(**before), **after)
    assert [text.removeprefix("spec.") for text in found] == expected


def test_images_may_change_and_containers_may_not():
    old = pod(initContainers=[container("i")])
    image = changed(old)["spec"]
    image["containers"][0]["image"] = image["initContainers"][0]["image"] = "other:2"
    assert update(old, **image) == []
    more = old["spec"]["containers"] + pod(containers=[container("d")])["spec"]["containers"]
    assert update(old, containers=more) == [
        "containers: Forbidden: pod updates may not add or remove containers"
    ]


def test_the_annotations_of_mirrors_and_apparmor_are_frozen():
    old = pod({"annotations": {"kubernetes.io/config.mirror": "x"}}, nodeName="n")
    new = changed(old)
    new["metadata"]["annotations"] = {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}
    assert first_lines(validate_pod_update(new, old, FOR_POD)) == [
        "metadata.annotations[kubernetes.io/config.mirror]: Forbidden:"
        " may not remove or update mirror pod annotation",
        "metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Forbidden:"
        " may not add AppArmor annotations",
    ]


def test_the_difference_is_shown():
    assert difference({"a": 1, "b": 2}, {"a": 1, "b": 3}) == (
        '@@ -1,4 +1,4 @@\n {\n   "a": 1,\n-  "b": 2\n+  "b": 3\n }\n'
    )


def ephemeral(old, containers):
    new = changed(old, ephemeralContainers=containers)
    return first_lines(validate_ephemeral_containers_update(new, old, FOR_POD))


def test_ephemeral_containers():
    filled = pod(ephemeralContainers=[container("e"), container("f")])
    e, f = filled["spec"]["ephemeralContainers"]
    old = changed(filled, ephemeralContainers=[e])
    assert ephemeral(pod(), [e]) == []
    assert ephemeral(old, [f, e]) == []
    assert ephemeral(old, [f]) == [
        'ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed'
    ]
    assert ephemeral(old, [{**e, "image": "other"}]) == [
        'ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be changed'
    ]
    assert ephemeral(old, [e, {**f, "ports": [{"containerPort": 1, "protocol": "TCP"}]}]) == [
        "ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container"
    ]


def test_static_pods_get_no_ephemeral_containers():
    old = pod({"annotations": {"kubernetes.io/config.mirror": "x"}}, nodeName="n")
    assert ephemeral(old, [container("e")]) == [
        "[]: Forbidden: static pods do not support ephemeral containers"
    ]


def resources(**amounts):
    return {"requests": dict(amounts), "limits": dict(amounts)}


def resized(old, **by_container):
    new = copy.deepcopy(old)
    for c in new["spec"]["containers"] + new["spec"].get("initContainers", []):
        if c["name"] in by_container:
            c["resources"] = by_container[c["name"]]
    return first_lines(validate_pod_resize(new, old, FOR_POD))


def test_resize():
    old = pod(containers=[container(resources=resources(cpu="1", memory="1Gi"))])
    assert resized(old, c=resources(cpu="2", memory="2Gi")) == []
    assert resized(old, c={"requests": {"cpu": "1", "memory": "1Gi"}}) == [
        'spec: Invalid value: "": Pod QOS Class may not change as a result of resizing',
        "containers[0].resources.limits: Forbidden: resource limits cannot be removed",
    ]
    assert resized(old, c=resources(cpu="2", memory="2Gi", **{"example.com/gpu": "1"})) == [
        "spec: Forbidden: only cpu and memory resources are mutable"
    ]


def test_resize_of_init_containers():
    old = pod(
        containers=[container(resources={"requests": {"cpu": "1"}})],
        initContainers=[
            container("s", restartPolicy="Always", resources={"requests": {"cpu": "1"}}),
            container("i", resources={"requests": {"cpu": "1"}}),
        ],
    )
    assert resized(old, s={"requests": {"cpu": "2"}}) == []
    assert resized(old, i={"requests": {"cpu": "2"}}) == []
    assert resized(old, i={}) == [
        "initContainers[1].resources.requests: Forbidden: resource requests cannot be removed"
    ]


def test_what_cannot_be_resized():
    amounts = {"resources": {"requests": {"cpu": "1"}}}
    static = pod(
        {"annotations": {"kubernetes.io/config.mirror": "x"}}, nodeName="n", containers=[container(**amounts)]
    )
    assert resized(static) == ["[]: Forbidden: static pods cannot be resized"]
    assert resized(pod(os={"name": "windows"})) == ["[]: Forbidden: windows pods cannot be resized"]
    old = pod(containers=[container(**amounts)])
    renamed = copy.deepcopy(old)
    renamed["spec"]["containers"][0]["name"] = "d"
    assert first_lines(validate_pod_resize(renamed, old, FOR_POD)) == [
        "containers[0].name: Forbidden: containers may not be renamed or reordered on resize"
    ]


def status(new, old=None, **spec):
    before = {**pod(**spec), "status": old or {}}
    return first_lines(validate_pod_status_update({**before, "status": new}, before, FOR_POD))


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ({"phase": "Running", "podIPs": [{"ip": "1.1.1.1"}]}, {}, []),
        (
            {"qosClass": "Burstable"},
            {"qosClass": "BestEffort"},
            ['status.qosClass: Invalid value: "Burstable": field is immutable'],
        ),
        (
            {"observedGeneration": -1},
            {},
            ["status.observedGeneration: Invalid value: -1: must be a non-negative integer"],
        ),
        (
            {"podIPs": [{"ip": "x"}]},
            {},
            [
                'status.podIPs[0]: Invalid value: "x":'
                " must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            ],
        ),
        ({"podIPs": [{"ip": "x"}]}, {"podIPs": [{"ip": "x"}]}, []),
        (
            {"podIPs": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.2"}]},
            {},
            [
                'status.podIPs: Invalid value: [{"IP":"1.1.1.1"},{"IP":"1.1.1.2"}]:'
                " may specify no more than one IP for each IP family"
            ],
        ),
        (
            {"hostIP": "1.1.1.1", "hostIPs": [{"ip": "1.1.1.2"}]},
            {},
            ['status.hostIPs[0].ip: Invalid value: "1.1.1.2": must be equal to `hostIP`'],
        ),
        (
            {"resourceClaimStatuses": [{"name": "r"}]},
            {},
            [
                'status.resourceClaimStatuses[0].name: Invalid value: "r":'
                " must match the name of an entry in `spec.resourceClaims`"
            ],
        ),
    ],
)
def test_status(new, old, expected):
    assert status(new, old) == expected


def state(**what):
    return [{"name": "c", "state": what}]


def test_ended_containers_stay_so():
    ended, running = state(terminated={"exitCode": 1}), state(running={})
    error = ["status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"]
    assert status({"containerStatuses": running}, {"containerStatuses": ended}) == []
    assert (
        status({"containerStatuses": running}, {"containerStatuses": ended}, restartPolicy="Never") == error
    )
    assert (
        status({"containerStatuses": running}, {"containerStatuses": ended}, restartPolicy="OnFailure") == []
    )
    fine = state(terminated={"exitCode": 0})
    assert (
        status({"containerStatuses": running}, {"containerStatuses": fine}, restartPolicy="OnFailure")
        == error
    )


def test_nomination():
    assert status({"nominatedNodeName": "n"}) == []
    assert status({"nominatedNodeName": "n"}, nodeName="m") == [
        "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node"
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {
            "affinity": {
                "podAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "topologyKey": "k",
                            "labelSelector": {
                                "matchExpressions": [{"key": "a", "operator": "In", "values": ["a b"]}]
                            },
                        }
                    ]
                }
            }
        },
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["a b"]}]}
                        ]
                    }
                }
            }
        },
        {
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "k",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"a": "b c"}},
                }
            ]
        },
        {
            "containers": [
                container(
                    resources={
                        "requests": {"cpu": "1", "hugepages-2Mi": "3Mi"},
                        "limits": {"hugepages-2Mi": "3Mi"},
                    }
                )
            ]
        },
        {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "a/../b"}}]}}]},
        {"volumes": [{"name": "v", "image": {"reference": ""}}]},
        {
            "initContainers": [
                container("i", resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}])
            ]
        },
        {"hostUsers": False, "hostNetwork": True},
        {"securityContext": {"sysctls": [{"name": "net.ipv4.x", "value": "1"}]}, "hostNetwork": True},
    ],
    ids=lambda spec: ",".join(spec),
)
def test_old_mistakes_are_tolerated_in_updates(spec):
    old = pod(**spec)
    assert validate_pod_create(old, FOR_POD)
    assert update(old) == []


def test_an_old_deletion_cost_is_tolerated():
    old = pod({"annotations": {"controller.kubernetes.io/pod-deletion-cost": "many"}})
    assert validate_pod_create(old, FOR_POD)
    assert update(old) == []
