"""A real cluster inside a test: started in milliseconds, with as many identities as the test needs.

from sekisho.testing import Cluster

with Cluster() as cluster:
    alice = cluster.user("alice", groups=["dev"])
    assert alice.client.get("/api/v1/pods").status_code == 403
"""

from sekisho.testing._clock import VirtualClock
from sekisho.testing._cluster import Cluster
from sekisho.testing._identity import Identity

__all__ = ["Cluster", "Identity", "VirtualClock"]
