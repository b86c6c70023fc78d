"""PodSecurity: policies of namespaces, what each check says, and who is told how."""

from __future__ import annotations

import json

import pytest

from admission.fake import refused, request, run
from sekisho.admission.podsecurity import Config, PodSecurity
from sekisho.admission.podsecurity.policy import LATEST, Level, LevelVersion, Policy, policy_of
from sekisho.admission.podsecurity.registry import evaluate

P = "pod-security.kubernetes.io/"
BASELINE = LevelVersion(Level.BASELINE)
RESTRICTED = LevelVersion(Level.RESTRICTED)
GOOD = {
    "containers": [
        {
            "name": "c",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
    ]
}


def pod(spec=None, *, context=None, **container):
    main = {"name": "c", **container}
    if context is not None:
        main["securityContext"] = context
    return {"metadata": {"name": "p"}, "spec": {"containers": [main], **(spec or {})}}


def violations(obj, wanted=BASELINE):
    return [str(v) for v in evaluate(wanted, obj["metadata"], obj["spec"])]


def test_policies_of_labels():
    assert policy_of({}) == (Policy(), [])
    policy, errors = policy_of({P + "enforce": "baseline", P + "enforce-version": "v1.30"})
    assert not errors
    assert [str(mode) for mode in policy] == ["baseline:v1.30", "privileged:latest", "baseline:v1.30"]
    policy, _ = policy_of({P + "enforce": "baseline", P + "warn-version": "v1.25"})
    assert str(policy.warn) == "baseline:v1.25"
    policy, _ = policy_of({P + "enforce": "baseline", P + "warn": "privileged"})
    assert str(policy.warn) == "privileged:latest"


def test_bad_labels():
    labels = {P + "enforce": "x", P + "enforce-version": "v1.01", P + "audit": "y", P + "warn": "z"}
    policy, errors = policy_of(labels)
    assert [mode.level.value for mode in policy] == ["restricted", "privileged", "privileged"]
    assert policy.enforce.version == LATEST
    assert [e.field for e in errors] == [
        f"metadata.labels[{P}enforce]",
        f"metadata.labels[{P}enforce-version]",
        f"metadata.labels[{P}audit]",
        f"metadata.labels[{P}warn]",
    ]
    assert errors[1].body == 'Invalid value: "v1.01": must be "latest" or "v1.x"'


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        (pod({"hostNetwork": True, "hostIPC": True}), "host namespaces (hostNetwork=true, hostIPC=true)"),
        (pod({"volumes": [{"name": "v", "hostPath": {}}]}), 'hostPath volumes (volume "v")'),
        (
            pod(ports=[{"hostPort": 80}, {"hostPort": 443}, {"containerPort": 1}]),
            'hostPort (container "c" uses hostPorts 443, 80)',
        ),
        (
            pod(
                livenessProbe={"tcpSocket": {"host": "b"}}, lifecycle={"preStop": {"httpGet": {"host": "a"}}}
            ),
            'probe or lifecycle host (container "c" uses probe or lifecycle hosts "a", "b")',
        ),
        (
            pod(
                {"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]},
                context={"privileged": True},
            ),
            'privileged (containers "i", "c" must not set securityContext.privileged=true)',
        ),
        (
            pod(context={"procMount": "Unmasked"}),
            'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            pod({"securityContext": {"windowsOptions": {"hostProcess": True}}}),
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            pod(context={"capabilities": {"add": ["SYS_TIME", "CHOWN", "NET_ADMIN"]}}),
            'non-default capabilities (container "c" must not include "NET_ADMIN", "SYS_TIME" in '
            "securityContext.capabilities.add)",
        ),
        (
            pod(
                {"securityContext": {"seLinuxOptions": {"user": "u"}}},
                context={"seLinuxOptions": {"type": "t"}},
            ),
            'seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: type "t"; '
            "user may not be set)",
        ),
        (
            pod({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            pod(
                {
                    "securityContext": {
                        "sysctls": [{"name": "b"}, {"name": "a"}, {"name": "net.ipv4.tcp_rmem"}]
                    }
                }
            ),
            "forbidden sysctls (b, a)",
        ),
    ],
)
def test_baseline(obj, text):
    assert violations(obj) == [text]


def test_app_armor_by_field_and_annotation():
    obj = pod(context={"appArmorProfile": {"type": "Unconfined"}})
    key = "container.apparmor.security.beta.kubernetes.io/c"
    obj["metadata"]["annotations"] = {key: "unconfined", f"{key}2": "localhost/x"}
    assert violations(obj) == [
        'forbidden AppArmor profiles (container "c" and annotation must not set AppArmor profile type to '
        f'"Unconfined", "{key}="unconfined"")'
    ]


def test_restricted():
    assert violations(pod(), RESTRICTED) == [
        'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"])',
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")',
    ]
    assert evaluate(RESTRICTED, {}, GOOD) == []


def test_restricted_replaces_baseline_checks():
    spec = {
        "volumes": [{"name": "v", "hostPath": {}}, {"name": "w", "nfs": {}}, {"name": "x", "emptyDir": {}}],
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False},
        "containers": [
            {
                **GOOD["containers"][0],
                "securityContext": {
                    **GOOD["containers"][0]["securityContext"],
                    "capabilities": {"drop": ["ALL"], "add": ["SYS_TIME"]},
                },
            }
        ],
    }
    assert [str(v) for v in evaluate(RESTRICTED, {}, spec)] == [
        'unrestricted capabilities (container "c" must not include "SYS_TIME" in securityContext.capabilities.add)',
        'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
        "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
        "runAsUser=0 (pod must not set runAsUser=0)",
    ]


def test_versions():
    probe = pod(livenessProbe={"httpGet": {"host": "a"}})
    assert violations(probe, LevelVersion(Level.BASELINE, 33)) == []
    assert len(violations(probe, LevelVersion(Level.BASELINE, 34))) == 1
    assert len(violations(probe, LevelVersion(Level.BASELINE, 99))) == 1
    annotated = pod(context={"seccompProfile": {"type": "Unconfined"}})
    annotated["metadata"]["annotations"] = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}
    assert violations(annotated, LevelVersion(Level.BASELINE, 18)) == [
        'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    ]
    assert violations(pod(), LevelVersion(Level.RESTRICTED, 7)) == [
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)'
    ]


def test_user_namespaces_relax():
    mapped = pod({"hostUsers": False, **GOOD}, context=None)
    mapped["spec"]["containers"] = [{"name": "c", "securityContext": {"procMount": "Unmasked"}}]
    assert violations(mapped) == []
    assert len(violations(mapped, LevelVersion(Level.BASELINE, 34))) == 1
    reasons = [v.reason for v in evaluate(RESTRICTED, {}, mapped["spec"])]
    assert "procMount" in reasons
    assert "runAsNonRoot != true" not in reasons


def namespace(**labels):
    return {"metadata": {"name": "ns", "labels": {P + k.replace("_", "-"): v for k, v in labels.items()}}}


def ask(obj, ns, *, plugin=None, resource="pods", operation="CREATE", old=None, user="bob", **kwargs):
    objects = {("namespaces", "", "ns"): ns}
    req = request(
        resource,
        operation,
        obj,
        old,
        user=user,
        objects=objects,
        namespace="ns",
        name="p",
        **kwargs,
    )
    return plugin or PodSecurity(), req


PRIVILEGED = pod(context={"privileged": True})
SENTENCE = 'privileged (container "c" must not set securityContext.privileged=true)'


def test_enforced_pods_are_refused_without_a_warning():
    plugin, req = ask(PRIVILEGED, namespace(enforce="baseline", audit="baseline"))
    error = refused(plugin, req)
    assert error.message == f'pods "p" is forbidden: violates PodSecurity "baseline:latest": {SENTENCE}'
    assert error.details == {"name": "p", "kind": "pods"}
    assert req.warnings == []
    assert req.annotations == {
        P + "enforce-policy": "baseline:latest",
        P + "audit-violations": f'would violate PodSecurity "baseline:latest": {SENTENCE}',
    }


def test_warned_pods_pass():
    req = run(*ask(PRIVILEGED, namespace(warn="baseline", warn_version="v1.30")))
    assert req.warnings == [f'would violate PodSecurity "baseline:v1.30": {SENTENCE}']


def test_workloads_are_never_refused():
    deployment = {"metadata": {"name": "d"}, "spec": {"template": PRIVILEGED}}
    req = run(*ask(deployment, namespace(enforce="baseline"), resource="deployments.apps"))
    assert req.warnings == [f'would violate PodSecurity "baseline:latest": {SENTENCE}']
    cron = {"metadata": {"name": "d"}, "spec": {"jobTemplate": {"spec": {"template": PRIVILEGED}}}}
    assert run(*ask(cron, namespace(warn="baseline"), resource="cronjobs.batch")).warnings
    assert not run(*ask({"spec": {}}, namespace(warn="baseline"), resource="replicationcontrollers")).warnings


def test_updates_that_change_no_container_pass():
    labelled = {**PRIVILEGED, "metadata": {"name": "p", "labels": {"a": "b"}}}
    run(*ask(labelled, namespace(enforce="baseline"), operation="UPDATE", old=PRIVILEGED))
    other_image = pod(context={"privileged": True}, image="other")
    refused(*ask(other_image, namespace(enforce="baseline"), operation="UPDATE", old=PRIVILEGED))
    ephemeral = {**PRIVILEGED, "spec": {**PRIVILEGED["spec"], "ephemeralContainers": [{"name": "e"}]}}
    refused(
        *ask(
            ephemeral,
            namespace(enforce="baseline"),
            operation="UPDATE",
            old=PRIVILEGED,
            subresource="ephemeralcontainers",
        )
    )
    run(*ask(other_image, namespace(enforce="baseline"), subresource="status"))


def configured(**content):
    kind = {"apiVersion": "pod-security.admission.config.k8s.io/v1", "kind": "PodSecurityConfiguration"}
    plugin = PodSecurity()
    plugin.configure(json.dumps(kind | content).encode())
    return plugin


def test_exemptions():
    plugin = configured(exemptions={"namespaces": ["other"], "usernames": ["root"], "runtimeClasses": ["vm"]})
    strict = namespace(enforce="baseline")
    refused(*ask(PRIVILEGED, strict, plugin=plugin))
    req = run(*ask(PRIVILEGED, strict, plugin=plugin, user="root"))
    assert req.annotations == {P + "exempt": "user"}
    vm = pod({"runtimeClassName": "vm"}, context={"privileged": True})
    assert run(*ask(vm, strict, plugin=plugin)).annotations == {P + "exempt": "runtimeClass"}
    exempt = PodSecurity(Config(namespaces=frozenset(("ns",))))
    assert run(*ask(PRIVILEGED, strict, plugin=exempt)).annotations == {P + "exempt": "namespace"}


def test_defaults_of_the_configuration():
    plugin = configured(defaults={"enforce": "baseline", "enforce-version": "v1.30"})
    assert '"baseline:v1.30"' in refused(*ask(PRIVILEGED, namespace(), plugin=plugin)).message


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            {"defaults": {"warn": "high", "audit-version": "v1"}},
            '[defaults.audit-version: Invalid value: "v1": must be "latest" or "v1.x", '
            'defaults.warn: Invalid value: "high": must be one of privileged, baseline, restricted]',
        ),
        ({"defaults": {"deny": "x"}}, 'strict decoding error: unknown field "defaults.deny"'),
        (
            {"exemptions": {"usernames": ["", "a", "a"]}},
            '[exemptions.usernames[0]: Invalid value: "": username must not be empty, '
            'exemptions.usernames[2]: Duplicate value: "a"]',
        ),
        (
            {"kind": "Other"},
            'no kind "Other" is registered for version "pod-security.admission.config.k8s.io/v1"',
        ),
    ],
)
def test_configurations_that_are_no_good(wrong, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the text is compared in full)
        configured(**wrong)
    assert str(caught.value) == text


def test_a_namespace_that_is_not_there():
    plugin, req = ask(PRIVILEGED, None)
    assert refused(plugin, req).message == 'Internal error occurred: failed to lookup namespace "ns"'


def change(new, old=None, pods=(), plugin=None):
    objects = {("pods", "ns", p["metadata"]["name"]): p for p in pods}
    operation = "CREATE" if old is None else "UPDATE"
    return plugin or PodSecurity(), request("namespaces", operation, new, old, objects=objects, name="ns")


def test_labels_of_namespaces_are_checked_when_they_change():
    bad = namespace(enforce="high")
    assert refused(*change(bad)).message == (
        f'Namespace "ns" is invalid: metadata.labels[{P}enforce]: Invalid value: "high": must be one of '
        "privileged, baseline, restricted"
    )
    run(*change(bad, old=bad))
    refused(*change(bad, old=namespace()))


def named_pod(name, obj, **metadata):
    return {**obj, "metadata": {"name": name, **metadata}}


def test_a_stricter_namespace_names_the_pods_in_it():
    owner = [{"uid": "rs", "controller": True}]
    pods = [
        named_pod("b", PRIVILEGED, ownerReferences=owner),
        named_pod("a", PRIVILEGED, ownerReferences=owner),
        named_pod("c", pod({"hostPID": True})),
        named_pod("d", pod()),
    ]
    req = run(*change(namespace(enforce="baseline"), namespace(), pods))
    assert req.warnings == [
        'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): privileged",
        "c: host namespaces",
    ]
    assert run(*change(namespace(), namespace(enforce="baseline"), pods)).warnings == []
    assert run(*change(namespace(enforce="baseline"), namespace(enforce="restricted"), pods)).warnings == []
    assert run(*change(namespace(enforce="baseline"), None, pods)).warnings == []


def test_pods_are_not_looked_at_for_ever():
    time = iter(range(100))
    plugin = PodSecurity(monotonic=lambda: next(time))
    pods = [named_pod(f"p{i}", PRIVILEGED) for i in range(5)]
    req = run(*change(namespace(enforce="baseline"), namespace(), pods, plugin))
    assert req.warnings == [
        "new PodSecurity enforce level only checked against the first 2 of 5 existing pods",
        'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
        "p0 (and 1 other pod): privileged",
    ]


def test_a_policy_on_an_exempt_namespace_is_pointed_out():
    plugin = PodSecurity(Config(namespaces=frozenset(("ns",))))
    req = run(*change(namespace(enforce="baseline", warn="restricted"), plugin=plugin))
    assert req.warnings == [
        'namespace "ns" is exempt from Pod Security, and the policy (enforce=baseline:latest, '
        "warn=restricted:latest) will be ignored"
    ]
