"""An operator as kopf's users write it: handlers with finalizers on config maps. Run by test_kopf.py."""

from __future__ import annotations

from typing import Any

import kopf

SELECTOR = {"watched": "yes"}


@kopf.on.startup()  # type: ignore[arg-type]
def settings(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = True
    settings.persistence.finalizer = "example.com/finalizer"


@kopf.on.create("configmaps", labels=SELECTOR)  # type: ignore[arg-type]
def created(name: str, patch: kopf.Patch, **_: Any) -> dict[str, str]:
    patch.setdefault("data", {})["seen"] = f"created {name}"
    return {"made": name}


@kopf.on.update("configmaps", labels=SELECTOR, field="data.wish")  # type: ignore[arg-type]
def updated(new: str | None, patch: kopf.Patch, **_: Any) -> None:
    patch.setdefault("data", {})["answer"] = f"{new} granted"


@kopf.on.delete("configmaps", labels=SELECTOR)  # type: ignore[arg-type]
def deleted(name: str, **_: Any) -> None:
    print(f"farewell {name}", flush=True)
