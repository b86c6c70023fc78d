"""Owner references need rights on both ends."""

from __future__ import annotations

from admission.fake import Answers, refused, request, run
from sekisho.admission.ownerreferences import Mapping, OwnerReferencesPermissionEnforcement

SERVED = {("apps/v1", "Deployment"): Mapping("apps", "v1", "deployments", True)}
PLUGIN = OwnerReferencesPermissionEnforcement(lambda version, kind: SERVED.get((version, kind)))
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "u"}


def pod(*owners):
    return {"metadata": {"name": "p", "ownerReferences": list(owners)}}


def write(new, old=None, authorizer=None, **kwargs):
    operation = "CREATE" if old is None else "UPDATE"
    return request("pods", operation, new, old, namespace="n", name="p", authorizer=authorizer, **kwargs)


def test_owners_of_new_objects_are_free():
    run(PLUGIN, write(pod(OWNER)))


def test_new_owners_need_the_right_to_delete():
    answers = Answers(reason="no")
    assert refused(PLUGIN, write(pod(OWNER), pod(), answers)).message == (
        'pods "p" is forbidden: cannot set an ownerRef on a resource you can\'t delete: no, <nil>'
    )
    (a,) = answers.asked
    assert (a.verb, a.resource, a.namespace, a.name) == ("delete", "pods", "n", "p")
    run(PLUGIN, write(pod(OWNER), pod(), Answers(lambda a: a.verb == "delete")))
    run(PLUGIN, write(pod(OWNER), pod(OWNER)))
    run(PLUGIN, write(pod(OWNER), pod(), subresource="status"))


def test_blocking_owners_need_the_right_to_their_finalizers():
    blocking = {**OWNER, "blockOwnerDeletion": True}
    answers = Answers(error="oops")
    assert refused(PLUGIN, write(pod(blocking), None, answers)).message == (
        'pods "p" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can\'t '
        "set finalizers on: , oops"
    )
    assert [(a.verb, a.api_group, a.resource, a.subresource, a.namespace, a.name) for a in answers.asked] == [
        ("update", "*", "*", "finalizers", "", "*"),
        ("update", "apps", "deployments", "finalizers", "n", "d"),
    ]
    run(PLUGIN, write(pod(blocking), None, Answers(lambda a: a.name == "*")))
    run(PLUGIN, write(pod(blocking), None, Answers(lambda a: a.name == "d")))


def test_owners_of_unknown_kinds():
    unknown = {"apiVersion": "v", "kind": "K", "uid": "u", "blockOwnerDeletion": True}
    assert refused(PLUGIN, write(pod(unknown))).message.endswith(
        "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion v Kind K: "
        'no matches for kind "K" in version "v"'
    )
