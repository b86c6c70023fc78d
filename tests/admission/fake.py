"""Admission requests over a dict of objects, and an authorizer that answers what it is told to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.api.status import StatusError
from sekisho.api.types import Decision, UserInfo, Verdict


class Lookup:
    """Objects by (resource, namespace, name)."""

    def __init__(self, objects):
        self.objects = objects

    def get(self, resource, namespace, name):
        return self.objects.get((resource, namespace, name))

    def list(self, resource, namespace):
        return [o for (r, ns, _), o in self.objects.items() if r == resource and namespace in ("", ns)]


class Answers:
    """Allows attributes that `allow` is true of; remembers all it was asked."""

    def __init__(self, allow=lambda attributes: False, reason="", error=""):
        self.allow, self.reason, self.error = allow, reason, error
        self.asked = []

    async def authorize(self, attributes):
        self.asked.append(attributes)
        decision = Decision.ALLOW if self.allow(attributes) else Decision.NO_OPINION
        return Verdict(decision, self.reason, self.error)


def request(
    resource, operation="CREATE", obj=None, old=None, *, user="bob", objects=None, authorizer=None, **kwargs
):
    plural, _, group = resource.partition(".")
    return AdmissionRequest(
        operation=Operation(operation),
        info=SimpleNamespace(group=group, resource=plural, version="v1"),
        user=user if isinstance(user, UserInfo) else UserInfo(user),
        lookup=Lookup(objects or {}),
        authorizer=authorizer or Answers(),
        object=obj,
        old_object=old,
        **kwargs,
    )


def run(plugin, req):
    """Both phases; returns the request for a look at warnings and annotations."""
    asyncio.run(plugin.admit(req))
    asyncio.run(plugin.validate(req))
    return req


def refused(plugin, req):
    with pytest.raises(StatusError) as caught:
        run(plugin, req)
    return caught.value
