"""What a process is told by its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from payments import __version__
from payments.faults import Fault, parse

#: The oldest schema that a service can work with. One without tables of its own is not here.
SCHEMAS = {
    "identity": "identity_0001",
    "commerce": "commerce_0001",
    "sale": "sale_0001",
    "finance": "finance_0001",
    "inventory": "inventory_0001",
    "ledger": "ledger_0001",
    "pricing": "pricing_0001",
    "payment": "payment_0001",
}
SERVICES = (*SCHEMAS, "signal", "client")


class SettingsError(Exception):
    """The environment does not say what is needed; the message says which variable."""


@dataclass(frozen=True)
class Settings:
    """One process's settings; seconds where a number is a time."""

    service: str
    mode: str = "api"
    version: str = __version__
    host: str = "0.0.0.0"
    port: int = 3000
    database_url: str = ""
    database_password: str | None = None
    database_ca: str = ""
    database_pool: int = 4
    redis_url: str = ""
    redis_password: str | None = None
    #: Address of a peer, with {service} for its name.
    service_url: str = "http://nx-{service}:3000"
    #: Addresses of single peers, which stand above it.
    service_urls: Mapping[str, str] = field(default_factory=dict)
    #: Host header of calls to peers, where a gateway stands between.
    service_host: str = ""
    secret: str = ""
    password: str = ""
    traces: str = ""
    log_level: str = "INFO"
    peer_timeout: float = 3.0
    #: A payment that nobody carries on with is taken back after that.
    pending_timeout: float = 30.0
    worker_pause: float = 0.5
    faults: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        """The service's own name, as its Service and its peers call it."""
        return f"{self.service}-{self.mode}" if self.service == "payment" else self.service

    def peer(self, service: str) -> str:
        """Address of a peer."""
        return self.service_urls.get(service) or self.service_url.format(service=service)


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment. Raises SettingsError for what cannot be."""
    given = os.environ if environ is None else environ
    service, mode = given.get("APP_SERVICE", ""), given.get("APP_MODE") or "api"
    if service not in SERVICES:
        raise SettingsError(f"APP_SERVICE is {service!r}: give one of {', '.join(SERVICES)}")
    if mode not in ("api", "worker"):
        raise SettingsError(f"APP_MODE is {mode!r}: give api or worker")
    prefix = "SERVICE_URL_"
    urls = {
        name.removeprefix(prefix).lower().replace("_", "-"): value
        for name, value in given.items()
        if name.startswith(prefix)
    }
    try:
        return Settings(
            service=service,
            mode=mode,
            version=given.get("APP_VERSION") or __version__,
            host=given.get("HOST", Settings.host),
            port=int(given.get("PORT", Settings.port)),
            database_url=given.get("DATABASE_URL", ""),
            database_password=given.get("DATABASE_PASSWORD"),
            database_ca=given.get("DATABASE_CA", ""),
            database_pool=int(given.get("DATABASE_POOL", Settings.database_pool)),
            redis_url=given.get("REDIS_URL", ""),
            redis_password=given.get("REDIS_PASSWORD"),
            service_url=given.get("SERVICE_URL", Settings.service_url),
            service_urls=urls,
            service_host=given.get("SERVICE_HOST", ""),
            secret=given.get("JWT_SECRET", ""),
            password=given.get("IDENTITY_PASSWORD", ""),
            traces=given.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
            log_level=given.get("LOG_LEVEL", Settings.log_level).upper(),
            peer_timeout=float(given.get("PEER_TIMEOUT", Settings.peer_timeout)),
            pending_timeout=float(given.get("PENDING_TIMEOUT", Settings.pending_timeout)),
            worker_pause=float(given.get("WORKER_PAUSE", Settings.worker_pause)),
            faults=parse(given.get("FAULTS", "")),
        )
    except ValueError as error:
        raise SettingsError(f"The environment has a value that cannot be: {error}") from error
