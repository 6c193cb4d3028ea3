# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests to Compute Engine by a job that has nothing but Python's own library: the first part of its program."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: A disk or a snapshot, as the API shows it; what the environment says.
Thing = dict[str, Any]
Things = list[Thing]
Given = Mapping[str, str]
#: Of a snapshot's states: on its way, which a first, full one is for long.
UNDER_WAY = ("CREATING", "UPLOADING")
#: Answers after which a request may succeed, 0 where no whole one came, and pauses before it is sent again.
RETRIED = (0, 429, 500, 502, 503, 504)
PAUSES = (1, 4, 10)


class RefusedError(Exception):
    """What Google said, in words, and its status."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said)
        self.code = code


class Google:
    """Requests to Compute Engine, tried again where that may help."""

    def __init__(self, project: str, token: str) -> None:
        self.base = f"https://compute.googleapis.com/compute/v1/projects/{project}"
        self.token = token
        self.opener = urllib.request.build_opener()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Given | None = None,
        pauses: Sequence[int] = PAUSES,
    ) -> Thing:
        """Send a request; raise RefusedError with Google's own words."""
        url = self.base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        fresh = False
        for pause in (*pauses, None):
            token = self.token
            headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
            request = urllib.request.Request(url, data=data, headers=headers, method=method)
            try:
                code, answer = self.send(request)
                if code < 300:
                    return dict(json.loads(answer))
                said = f"{code} {path}: {words(answer)}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                code, said = 0, f"{method} {path}: {error!r}"
            again = code in RETRIED
            if code == 401 and not fresh:
                again = fresh = self.renewed(token)
            if not again or pause is None:
                raise RefusedError(said, code)
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def send(self, request: urllib.request.Request) -> tuple[int, bytes]:
        """Send a request once; return the answer's status and content."""
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def renewed(self, token: str) -> bool:
        """Return whether there is another token than the refused one, which may have ended while this waited."""
        try:
            self.token = access_token()
        except RefusedError:
            return False
        return self.token != token

    def pages(self, path: str, query: Given) -> Iterator[Any]:
        """Yield the items of each page of a list."""
        more: Given = {}
        while True:
            page = self.ask("GET", path, None, {**query, **more})
            yield page.get("items", {})
            if not page.get("nextPageToken"):
                return
            more = {"pageToken": page["nextPageToken"]}

    def disks(self, label: str) -> Things:
        """Return the disks of all zones that bear a label."""
        pages = self.pages("/aggregated/disks", {"filter": "labels." + label})
        return [disk for page in pages for zone in page.values() for disk in zone.get("disks", [])]

    def snapshots(self, prefix: str) -> Things:
        """Return the snapshots whose names begin so. Labels say nothing here: who takes snapshots may change them."""
        found = [item for page in self.pages("/global/snapshots", {}) for item in page]
        return [item for item in found if item["name"].startswith(prefix)]

    def state(self, name: str, operation: str) -> str:
        """Return how it stands with a snapshot; of one that is not there, why it failed."""
        try:
            return str(self.ask("GET", "/global/snapshots/" + name, pauses=())["status"])
        except RefusedError as error:
            if error.code != 404:
                raise
        if not operation:
            return "gone"
        told = self.ask("GET", "/global/operations/" + operation, pauses=()).get("error", {})
        return "; ".join(error["message"] for error in told.get("errors", [])) or UNDER_WAY[0]


def words(answer: bytes) -> str:
    """Return the message of an error's body."""
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")


def access_token() -> str:
    """Ask the metadata server who this is; raise RefusedError where it does not say."""
    host = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
    where = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
    request = urllib.request.Request(where, headers={"Metadata-Flavor": "Google"})
    # It is next door: no proxy knows the way to it.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=10) as answer:
            return str(json.load(answer)["access_token"])
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RefusedError(f"The metadata server gives no token: {error!r}", 0) from error
