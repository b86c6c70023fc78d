"""Pods on the simulated node, from binding to end, with every request judged by the real authorizers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from node.fakes import Server, VirtualClock, pod, settle
from sekisho.api.status import plain_error
from sekisho.api.types import Object
from sekisho.node.registration import node_user
from sekisho.node.simulated import ANNOTATION, LABEL, SimulatedNode, SimulatedNodeSettings

NODE = "sekisho-node"


@contextlib.asynccontextmanager
async def running(server: Server | None = None) -> AsyncIterator[tuple[Server, VirtualClock]]:
    clock = server.clock if server else VirtualClock()
    server = server or Server(clock)
    node = SimulatedNode(server.client(node_user(NODE)), clock, SimulatedNodeSettings())  # type: ignore[arg-type]
    task = asyncio.create_task(node.run())
    await settle()
    assert node.ready.is_set()
    try:
        yield server, clock
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 2, "this test and the wait_for around it"


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def bound(name: str, **spec: Any) -> Object:
    return pod(name, nodeName=NODE, **spec)


def conditions(held: Object) -> dict[str, tuple[str, ...]]:
    return {
        c["type"]: tuple(filter(None, (c["status"], c.get("reason"), c.get("message"))))
        for c in held["status"]["conditions"]
    }


def test_the_node_registers_as_simulated_and_keeps_its_lease() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            node = server.get("nodes", NODE)
            assert node["metadata"]["labels"][LABEL] == "simulated"
            assert "No process runs" in node["metadata"]["annotations"][ANNOTATION]
            assert node["metadata"]["labels"]["kubernetes.io/hostname"] == NODE
            status = node["status"]
            assert status["capacity"] == status["allocatable"]
            assert [(c["type"], c["status"]) for c in status["conditions"]] == [
                ("MemoryPressure", "False"),
                ("DiskPressure", "False"),
                ("PIDPressure", "False"),
                ("Ready", "True"),
            ]
            assert status["nodeInfo"]["containerRuntimeVersion"].startswith("simulated://")
            lease = server.get("leases.coordination.k8s.io", NODE, "kube-node-lease")
            assert lease["metadata"]["ownerReferences"][0]["uid"] == node["metadata"]["uid"]
            assert lease["spec"]["renewTime"] == "2026-01-01T00:00:00.000000Z"
            await clock.advance(25)
            lease = server.get("leases.coordination.k8s.io", NODE, "kube-node-lease")
            assert lease["spec"] == {
                "holderIdentity": NODE,
                "leaseDurationSeconds": 40,
                "renewTime": "2026-01-01T00:00:20.000000Z",
            }
            await clock.advance(300)
            ready = server.get("nodes", NODE)["status"]["conditions"][3]
            assert ready["lastHeartbeatTime"] == "2026-01-01T00:05:00Z"
            assert ready["lastTransitionTime"] == "2026-01-01T00:00:00Z"
            assert ("NodeReady", f"Node {NODE} status is now: NodeReady") in server.events(NODE)

    run(main())


def test_registration_waits_out_failures_and_takes_over_a_node() -> None:
    async def main() -> None:
        clock = VirtualClock()
        server = Server(clock)
        server.fail["create", "nodes"] = [plain_error("no"), plain_error("not yet")]
        server.fail["update", "leases.coordination.k8s.io"] = [plain_error("no")]
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}
        server.put(
            "nodes",
            {"metadata": {"name": NODE, "labels": {"mine": "x"}}, "status": {"conditions": [condition]}},
        )
        node = SimulatedNode(server.client(node_user(NODE)), clock)  # type: ignore[arg-type]
        task = asyncio.create_task(node.run())
        await clock.advance(1)
        assert node.ready.is_set()
        held = server.get("nodes", NODE)
        assert held["metadata"]["labels"]["mine"] == "x"
        assert held["metadata"]["labels"][LABEL] == "simulated"
        assert held["status"]["conditions"][-1]["lastTransitionTime"] == "2025-01-01T00:00:00Z"
        await clock.advance(12)
        lease = server.get("leases.coordination.k8s.io", NODE, "kube-node-lease")
        assert lease["spec"]["renewTime"] > "2026-01-01T00:00:10"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())


def test_a_pod_goes_from_creating_to_running() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", bound("web"))
            await settle()
            held = server.pod("web")
            assert held["status"]["phase"] == "Pending"
            assert held["status"]["containerStatuses"][0]["state"] == {
                "waiting": {"reason": "ContainerCreating"}
            }
            unready = ("False", "ContainersNotReady", "containers with unready status: [c]")
            assert conditions(held) == {
                "PodReadyToStartContainers": ("False",),
                "Initialized": ("True",),
                "Ready": unready,
                "ContainersReady": unready,
                "PodScheduled": ("True",),
            }
            await clock.advance(1)
            held = server.pod("web")
            status = held["status"]
            assert status["phase"] == "Running"
            assert (status["hostIP"], status["podIP"]) == ("127.0.0.1", "10.244.0.2")
            assert status["podIPs"] == [{"ip": "10.244.0.2"}]
            assert status["startTime"] == "2026-01-01T00:00:00Z"
            assert set(conditions(held).values()) == {("True",)}
            assert next(iter(conditions(held))) == "PodReadyToStartContainers"
            container = status["containerStatuses"][0]
            assert container["ready"] is True
            assert container["started"] is True
            assert container["image"] == "docker.io/library/nginx:latest"
            assert container["containerID"].startswith("simulated://")
            assert server.events("web") == [
                ("Pulling", 'Pulling image "nginx"'),
                (
                    "Pulled",
                    'Successfully pulled image "nginx" in 0s (0s including waiting). Image size: 0 bytes.',
                ),
                ("Created", "Container created"),
                ("Started", "Container started"),
            ]
            event = next(iter(server.objects["events"].values()))
            assert event["source"] == {"component": "kubelet", "host": NODE}
            writes = [a for a in server.requests if a.resource == "pods" and a.verb == "patch"]
            assert len(writes) == 2
            await clock.advance(100)
            assert len([a for a in server.requests if a.resource == "pods" and a.verb == "patch"]) == 2

    run(main())


def test_a_present_image_is_not_pulled_again() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            once = {"name": "c", "image": "a:1", "imagePullPolicy": "IfNotPresent"}
            server.put("pods", bound("one", containers=[once]))
            await clock.advance(1)
            server.put("pods", bound("two", containers=[once]))
            await clock.advance(1)
            assert server.events("two")[0] == (
                "Pulled",
                'Container image "a:1" already present on machine and can be accessed by the pod',
            )
            assert server.pod("two")["status"]["podIP"] == "10.244.0.3"

    run(main())


def test_graceful_deletion_ends_with_a_delete_of_the_same_uid() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", bound("web"))
            await clock.advance(1)
            seen: list[Object] = []
            put = server.put

            def watching(resource: str, obj: Object) -> Object:
                if resource == "pods":
                    seen.append(obj)
                return put(resource, obj)

            server.put = watching  # type: ignore[method-assign]
            server.delete_pod("web")
            await clock.advance(1)
            assert ("default", "web") not in server.objects["pods"]
            last = seen[-1]
            assert last["status"]["phase"] == "Succeeded"
            terminated = last["status"]["containerStatuses"][0]["state"]["terminated"]
            assert (terminated["exitCode"], terminated["reason"]) == (0, "Completed")
            assert conditions(last)["Ready"] == ("False", "PodCompleted")
            assert server.events("web")[-1] == ("Killing", "Stopping container c")
            server.put("pods", bound("next"))
            await clock.advance(1)
            assert server.pod("next")["status"]["podIP"] == "10.244.0.3"

    run(main())


def test_deletion_while_it_starts_and_by_force() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", bound("early"))
            await settle()
            server.delete_pod("early")
            await clock.advance(1)
            assert ("default", "early") not in server.objects["pods"]
            assert server.events("early") == []
            server.put("pods", bound("forced"))
            await clock.advance(1)
            server.delete_pod("forced", grace=0)
            again = server.put("pods", bound("forced"))
            await clock.advance(1)
            held = server.pod("forced")
            assert held["metadata"]["uid"] == again["metadata"]["uid"]
            assert held["status"]["phase"] == "Running"

    run(main())


def test_a_finalizer_keeps_the_pod_and_the_node_asks_no_more() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            held = bound("kept")
            held["metadata"]["finalizers"] = ["example.com/keep"]
            server.put("pods", held)
            await clock.advance(1)
            server.delete_pod("kept")
            await clock.advance(100)
            deletes = [a for a in server.requests if a.verb == "delete"]
            assert len(deletes) == 1
            assert server.pod("kept")["metadata"]["deletionGracePeriodSeconds"] == 0

    run(main())


def test_init_containers_run_before_the_others() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            init = [
                {"name": "setup", "image": "busybox"},
                {"name": "side", "image": "proxy", "restartPolicy": "Always"},
            ]
            server.put("pods", bound("web", initContainers=init))
            await settle()
            held = server.pod("web")
            assert conditions(held)["Initialized"] == (
                "False",
                "ContainersNotInitialized",
                "containers with incomplete status: [setup side]",
            )
            assert held["status"]["containerStatuses"][0]["state"] == {
                "waiting": {"reason": "PodInitializing"}
            }
            await clock.advance(1)
            held = server.pod("web")
            first, side = held["status"]["initContainerStatuses"]
            assert first["state"]["terminated"]["reason"] == "Completed"
            assert first["ready"] is True
            assert "running" in side["state"]
            assert held["status"]["phase"] == "Running"
            assert conditions(held)["Ready"] == ("True",)

    run(main())


def test_readiness_gates_hold_a_pod_back() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            gates = [{"conditionType": "example.com/ok"}]
            server.put("pods", bound("web", readinessGates=gates))
            await clock.advance(1)
            held = server.pod("web")
            assert conditions(held)["Ready"] == (
                "False",
                "ReadinessGatesNotReady",
                'corresponding condition of pod readiness gate "example.com/ok" does not exist.',
            )
            assert conditions(held)["ContainersReady"] == ("True",)
            opened = [*held["status"]["conditions"], {"type": "example.com/ok", "status": "True"}]
            server.put("pods", {**held, "status": {**held["status"], "conditions": opened}})
            await clock.advance(1)
            assert conditions(server.pod("web"))["Ready"] == ("True",)

    run(main())


def test_what_is_missing_keeps_a_pod_from_starting() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            volumes = [
                {"name": "config", "configMap": {"name": "settings"}},
                {
                    "name": "kube-api-access-abcde",
                    "projected": {
                        "sources": [
                            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
                            {"configMap": {"name": "kube-root-ca.crt"}},
                        ]
                    },
                },
            ]
            server.put("pods", bound("web", volumes=volumes, serviceAccountName="api-reader"))
            await clock.advance(10)
            assert server.pod("web")["status"]["phase"] == "Pending"
            missing = 'MountVolume.SetUp failed for volume "config" : configmap "settings" not found'
            assert server.events("web") == [("FailedMount", missing)]
            event = next(e for e in server.objects["events"].values() if e["reason"] == "FailedMount")
            assert event["count"] > 1
            server.put("configmaps", {"metadata": {"name": "settings", "namespace": "default"}, "data": {}})
            await clock.advance(30)
            assert server.pod("web")["status"]["phase"] == "Running"
            tokens = [a for a in server.requests if a.subresource == "token"]
            assert {(a.name, a.namespace) for a in tokens} == {("api-reader", "default")}

    run(main())


def test_a_missing_key_in_the_environment_is_a_config_error() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("secrets", {"metadata": {"name": "s", "namespace": "default"}, "data": {"a": "QQ=="}})
            env = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b"}}}]
            server.put("pods", bound("web", containers=[{"name": "c", "image": "a", "env": env}]))
            await clock.advance(1)
            held = server.pod("web")
            text = "couldn't find key b in Secret default/s"
            assert held["status"]["containerStatuses"][0]["state"] == {
                "waiting": {"reason": "CreateContainerConfigError", "message": text}
            }
            assert held["status"]["phase"] == "Pending"
            assert ("Failed", f"Error: {text}") in server.events("web")
            server.put("secrets", {"metadata": {"name": "s", "namespace": "default"}, "data": {"b": "QQ=="}})
            await clock.advance(10)
            assert server.pod("web")["status"]["phase"] == "Running"

    run(main())


def test_containers_wait_for_init_containers_but_not_for_each_other() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            lacking = {"name": "a", "image": "a", "envFrom": [{"configMapRef": {"name": "none"}}]}
            fine = {"name": "b", "image": "b"}
            server.put("pods", bound("beside", containers=[lacking, fine]))
            server.put("pods", bound("before", initContainers=[lacking], containers=[fine]))
            await clock.advance(1)
            beside = server.pod("beside")["status"]["containerStatuses"]
            assert [list(c["state"]) for c in beside] == [["waiting"], ["running"]]
            before = server.pod("before")["status"]
            assert before["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
            assert before["phase"] == "Pending"
            server.put("configmaps", {"metadata": {"name": "none", "namespace": "default"}})
            await clock.advance(10)
            assert server.pod("beside")["status"]["phase"] == "Running"
            assert server.pod("before")["status"]["phase"] == "Running"

    run(main())


def test_a_new_image_restarts_the_container() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            held = server.put("pods", bound("web"))
            await clock.advance(1)
            held = server.pod("web")
            container = {**held["spec"]["containers"][0], "image": "nginx:2"}
            server.put("pods", {**held, "spec": {**held["spec"], "containers": [container]}})
            await clock.advance(1)
            status = server.pod("web")["status"]["containerStatuses"][0]
            assert status["restartCount"] == 1
            assert status["image"] == "docker.io/library/nginx:2"
            assert "terminated" in status["lastState"]
            assert ("Killing", "Container c definition changed, will be restarted") in server.events("web")

    run(main())


def test_ephemeral_containers_join_a_running_pod() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", bound("web"))
            await clock.advance(1)
            held = server.pod("web")
            debug = [{"name": "debugger", "image": "busybox"}]
            server.put("pods", {**held, "spec": {**held["spec"], "ephemeralContainers": debug}})
            await clock.advance(1)
            status = server.pod("web")["status"]
            assert "running" in status["ephemeralContainerStatuses"][0]["state"]

    run(main())


def test_a_node_that_starts_again_finds_its_pods() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", bound("web"))
            await clock.advance(1)
        before = server.pod("web")
        told = server.events("web")
        async with running(server):
            await clock.advance(1)
            assert server.pod("web") is before
            assert server.events("web") == told
            server.put("pods", bound("other"))
            await clock.advance(1)
            assert server.pod("other")["status"]["podIP"] == "10.244.0.3"

    run(main())


def test_host_network_pods_have_the_nodes_address() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", bound("web", hostNetwork=True))
            await clock.advance(1)
            assert server.pod("web")["status"]["podIP"] == "127.0.0.1"

    run(main())


def test_failing_requests_are_tried_again() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.fail["patch", "pods"] = [plain_error("etcd is away")] * 3
            server.put("pods", bound("web"))
            await clock.advance(10)
            assert server.pod("web")["status"]["phase"] == "Running"

    run(main())


def test_finished_pods_are_left_alone() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            done = bound("done")
            done["status"] = {"phase": "Succeeded"}
            server.put("pods", done)
            await clock.advance(10)
            assert not [a for a in server.requests if a.name == "done"]

    run(main())
