"""The pod's row: ready count, status word, restarts."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.api.tables import table_for
from sekisho.api.time import format_time, parse_time

BORN = "2026-01-02T03:04:05Z"
NOW = parse_time(BORN) + 300

RUNNING = {"running": {"startedAt": BORN}}


def ended(code: int = 0, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **more}}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def container(name: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, **more}


def pod(
    *statuses: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    sidecars: str = "",
    spec: dict[str, Any] | None = None,
    deleted: bool = False,
    **status: Any,
) -> dict[str, Any]:
    status.setdefault("phase", "Running")
    init_containers = [
        {"name": c["name"], **({"restartPolicy": "Always"} if c["name"] in sidecars else {})} for c in init
    ]
    return {
        "metadata": {
            "name": "p",
            "creationTimestamp": BORN,
            **({"deletionTimestamp": BORN} if deleted else {}),
        },
        "spec": {
            "containers": [{"name": c["name"]} for c in statuses] or [{"name": "a"}],
            "initContainers": init_containers,
            **(spec or {}),
        },
        "status": {**status, "containerStatuses": list(statuses), "initContainerStatuses": list(init)},
    }


def cells(obj: dict[str, Any]) -> list[Any]:
    return table_for("", "Pod").row(obj, NOW)[0]


def shown(obj: dict[str, Any]) -> tuple[str, str, str]:
    row = cells(obj)
    return row[1], row[2], row[3]


def condition(type_: str, status: str = "True", reason: str = "") -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason}


OK = container("ok", RUNNING, ready=True)
DONE = container("done", ended(reason="Completed"))


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (pod(phase="Pending"), ("0/1", "Pending", "0")),
        (pod(phase="Failed", reason="Evicted"), ("0/1", "Evicted", "0")),
        (
            pod(phase="Pending", conditions=[condition("PodScheduled", "False", "SchedulingGated")]),
            ("0/1", "SchedulingGated", "0"),
        ),
        (pod(OK), ("1/1", "Running", "0")),
        (pod(OK, container("b", waiting("CrashLoopBackOff"))), ("1/2", "CrashLoopBackOff", "0")),
        (pod(container("a", waiting("A")), container("b", waiting("B"))), ("0/2", "A", "0")),
        (pod(container("a", ended(3))), ("0/1", "ExitCode:3", "0")),
        (pod(container("a", ended(137, signal=9))), ("0/1", "Signal:9", "0")),
        (pod(container("a", ended(1, reason="Error"))), ("0/1", "Error", "0")),
        (pod(DONE, phase="Succeeded"), ("0/1", "Completed", "0")),
        (pod(DONE, OK), ("1/2", "NotReady", "0")),
        (pod(DONE, OK, conditions=[condition("Ready")]), ("1/2", "Running", "0")),
        (pod(DONE, container("b", ended(1, reason="Error"))), ("0/2", "Error", "0")),
        (pod(deleted=True), ("0/1", "Terminating", "0")),
        (pod(deleted=True, phase="Succeeded"), ("0/1", "Succeeded", "0")),
        (pod(deleted=True, reason="NodeLost"), ("0/1", "Unknown", "0")),
    ],
)
def test_status(obj, expected):
    assert shown(obj) == expected


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ((container("i", {}), container("j", {})), ("0/1", "Init:0/2", "0")),
        ((container("i", ended()), container("j", {})), ("0/1", "Init:1/2", "0")),
        ((container("i", waiting("PodInitializing")),), ("0/1", "Init:0/1", "0")),
        ((container("i", waiting("ImagePullBackOff")),), ("0/1", "Init:ImagePullBackOff", "0")),
        ((container("i", ended(1, reason="Error")),), ("0/1", "Init:Error", "0")),
        ((container("i", ended(1)),), ("0/1", "Init:ExitCode:1", "0")),
        ((container("i", ended(1, signal=15)),), ("0/1", "Init:Signal:15", "0")),
        ((container("i", {}, restartCount=2), container("j", {}, restartCount=5)), ("0/1", "Init:0/2", "2")),
    ],
)
def test_initialisation(init, expected):
    assert shown(pod(phase="Pending", init=init)) == expected


def test_sidecars_count_as_containers():
    side = container("s", RUNNING, ready=True, started=True, restartCount=2)
    assert shown(pod(OK, init=(side,), sidecars="s")) == ("2/2", "Running", "2")
    late = container("s", RUNNING, started=False)
    assert shown(pod(phase="Pending", init=(late,), sidecars="s")) == ("0/2", "Init:0/1", "0")


def test_an_initialised_pod_shows_its_containers():
    init = (container("i", ended(1, reason="Error"), restartCount=4),)
    obj = pod(OK, init=init, conditions=[condition("Initialized")])
    assert shown(obj) == ("1/1", "Init:Error", "0")


def test_restarts_tell_how_long_ago():
    def restarted(ago: int) -> dict[str, Any]:
        return ended(1, finishedAt=format_time(NOW - ago))

    obj = pod(
        container("a", RUNNING, ready=True, restartCount=1, lastState=restarted(3600 * 5)),
        container("b", RUNNING, ready=True, restartCount=2, lastState=restarted(60)),
    )
    assert shown(obj) == ("2/2", "Running", "3 (60s ago)")


def test_wide_columns():
    obj = pod(
        OK,
        spec={"nodeName": "n", "readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]},
        podIPs=[{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
        nominatedNodeName="m",
        conditions=[condition("x"), condition("y", "False")],
    )
    assert cells(obj)[4:] == ["5m", "10.0.0.1", "n", "m", "1/2"]
    assert cells(pod())[5:] == ["<none>"] * 4


def test_conditions_of_pods_that_have_ended():
    printer = table_for("", "Pod")
    assert printer.row(pod(phase="Failed"), NOW)[1] == [
        {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}
    ]
    assert printer.row(pod(phase="Succeeded"), NOW)[1][0]["message"] == "The pod has completed successfully."
    assert printer.row(pod(), NOW)[1] == []
