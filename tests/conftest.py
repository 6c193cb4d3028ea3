"""How tests share this machine where several processes run them (`pytest -n`)."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class Apart(LoadScopeScheduling):
    """Unit tests go to whoever is free, by files; others stay one after the other.

    Labs share networks, and their tests measure times.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/integration/"):
            return "tests/integration"
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Apart:
    """Say who takes which tests."""
    return Apart(config, log)
