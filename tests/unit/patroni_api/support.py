"""Short ways to what the tests look at."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    HttpClient,
    HttpError,
    Outcome,
    Response,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.parse import assemble

from tests.unit.patroni_api.play import Frame, Play, frames


def state_of(frame: Frame) -> ClusterState:
    """A recorded frame as the client would see it."""
    import json

    answers: dict[str, Outcome] = {}
    for name, own in frame["patroni"].items():
        url = f"http://10.0.0.{name[-1]}:8008"
        if own is None:
            answers[url] = HttpError("GET", url, "connection refused", "refused")
        else:
            answers[url] = Response("GET", url, own["status"], json.dumps(own["body"]), 0.0)
    return assemble(frame["cluster"], answers, frame["config"], 1.0)


def recorded(name: str) -> ClusterState:
    """The first frame of a recording."""
    return state_of(frames(name)[0])


def the(state: ClusterState, name: str) -> Member:
    """A member that must be there."""
    found = state.member(name)
    assert found is not None
    return found


def client_of(play: Play, *members: str, **options: Any) -> PatroniClient:
    """A client that knows ``members``, by default the first one only."""
    urls = [play.url(name) for name in members or ("db-1",)]
    return PatroniClient(HttpClient(timeout=1.0, **options), urls)
