# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks a Patroni cluster: all members at once, through any that answers."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    TIMEOUT,
    HttpClient,
    HttpError,
    Outcome,
    Pending,
    Request,
    Response,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    Member,
    PassingError,
    RefusedError,
    base_url,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.parse import (
    answer_name,
    assemble,
    parse_cluster,
)


class PatroniClient:
    """A cluster known by some of its members' base URLs; the others are discovered.

    ``observe`` raises ``RefusedError`` (``unreachable``) where no member tells the cluster's state.
    """

    def __init__(self, http: HttpClient, members: Sequence[str]) -> None:
        self.http = http
        self._urls: list[str] = []
        for url in members:
            if base_url(url) not in self._urls:
                self._urls.append(base_url(url))
        self._config: Mapping[str, Any] | None = None
        self._teller: str | None = None
        #: URLs that were given and belong to no listed member, with why they did not answer.
        self.strangers: dict[str, str] = {}

    def discover(self) -> tuple[str, tuple[Member, ...]]:
        """Scope and members by the first answer: a lost host costs no time here.

        Raises ``RefusedError`` (``unreachable``).
        """
        requests = [Request(f"{url}/cluster") for url in self._urls]
        outcome = self.http.first(requests)
        if isinstance(outcome, HttpError) or not outcome.ok or not isinstance(outcome.json, dict):
            raise _nobody_tells([outcome])
        self._learn({}, outcome.json)
        return str(outcome.json.get("scope") or ""), parse_cluster(outcome.json)

    def observe(
        self,
        refresh_config: bool = True,
        skip: Collection[str] = (),
        within: float | None = None,
    ) -> ClusterState:
        """Look at the cluster once.

        ``skip`` are base URLs that are not asked, ``within`` (seconds) bounds the round;
        the configuration is asked for once, and again with ``refresh_config``.
        """
        urls = [url for url in self._urls if url not in skip]
        want_config = refresh_config or self._config is None
        tellers = [self._teller] if self._teller in urls and not want_config else urls
        answers, outcomes = self._ask(urls, tellers, want_config, within)
        document = self._document(tellers, outcomes)
        if document is None and len(tellers) < len(urls):
            self._teller = None
            return self.observe(refresh_config, skip, within)
        if document is None:
            raise _nobody_tells(outcomes)
        self._learn(answers, document)
        missing = [url for url in self._urls if url not in answers and url not in skip]
        if missing:
            answers.update(self._ask(missing, [], False, within)[0])
        self._note_strangers(answers, document)
        return assemble(document, answers, self._config, time.time())

    def _ask(
        self,
        urls: Sequence[str],
        tellers: Sequence[str | None],
        want_config: bool,
        within: float | None,
    ) -> tuple[dict[str, Outcome], list[Outcome]]:
        requests = [Request(f"{url}/patroni") for url in urls]
        requests += [Request(f"{url}/cluster") for url in tellers]
        if want_config:
            requests += [Request(f"{url}/config") for url in tellers]
        outcomes = self.http.gather(requests, within)
        answers = dict(zip(urls, outcomes))
        rest = outcomes[len(urls) :]
        if want_config:
            for outcome in rest[len(tellers) :]:
                if isinstance(outcome, Response) and outcome.ok and isinstance(outcome.json, dict):
                    self._config = outcome.json
                    break
        return answers, rest[: len(tellers)]

    def _document(
        self, tellers: Sequence[str | None], outcomes: Sequence[Outcome]
    ) -> Mapping[str, Any] | None:
        for url, outcome in zip(tellers, outcomes):
            document = outcome.json if isinstance(outcome, Response) and outcome.ok else None
            if isinstance(document, dict) and document.get("members") is not None:
                self._teller = url
                return document
        return None

    def _learn(self, answers: Mapping[str, Outcome], document: Mapping[str, Any]) -> None:
        """Add discovered members, but for those that answered under another URL."""
        answered = {answer_name(outcome) for outcome in answers.values()}
        for item in parse_cluster(document):
            if item.api_url and item.api_url not in self._urls and item.name not in answered:
                self._urls.append(item.api_url)

    def _note_strangers(self, answers: Mapping[str, Outcome], document: Mapping[str, Any]) -> None:
        listed = {item.api_url for item in parse_cluster(document)}
        self.strangers = {
            url: str(outcome)
            for url, outcome in answers.items()
            if url not in listed and isinstance(outcome, HttpError)
        }

    def configs(self) -> dict[str, Mapping[str, Any]]:
        """The configuration that each member sees which answers, by base URL."""
        outcomes = self.http.gather([Request(f"{url}/config") for url in self._urls])
        return {
            url: outcome.json
            for url, outcome in zip(self._urls, outcomes)
            if isinstance(outcome, Response) and outcome.ok and isinstance(outcome.json, dict)
        }

    def post(self, base: str, path: str, body: Any, timeout: float) -> Pending:
        """Start an unsafe call; its answer is never taken as the outcome."""
        return self.http.start(Request(base + path, "POST", body, timeout))

    def patch_config(self, base: str, patch: Mapping[str, Any]) -> Response:
        """Merge ``patch`` into the dynamic configuration. Raises ``HttpError``."""
        return self.http.request("PATCH", base + "/config", dict(patch))


def _nobody_tells(outcomes: Sequence[Outcome]) -> RefusedError:
    words = [
        str(item) if isinstance(item, HttpError) else f"{item.url}: status {item.status}"
        for item in outcomes
    ]
    return (PassingError if any(map(_hesitates, outcomes)) else RefusedError)(
        "unreachable",
        "No member told the state of the cluster: {}. Check the URLs, the certificates and Patroni's unit.".format(
            "; ".join(words) or "no member was given"
        ),
        answers=words,
    )


def _hesitates(outcome: Outcome) -> bool:
    """Whether Patroni seems to run there, waiting for its store."""
    if isinstance(outcome, HttpError):
        return outcome.kind == TIMEOUT
    return outcome.status >= 500
