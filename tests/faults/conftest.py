from __future__ import annotations

from tests.integration.conftest import make_lab

__all__ = ["make_lab"]
