# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks every endpoint of an etcd cluster at once, through the v3 JSON gateway."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import encode, words
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    Answer,
    Cluster,
    Member,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    REFUSED,
    HttpClient,
    HttpError,
    Outcome,
    Request,
    Response,
)

AUTH_OFF = "authentication is not enabled"
BAD_PASSWORD = "authentication failed, invalid user ID or password"
BAD_TOKEN = "invalid auth token"
NOT_FOR_LEARNERS = "rpc not supported for learner"
NO_USER = "user name is empty"
#: A status needs no user before etcd 3.6; what needs one carries the token.
_READ = {"key": encode("groundwork/health"), "limit": "1"}


class EtcdCallError(Exception):
    """A call failed; ``words`` are etcd's or the system's own."""

    def __init__(self, path: str, said: str, silent: bool = False) -> None:
        super().__init__(f"{path}: {said}")
        self.words = said
        #: Nothing was answered, so that it may have been done or not.
        self.silent = silent


class EtcdCluster:
    """A cluster known by client URLs, as one user (or none while authentication is off)."""

    def __init__(
        self,
        http: HttpClient,
        endpoints: Sequence[str],
        username: str = "",
        passwords: Sequence[str] = ("",),
    ) -> None:
        self._http = http
        self.endpoints = tuple(endpoint.rstrip("/") for endpoint in endpoints)
        self._username = username
        #: The wanted one first; after it the one that may still be in force.
        self._passwords = list(passwords)
        #: By endpoint: tokens of the simple provider are forgotten by a member that restarts.
        self._tokens: dict[str, str] = {}
        self.authentication: bool | None = None

    def observe(self) -> Cluster:
        """Look at all endpoints once, also at those of members that nobody named.

        Raises ``RefusedError`` where the password is not right.
        """
        cluster = self._look()
        listed = [m.client_urls[0].rstrip("/") for m in cluster.members if m.started]
        unnamed = tuple(url for url in listed if url not in self.endpoints)
        if unnamed:
            # A member that is to be taken off is not named any more, and counts for the quorum.
            self.endpoints += unnamed
            cluster = self._look()
        return cluster

    def _look(self) -> Cluster:
        self._log_in([e for e in self.endpoints if e not in self._tokens])
        paths: tuple[tuple[str, Mapping[str, Any]], ...] = (
            ("/v3/maintenance/status", {}),
            ("/v3/kv/range", _READ),
            ("/v3/cluster/member/list", {}),
            ("/v3/maintenance/alarm", {"action": "GET"}),
        )
        outcomes = self._http.gather(
            [self._request(e, p, b) for e in self.endpoints for p, b in paths]
        )
        looks = [outcomes[i : i + len(paths)] for i in range(0, len(outcomes), len(paths))]
        answers = tuple(self._answer(*pair) for pair in zip(self.endpoints, looks))
        # Calls go to the leader where there is one, so that none has to be passed on.
        ranks = sorted(answers, key=lambda a: (not a.serves, a.member_id != a.leader_id))
        self.endpoints = tuple(a.endpoint for a in ranks)
        # A member without a quorum still tells the list that it knows; a serving one knows better.
        ranked = sorted(zip(answers, looks), key=lambda pair: not pair[0].serves)
        lists = [m for _answer, look in ranked if (m := parse_members(_document(look[2])))]
        alarms = {a for look in looks for a in parse_alarms(_document(look[3]))}
        return Cluster(next(iter(lists), ()), answers, tuple(sorted(alarms)), self.authentication)

    def wait(
        self, accept: Callable[[Cluster], bool], timeout: float, pause: float = 0.3
    ) -> Cluster:
        """Look until ``accept`` holds or ``timeout`` seconds are over; return the last look."""
        deadline = time.monotonic() + timeout
        while True:
            cluster = self.observe()
            if accept(cluster) or time.monotonic() >= deadline:
                return cluster
            time.sleep(pause)

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Call one endpoint that serves. Raises ``EtcdCallError`` with etcd's words.

        Another endpoint is tried only where this one did not look at the call: nothing listened,
        or it is a learner or could not log us in. So no change is sent twice.
        """
        failure = EtcdCallError(path, "no endpoint was given")
        for endpoint in self.endpoints:
            for _attempt in range(2):
                if endpoint not in self._tokens:
                    self._log_in([endpoint])
                outcome = self._send(endpoint, path, body or {})
                if isinstance(outcome, Response) and outcome.ok:
                    return _document(outcome)
                failure = EtcdCallError(path, _cause(outcome), isinstance(outcome, HttpError))
                if BAD_TOKEN not in failure.words:
                    break
                self._tokens.pop(endpoint, None)
            if not _untouched(outcome):
                raise failure
        raise failure

    def accepts(self, username: str, password: str) -> bool:
        """Whether etcd takes this password. Raises ``EtcdCallError``."""
        try:
            self.call("/v3/auth/authenticate", {"name": username, "password": password})
        except EtcdCallError as error:
            if BAD_PASSWORD in error.words:
                return False
            raise
        return True

    def become(self, username: str, password: str) -> None:
        """Go on as this user."""
        self._username, self._passwords = username, [password]
        self._tokens.clear()

    def _log_in(self, endpoints: Sequence[str]) -> None:
        if not self._username or not endpoints:
            return
        body = {"name": self._username, "password": self._passwords[0]}
        requests = [Request(f"{e}/v3/auth/authenticate", "POST", body) for e in endpoints]
        for endpoint, outcome in zip(endpoints, self._http.gather(requests)):
            if isinstance(outcome, HttpError):
                continue
            said = words(outcome)
            if outcome.ok:
                self.authentication = True
                self._tokens[endpoint] = str((outcome.json or {}).get("token") or "")
            elif AUTH_OFF in said:
                self.authentication = False
            elif BAD_PASSWORD in said:
                self.authentication = True
                if len(self._passwords) > 1:
                    del self._passwords[0]
                    self._log_in(endpoints)
                    return
                raise RefusedError(
                    "wrong_password",
                    f"etcd at {endpoint} does not take the password given for user {self._username}. "
                    "Where it was changed, name the one before it as well.",
                )

    def _request(self, endpoint: str, path: str, body: Mapping[str, Any]) -> Request:
        token = self._tokens.get(endpoint)
        headers = (("Authorization", token),) if token else ()
        return Request(endpoint + path, "POST", dict(body), headers=headers)

    def _send(self, endpoint: str, path: str, body: Mapping[str, Any]) -> Outcome:
        try:
            return self._http.send(self._request(endpoint, path, body))
        except HttpError as error:
            return error

    def _answer(self, endpoint: str, look: Sequence[Outcome]) -> Answer:
        status, read = look[0], look[1]
        causes = [cause for outcome in (status, read) if (cause := _cause(outcome))]
        if any(BAD_TOKEN in cause for cause in causes):
            self._tokens.pop(endpoint, None)
        return parse_status(endpoint, _document(status), not causes, "; ".join(causes))


def _cause(outcome: Outcome) -> str:
    if isinstance(outcome, HttpError):
        return outcome.cause
    return "" if outcome.ok else words(outcome)


def _untouched(outcome: Outcome) -> bool:
    """Whether the call was certainly not done, and another member may do it."""
    if isinstance(outcome, HttpError):
        return outcome.kind == REFUSED
    return any(said in words(outcome) for said in (NOT_FOR_LEARNERS, NO_USER))


def _document(outcome: Outcome) -> Mapping[str, Any]:
    if isinstance(outcome, Response) and outcome.ok and isinstance(outcome.json, dict):
        return outcome.json
    return {}


def parse_status(endpoint: str, status: Mapping[str, Any], serves: bool, cause: str) -> Answer:
    """The gateway gives 64-bit numbers as text and leaves out zeros."""
    header = status.get("header") or {}
    return Answer(
        endpoint=endpoint,
        member_id=str(header.get("member_id") or ""),
        cluster_id=str(header.get("cluster_id") or ""),
        leader_id=str(status.get("leader") or ""),
        version=str(status.get("version") or ""),
        db_size=int(status.get("dbSize") or 0),
        db_size_in_use=int(status.get("dbSizeInUse") or 0),
        raft_term=int(status.get("raftTerm") or 0),
        serves=serves,
        cause=cause,
    )


def parse_members(document: Mapping[str, Any]) -> tuple[Member, ...]:
    """The answer of ``/v3/cluster/member/list``."""
    return tuple(
        Member(
            id=str(item.get("ID") or "0"),
            name=str(item.get("name") or ""),
            peer_urls=tuple(item.get("peerURLs") or ()),
            client_urls=tuple(item.get("clientURLs") or ()),
            learner=bool(item.get("isLearner")),
        )
        for item in document.get("members") or []
    )


def parse_alarms(document: Mapping[str, Any]) -> list[str]:
    """Names of the alarms that stand (NOSPACE, CORRUPT)."""
    return [str(item.get("alarm") or "NONE") for item in document.get("alarms") or []]
