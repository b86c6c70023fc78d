"""Who is a kubelet: user `system:node:<name>` in group `system:nodes`, both of them."""

from __future__ import annotations

from sekisho.api.types import NODE_USER_PREFIX, NODES, UserInfo


def node_name(user: UserInfo) -> str | None:
    """The node that a user is (empty when the name says none), or None for everybody else."""
    if not user.name.startswith(NODE_USER_PREFIX) or NODES not in user.groups:
        return None
    return user.name[len(NODE_USER_PREFIX) :]
