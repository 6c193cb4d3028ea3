"""Servers on loopback that health checks ask: certificates of a CA of their own, HTTP, Redis' protocol, DNS."""

from __future__ import annotations

import json
import shutil
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.kube_api import free_port, running

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


class Authority:
    """A CA of a test, and certificates of servers at 127.0.0.1, which localhost is not for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of a test")])
        self.ca = folder / "ca.crt"
        usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
        own = (
            self._builder(self._name, self._key.public_key(), 3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
        )
        self.ca.write_bytes(self._signed(own))

    def server(self, name: str, days: float) -> ssl.SSLContext:
        """TLS with a certificate that has so many days left, below 0 where it has ended."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.IPAddress(ip_address("127.0.0.1"))]
        certificate = self._builder(subject, key.public_key(), days).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        file = self.folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(self._signed(certificate) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: float
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=100))
            .not_valid_after(now + timedelta(days=days))
            # Python verifies strictly from 3.13 on: both have to be there.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Service:
    """An HTTP server that answers as it is told; ``asked`` are the requests that came."""

    def __init__(self, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self.answer: Callable[[str], tuple[int, Any]] = lambda _path: (200, {"status": "ok"})
        self.pause = 0.0
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                time.sleep(outer.pause)
                status, body = outer.answer(self.path)
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-Version", "1.2.3")
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_words: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_given: Any) -> None:
                """Who does not trust the certificate hangs up."""

            def finish_request(self, request: Any, address: Any) -> None:
                # In the thread of the request: who is slow to shake hands holds up nobody else.
                if tls:
                    request = tls.wrap_socket(request, server_side=True)
                super().finish_request(request, address)

        self._server = Server((address, 0), Handler)
        self.port = int(self._server.server_address[1])
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{address}:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def silent() -> Iterator[int]:
    """A port where connections open and nobody ever answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


@contextmanager
def speaking(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where each connection is handled by a function."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            handle(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


@contextmanager
def redis_pair(folder: Path, password: str) -> Iterator[tuple[int, int]]:
    """Ports of a real primary and its replica.

    Debian's redis-check-rdb is the server's own program under another name, and its package starts none.
    """
    program = shutil.which("redis-check-rdb")
    assert program, "Redis is missing: apt-get install redis-tools"
    (folder / "redis-server").symlink_to(program)
    primary, replica = free_port(), free_port()
    common = ["--save", "", "--bind", "127.0.0.1", "--requirepass", password]
    with ExitStack() as stack:
        for name, port, more in (
            ("primary", primary, []),
            ("replica", replica, ["--replicaof", f"127.0.0.1 {primary}", "--masterauth", password]),
        ):
            command = [str(folder / "redis-server"), "--port", str(port), *common, *more]
            stack.enter_context(running(folder / f"redis-{name}.log", command))
        yield primary, replica


@contextmanager
def name_server(records: dict[tuple[str, str], list[str]]) -> Iterator[int]:
    """Port of a server of DNS that has these records, by name and type; other names it does not know."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            question = dns.message.from_wire(data)
            answer = dns.message.make_response(question)
            asked = question.question[0]
            name, kind = asked.name.to_text().rstrip("."), dns.rdatatype.to_text(asked.rdtype)
            found = records.get((name, kind), [])
            if found:
                answer.answer.append(dns.rrset.from_text(asked.name, 1, "IN", kind, *found))
            elif not any(name == known for known, _kind in records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            sock.sendto(answer.to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()
