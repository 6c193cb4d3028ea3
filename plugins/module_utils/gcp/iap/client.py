# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person or ssh runs: standard input and output, or a local port, at the other end of a tunnel."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.credentials import (
    APPLICATION,
    MACHINE,
    SERVICE_ACCOUNT,
    TOKEN,
    Account,
    Tokens,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.tunnel import (
    RELAY,
    Tunnel,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.words import (
    Target,
    TunnelError,
)

try:
    import aiohttp
except ImportError:  # said in words when it is wanted
    aiohttp = None  # type: ignore[assignment]

CHUNK = 65536
DESCRIPTION = """\
TCP to a private instance through Google's Identity-Aware Proxy, without gcloud.

  ssh:        -o ProxyCommand="iap_tunnel stdio --project P --zone Z %h %p"
  kubeconfig: iap_tunnel listen --project P --zone Z --local 8888 bastion 8888
              and proxy-url: http://127.0.0.1:8888

Credentials are found as Ansible's Google Cloud modules find them (GCP_AUTH_KIND, GCP_ACCESS_TOKEN,
GCP_SERVICE_ACCOUNT_FILE, GCP_SERVICE_ACCOUNT_CONTENTS, application default). The instance needs a firewall
rule for 35.235.240.0/20, the account roles/iap.tunnelResourceAccessor.
"""

Connect = Callable[[], Awaitable[Tunnel]]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "iap_tunnel", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "how", choices=["stdio", "listen"], help="standard input and output, or a local port"
    )
    made.add_argument("--project", required=True)
    made.add_argument("--zone", required=True)
    made.add_argument("--interface", default="nic0")
    made.add_argument(
        "--impersonate-service-account",
        action="append",
        default=[],
        metavar="EMAIL",
        help="account to act as; given several times: the last one, through those before",
    )
    made.add_argument(
        "--local", default="8888", metavar="[ADDRESS:]PORT", help="where to listen (127.0.0.1:8888)"
    )
    made.add_argument(
        "--idle",
        type=float,
        default=0,
        metavar="SECONDS",
        help="end when there was no connection for so long (0: never)",
    )
    made.add_argument(
        "--relay", default=os.environ.get("GROUNDWORK_IAP_RELAY", RELAY), help=argparse.SUPPRESS
    )
    made.add_argument("instance")
    made.add_argument("port", type=int)
    return made


def account(environment: Mapping[str, str], impersonate: Sequence[str]) -> Account:
    """Who calls, by the environment's variables. Raises ``TunnelError`` for an unknown kind."""
    token = environment.get("GCP_ACCESS_TOKEN")
    kind = environment.get("GCP_AUTH_KIND") or (TOKEN if token else APPLICATION)
    kinds = (APPLICATION, SERVICE_ACCOUNT, MACHINE, TOKEN)
    if kind not in kinds:
        raise TunnelError(
            "no_credentials", f"GCP_AUTH_KIND is {kind}; choose one of {', '.join(kinds)}."
        )
    if kind == TOKEN and not token:
        raise TunnelError(
            "no_credentials", "GCP_AUTH_KIND is accesstoken, and GCP_ACCESS_TOKEN is not set."
        )
    named = environment.get("GCP_IMPERSONATE_SERVICE_ACCOUNT")
    return Account(
        kind=kind,
        file=environment.get("GCP_SERVICE_ACCOUNT_FILE"),
        contents=environment.get("GCP_SERVICE_ACCOUNT_CONTENTS"),
        email=environment.get("GCP_SERVICE_ACCOUNT_EMAIL"),
        token=token,
        impersonate=tuple(impersonate) or ((named,) if named else ()),
    )


def listening_at(local: str) -> tuple[str, int]:
    """Address and port of ``--local``. Raises ``TunnelError``."""
    address, _colon, port = local.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise TunnelError("bad_port", f"--local is {local}: give a port, or ADDRESS:PORT.")
    return address or "127.0.0.1", int(port)


class Usage:
    """How long nobody has used something that is used within ``with``, by any number at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._users = 0
        self._since = clock()

    def __enter__(self) -> None:
        self._users += 1

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        self._since = self._clock()

    @property
    def idle(self) -> float:
        """Seconds; 0 while it is used."""
        return 0.0 if self._users else self._clock() - self._since


async def bridge(
    tunnel: Tunnel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry bytes both ways until one side ends. The protocol ends both directions at once. Raises ``TunnelError``."""

    async def out() -> None:
        while data := await reader.read(CHUNK):
            await tunnel.write(data)
        await tunnel.close()

    sending = asyncio.ensure_future(out())
    try:
        while data := await tunnel.read():
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        # Whoever asked is gone; so the tunnel goes, too.
        await tunnel.close()
    finally:
        # A close that is under way says so to the relay; only waiting for more input is cut short.
        if not tunnel.closing:
            sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()


async def over_stdio(connect: Connect) -> None:
    """One tunnel for this process's standard input and output."""
    loop = asyncio.get_running_loop()
    tunnel = await connect()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), sys.stdout
    )
    await bridge(tunnel, reader, asyncio.StreamWriter(transport, protocol, None, loop))


async def over_port(
    connect: Connect, address: str, port: int, told: Callable[[str], None], idle: float = 0
) -> None:
    """A tunnel for each connection to a local port, until nobody has wanted one for ``idle`` seconds (0: for ever)."""
    usage = Usage(time.monotonic)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with usage:
            try:
                await bridge(await connect(), reader, writer)
            except (TunnelError, GcpError) as error:
                told(f"{error.reason}: {error}")
                writer.close()

    try:
        server = await asyncio.start_server(one, address, port)
    except OSError as error:
        raise TunnelError(
            "port_in_use",
            f"{address}:{port} cannot be listened on: {error.strerror or error}. Choose another --local.",
        ) from error
    async with server:
        told(f"listening on {address}:{server.sockets[0].getsockname()[1]}")
        while not idle or usage.idle < idle:
            await asyncio.sleep(min(idle or 3600, 5))


async def run(options: Any, told: Callable[[str], None]) -> None:
    """Do what the command line says. Raises ``TunnelError`` and ``GcpError``."""
    if aiohttp is None:
        raise TunnelError(
            "missing_library", "aiohttp is not there; install it (pip install aiohttp)."
        )
    tokens = Tokens(account(os.environ, options.impersonate_service_account))
    target = Target(
        options.project, options.zone, options.instance, options.port, options.interface
    )
    # Proxies and authorities are those of the environment (HTTPS_PROXY, SSL_CERT_FILE).
    async with aiohttp.ClientSession(trust_env=True) as session:

        async def connect() -> Tunnel:
            tunnel = Tunnel(target, session, tokens.get, options.relay)
            await tunnel.open()
            return tunnel

        if options.how == "stdio":
            await over_stdio(connect)
        else:
            await over_port(connect, *listening_at(options.local), told, options.idle)


def main(arguments: Sequence[str]) -> int:
    """The program. Errors go to standard error: ssh shows them."""

    def told(words: str) -> None:
        sys.stderr.write(f"iap_tunnel: {words}\n")
        sys.stderr.flush()

    options = parser().parse_args(arguments)
    try:
        asyncio.run(run(options, told))
    except (TunnelError, GcpError) as error:
        told(f"{error.reason}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
