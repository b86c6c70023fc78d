"""Nothing is written into a namespace that is missing or going away."""

from __future__ import annotations

from admission.fake import refused, request, run
from sekisho.admission.namespacelifecycle import NamespaceLifecycle

PLUGIN = NamespaceLifecycle()
HERE = {("namespaces", "", "n"): {"metadata": {"name": "n"}, "status": {"phase": "Active"}}}
GOING = {("namespaces", "", "n"): {"metadata": {"name": "n"}, "status": {"phase": "Terminating"}}}


def pods(operation="CREATE", objects=None, name="p"):
    return request("pods", operation, {"metadata": {}}, objects=objects, namespace="n", name=name)


def test_namespaces_must_exist():
    run(PLUGIN, pods(objects=HERE))
    error = refused(PLUGIN, pods())
    assert (error.code, error.message) == (404, 'namespaces "n" not found')
    assert refused(PLUGIN, pods("UPDATE")).code == 404
    run(PLUGIN, pods("DELETE"))


def test_nothing_new_in_a_terminating_namespace():
    error = refused(PLUGIN, pods(objects=GOING))
    assert error.message == (
        'pods "p" is forbidden: unable to create new content in namespace n because it is being terminated'
    )
    assert error.details == {
        "name": "p",
        "kind": "pods",
        "causes": [
            {
                "reason": "NamespaceTerminating",
                "message": "namespace n is being terminated",
                "field": "metadata.namespace",
            }
        ],
    }
    run(PLUGIN, pods("UPDATE", GOING))


def test_names_that_are_not_known_yet():
    generated = request("pods", obj={"metadata": {"generateName": "p-"}}, objects=GOING, namespace="n")
    assert refused(PLUGIN, generated).message.startswith('pods "p-" is forbidden')
    assert refused(PLUGIN, pods(objects=GOING, name="")).message.startswith('pods "Unknown" is forbidden')


def test_immortal_namespaces():
    error = refused(PLUGIN, request("namespaces", "DELETE", name="kube-system", namespace="kube-system"))
    assert error.message == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'
    run(PLUGIN, request("namespaces", "DELETE", name="n", namespace="n"))
    run(PLUGIN, request("namespaces", "CREATE", {}, name="n", namespace="n"))


def test_access_reviews_say_nothing_of_the_namespace():
    run(PLUGIN, request("localsubjectaccessreviews.authorization.k8s.io", obj={}, namespace="n"))
    run(PLUGIN, request("nodes", obj={}))
