from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.payments.platform import (
    ORDER,
    SERVICES,
    Platform,
    Postgresql,
    Redis,
    platform,
    servers,
)


@pytest.fixture(scope="session")
def backing() -> Iterator[tuple[Postgresql, Redis]]:
    with servers() as started:
        yield started


@pytest.fixture(scope="session")
def running(backing: tuple[Postgresql, Redis]) -> Iterator[Platform]:
    """All services."""
    with platform(*backing, database="running") as made:
        made.migrate(*ORDER)
        made.start(*SERVICES)
        yield made


@pytest.fixture
def empty(backing: tuple[Postgresql, Redis], request: pytest.FixtureRequest) -> Iterator[Platform]:
    """An empty database, and nothing that runs."""
    name = "d" + str(abs(hash(request.node.name)))
    with platform(*backing, database=name) as made:
        yield made
