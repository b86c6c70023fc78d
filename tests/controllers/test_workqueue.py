"""The queue of keys: once at most, later on request, with back-off."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.controllers.workqueue import Workqueue
from sekisho.testing import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_a_key_waits_once(clock: VirtualClock) -> None:
    async def check() -> None:
        queue: Workqueue[str] = Workqueue(clock)
        queue.add("a")
        queue.add("a")
        queue.add("b")
        assert [await queue.get(), await queue.get()] == ["a", "b"]

    asyncio.run(check())


def test_a_key_added_during_its_work_is_worked_on_again(clock: VirtualClock) -> None:
    async def check() -> None:
        queue: Workqueue[str] = Workqueue(clock)
        queue.add("a")
        key = await queue.get()
        queue.add("a")
        waiting = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        assert not waiting.done()
        queue.done(key)
        assert await waiting == "a"

    asyncio.run(check())


def test_failures_wait_longer_and_longer(clock: VirtualClock) -> None:
    async def check() -> None:
        queue: Workqueue[str] = Workqueue(clock)
        for expected in (0.005, 0.01, 0.02):
            queue.failed("a")
            waiting = asyncio.ensure_future(queue.get())
            await asyncio.sleep(0.01)
            clock.advance(expected * 0.9)
            await asyncio.sleep(0.01)
            assert not waiting.done()
            clock.advance(expected * 0.2)
            queue.done(await waiting)
        queue.forget("a")
        assert queue.failed("a") == 1

    asyncio.run(check())


def test_of_two_times_for_a_key_the_sooner_counts(clock: VirtualClock) -> None:
    async def check() -> None:
        queue: Workqueue[str] = Workqueue(clock)
        queue.add_after("a", 10)
        queue.add_after("a", 5)
        queue.add_after("a", 20)
        waiting = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0.01)
        clock.advance(5)
        queue.done(await waiting)
        waiting = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0.01)
        clock.advance(60)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(check())
