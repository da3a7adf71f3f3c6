"""Counts what held and says what did not."""

import traceback
from collections.abc import Callable


class Checks:
    def __init__(self) -> None:
        self.passed = 0
        self.failures: list[str] = []

    def that(self, claim: str, holds: bool, saw: object = "") -> None:
        if holds:
            self.passed += 1
        else:
            self.failures.append(f"{claim}: {saw!r}")

    def run(self, name: str, step: Callable[[], None]) -> None:
        """An exception is one failure; the other steps still run."""
        try:
            step()
        except Exception:
            self.failures.append(f"{name}: {traceback.format_exc(limit=-3)}")
