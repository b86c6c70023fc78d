"""The pytest plugin: a `sekisho` fixture that gives each test a fresh cluster, `sekisho_session` a shared one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sekisho.testing import Cluster

# The cluster is imported on use: every pytest run in an environment with Sekisho loads this module.


@pytest.fixture
def sekisho() -> Iterator[Cluster]:
    """A cluster of the test's own, in memory."""
    from sekisho.testing import Cluster

    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def sekisho_session() -> Iterator[Cluster]:
    """One cluster for the whole session: quick, but tests see what others leave in it."""
    from sekisho.testing import Cluster

    with Cluster() as cluster:
        yield cluster
