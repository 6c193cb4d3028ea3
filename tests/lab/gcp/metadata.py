"""The metadata server, on loopback: what clients on a VM ask for tokens."""

from __future__ import annotations

import re

from aiohttp import web

from tests.lab.gcp.tokens import DEFAULT_ACCOUNT, Tokens
from tests.lab.gcp.verbs.services import number_of

_PROJECT = "project-0-devops"
#: Before the paths of an execution, which shares the server with all others: who it runs as.
_AS = re.compile(r"/as/([^/]+)(/.*)")
_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default/"
_HEADERS = {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}


def answer(tokens: Tokens, request: web.BaseRequest) -> web.Response:
    """Answer a request to metadata.google.internal."""
    found = _AS.fullmatch(request.path)
    account, path = (found[1], found[2]) if found else (DEFAULT_ACCOUNT, request.path)
    if request.headers.get("Metadata-Flavor") != "Google" and path != "/":
        return web.Response(status=403, text="Missing Metadata-Flavor:Google header.\n")
    if path == _ACCOUNT + "token":
        content = {
            "access_token": tokens.issue(account),
            "expires_in": 3599,
            "token_type": "Bearer",
        }
        return web.json_response(content, headers=_HEADERS)
    if path.startswith("/computeMetadata/v1/instance/service-accounts/"):
        return _account(path, account, request)
    texts = {
        "/": "computeMetadata/\n",
        "/computeMetadata/v1/project/project-id": _PROJECT,
        "/computeMetadata/v1/project/numeric-project-id": number_of(_PROJECT),
        "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
        "/computeMetadata/v1/universe/universe_domain": "googleapis.com",
    }
    if path not in texts:
        return web.Response(status=404, text="not found\n", headers=_HEADERS)
    return web.Response(text=texts[path], headers=_HEADERS)


def _account(path: str, account: str, request: web.BaseRequest) -> web.Response:
    word = path.rstrip("/").rpartition("/")[2]
    about = {
        "email": account,
        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "aliases": ["default"],
    }
    if request.query.get("recursive") == "true" or word == "default":
        return web.json_response(about, headers=_HEADERS)
    if word == "email":
        return web.Response(text=account, headers=_HEADERS)
    if word == "scopes":
        return web.Response(text=about["scopes"][0], headers=_HEADERS)
    return web.json_response({"default": about}, headers=_HEADERS)
