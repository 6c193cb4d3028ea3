"""Give kubectl, and whoever reads a kubeconfig, a token of Google's: an ExecCredential on stdout.

usage: gke_credential.py [SERVICE_ACCOUNT_TO_ACT_AS] [--way ADDRESS:PORT COMMAND...]

--way: where nothing listens, COMMAND is started first and left to itself. It is the tunnel to the proxy of private
control planes.

Credentials are found as everywhere else: GCP_ACCESS_TOKEN, GCP_SERVICE_ACCOUNT_FILE, or what google-auth finds.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from datetime import UTC

import google.auth
import google.auth.exceptions
import google.auth.transport.requests
from google.auth import impersonated_credentials
from google.oauth2 import service_account

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def status(account: str) -> dict[str, str]:
    """Return the token, and when it ends where that is known."""
    if os.environ.get("GCP_ACCESS_TOKEN"):
        return {"token": os.environ["GCP_ACCESS_TOKEN"]}
    file = os.environ.get("GCP_SERVICE_ACCOUNT_FILE")
    if file:
        found = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
            file, scopes=SCOPES
        )
    else:
        found, _project = google.auth.default(scopes=SCOPES)
    if account:
        found = impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
            source_credentials=found, target_principal=account, target_scopes=SCOPES
        )
    found.refresh(google.auth.transport.requests.Request())
    ends = found.expiry.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return {"token": found.token, "expirationTimestamp": ends}


def open_way(address: str, command: list[str]) -> None:
    """Start what is to listen, unless it does. Raises ``OSError`` where it does not within 20 s."""
    if _listens(address):
        return
    quiet = subprocess.DEVNULL
    # It outlives this process, and holds none of its pipes.
    started = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    end = time.monotonic() + 20
    while not _listens(address):
        if started.poll() is not None or time.monotonic() > end:
            raise OSError(
                f"nothing listens on {address}; see what is said by: {shlex.join(command)}"
            )
        time.sleep(0.1)


def _listens(address: str) -> bool:
    host, _head, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def main(words: list[str]) -> None:
    """Open the way where one is given, then tell the token."""
    way = words.index("--way") if "--way" in words else len(words)
    try:
        if words[way:]:
            open_way(words[way + 1], words[way + 2 :])
        found = status("".join(words[:way]))
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as problem:
        sys.exit(f"No token of Google's, or no way to the cluster: {problem}")
    kind = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    print(json.dumps({**kind, "status": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
