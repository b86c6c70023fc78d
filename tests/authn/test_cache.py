from __future__ import annotations

import asyncio
from typing import Any

from sekisho.api.types import UserInfo
from sekisho.authn.cache import CRASHED, CachedTokens
from sekisho.authn.interface import AuthnContext, Identity, Outcome, Refusal, refuse


class Slow:
    """Answers when let; counts how often it was asked."""

    name = "slow"

    def __init__(self, outcome: Outcome | Exception) -> None:
        self.outcome = outcome
        self.asked = 0
        self.gate = asyncio.Event()

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        self.asked += 1
        ctx.found("slow", "looked")
        ctx.warn("w")
        ctx.annotate("k", "v")
        await self.gate.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


ALICE = Identity(UserInfo("alice"))


def test_one_look_up_serves_all_that_wait(world: Any) -> None:
    async def main() -> None:
        for outcome in (ALICE, refuse("no"), None):
            inner = Slow(outcome)
            cache = CachedTokens(inner, world.clock)
            contexts = [AuthnContext() for _ in range(5)]
            tasks = [asyncio.create_task(cache.authenticate_token("t", c)) for c in contexts]
            await asyncio.sleep(0)
            inner.gate.set()
            assert await asyncio.gather(*tasks) == [outcome] * 5
            assert inner.asked == 1
            assert all(
                c.warnings == ["w"] and c.annotations == {"k": "v"} and len(c.trail) == 1 for c in contexts
            )

    asyncio.run(main())


def test_a_cancelled_leader_is_replaced(world: Any) -> None:
    async def main() -> None:
        inner = Slow(ALICE)
        cache = CachedTokens(inner, world.clock)
        first = asyncio.create_task(cache.authenticate_token("t", AuthnContext()))
        second = asyncio.create_task(cache.authenticate_token("t", AuthnContext()))
        await asyncio.sleep(0)
        first.cancel()
        inner.gate.set()
        assert await second == ALICE
        assert inner.asked == 2

    asyncio.run(main())


def test_a_crash_is_a_refusal(world: Any, caplog: Any) -> None:
    async def main() -> None:
        inner = Slow(RuntimeError("boom"))
        inner.gate.set()
        outcome = await CachedTokens(inner, world.clock).authenticate_token("t", AuthnContext())
        assert outcome == Refusal((CRASHED,))

    asyncio.run(main())
    assert "boom" in caplog.text


def test_what_is_kept_and_for_how_long(world: Any) -> None:
    async def main() -> None:
        inner = Slow(ALICE)
        inner.gate.set()
        cache = CachedTokens(inner, world.clock, capacity=2)

        async def ask(token: str, *audiences: str) -> None:
            await cache.authenticate_token(token, AuthnContext(audiences or None))

        await ask("t")
        await ask("t")
        assert inner.asked == 1
        await ask("t", "a")
        await ask("t", "a", "b")
        await ask("t", "ab")
        assert inner.asked == 4
        await ask("t")
        assert inner.asked == 5, "only two are kept"
        world.clock.time += 9.9
        await ask("t")
        assert inner.asked == 5
        world.clock.time += 0.2
        await ask("t")
        assert inner.asked == 6
        cache.forget()
        await ask("t")
        assert inner.asked == 7
        inner.outcome = refuse("no")
        cache.forget()
        await ask("t")
        await ask("t")
        assert inner.asked == 9, "refusals are not kept"
        keeping = CachedTokens(inner, world.clock, failure_ttl=5)
        for _ in range(3):
            await keeping.authenticate_token("t", AuthnContext())
        assert inner.asked == 10

    asyncio.run(main())


def test_the_cache_holds_no_token(world: Any) -> None:
    async def main() -> None:
        inner = Slow(ALICE)
        inner.gate.set()
        cache = CachedTokens(inner, world.clock)
        await cache.authenticate_token("very-secret", AuthnContext())
        assert "very-secret" not in repr(vars(cache))

    asyncio.run(main())
