# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The states of the transaction probe. Check mode takes the same way; only the writes are left out."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, fields
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.evidence.attempts import (
    read_attempts,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.gaps import summarize
from ansible_collections.groundwork.platform.plugins.module_utils.probe.control import Control
from ansible_collections.groundwork.platform.plugins.module_utils.probe.errors import ProbeError
from ansible_collections.groundwork.platform.plugins.module_utils.probe.ledger import (
    Ledger,
    compare,
)

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
TABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?")
LONGEST_DURATION = 86_400.0


@dataclass(frozen=True)
class Options:
    """The module's options, times in seconds."""

    state: str
    id: str
    directory: str
    table: str
    rate: float
    workers: int
    duration: float | None
    backlog: int
    connect_timeout: float
    statement_timeout: float
    retry_pause: float
    start_timeout: float
    verify: bool
    verify_timeout: float
    verify_on: str
    drop_table: bool
    login_host: str | None
    login_port: int
    login_user: str | None
    login_password: str | None
    login_db: str
    ssl_mode: str
    ca_cert: str | None
    ssl_cert: str | None
    ssl_key: str | None

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Options:
        """Checked options; raises ProbeError `bad_option`."""
        options = cls(**{field.name: parameters[field.name] for field in fields(cls)})
        options.check()
        return options

    def check(self) -> None:
        """Refuse what would go wrong later; raises ProbeError `bad_option`."""
        rules = (
            (IDENTIFIER.fullmatch(self.id), "id: letters, digits, '_', '.' and '-', at most 63"),
            (TABLE.fullmatch(self.table), "table: a plain lower-case name, or schema.name"),
            (0 < self.rate <= 1000, "rate: above 0 and at most 1000 payments a second"),
            (1 <= self.workers <= 64, "workers: 1 to 64"),
            (1 <= self.backlog <= 1_000_000, "backlog: 1 to 1000000 payments"),
            (
                self.duration is None or 0 < self.duration <= LONGEST_DURATION,
                f"duration: above 0 and at most {LONGEST_DURATION:g} s",
            ),
            (
                min(self.connect_timeout, self.statement_timeout, self.retry_pause) > 0,
                "connect_timeout, statement_timeout and retry_pause: above 0 s",
            ),
            (
                self.state != "stopped" or not self.verify or self.login_host,
                "login_host: needed to verify (or set verify=false)",
            ),
            (
                not self.login_host or not self.ssl_mode.startswith("verify") or self.ca_cert,
                f"ca_cert: needed with ssl_mode {self.ssl_mode}",
            ),
        )
        for holds, rule in rules:
            if not holds:
                raise ProbeError("bad_option", f"Option not accepted. {rule}.")

    def connection(self) -> dict[str, Any]:
        """Parameters of libpq."""
        return {
            "host": self.login_host,
            "port": self.login_port,
            "user": self.login_user,
            "password": self.login_password,
            "dbname": self.login_db,
            "sslmode": self.ssl_mode,
            "sslrootcert": self.ca_cert,
            "sslcert": self.ssl_cert,
            "sslkey": self.ssl_key,
        }

    def settings(self) -> dict[str, Any]:
        """What the program reads."""
        names = ("id", "table", "rate", "workers", "duration", "backlog", "connect_timeout")
        settings = {name: getattr(self, name) for name in names}
        settings.update(
            statement_timeout=self.statement_timeout,
            retry_pause=self.retry_pause,
            connection=self.connection(),
        )
        return settings


class Runner:
    """Brings the probe into the state that is asked for."""

    def __init__(self, options: Options, check_mode: bool) -> None:
        self._options = options
        self._check_mode = check_mode
        self._control = Control(options.directory, options.id)

    def run(self) -> dict[str, Any]:
        """The module's result; raises ProbeError."""
        states = {
            "started": self._started,
            "status": self._status,
            "stopped": self._stopped,
            "absent": self._absent,
        }
        return states[self._options.state]()

    def _ledger(self, patience: float) -> Ledger:
        options = self._options
        return Ledger(options.connection(), options.table, options.connect_timeout, patience)

    def _started(self) -> dict[str, Any]:
        options, control = self._options, self._control
        if control.is_running():
            return {"changed": False, "probe": self._facts()}
        if control.exists():
            raise ProbeError(
                "id_in_use",
                f"A probe {options.id} has already run here ({control.directory}). "
                "Choose another id, or remove it with state=absent.",
            )
        ledger = self._ledger(options.start_timeout)
        missing_table = not ledger.exists()
        if self._check_mode:
            return {"changed": True, "probe": self._facts()}
        if missing_table:
            ledger.create()
        process = control.start(options.settings())
        try:
            control.wait_first_acknowledgement(process, options.start_timeout)
        except ProbeError:
            control.stop(self._patience())
            control.remove()  # nothing was acknowledged: there is nothing to keep
            raise
        return {"changed": True, "probe": self._facts()}

    def _patience(self) -> float:
        """Seconds in which a program that was told to end has to: the settings it was started with
        may not be ours, so there is room."""
        return self._options.connect_timeout + 2 * self._options.statement_timeout + 15

    def _facts(self) -> dict[str, Any]:
        """What can be said without a look at the record."""
        facts = self._control.status()
        facts.update(
            id=self._options.id,
            running=self._control.is_running(),
            result_file=self._control.attempts_file if self._control.exists() else None,
            clock=round(time.time(), 3),
        )
        return facts

    def _status(self) -> dict[str, Any]:
        return {"changed": False, "probe": self._facts()}

    def _stopped(self) -> dict[str, Any]:
        options, control = self._options, self._control
        if not control.exists():
            raise ProbeError("unknown_id", f"No probe {options.id} was started on this host.")
        running = control.is_running()
        if running and not self._check_mode:
            control.stop(self._patience())
        probe = self.result()
        if not options.verify or (running and self._check_mode):
            why = "not asked for" if not options.verify else "check mode: the probe still runs"
            probe.update(verification=None, verification_reason=why)
            return {"changed": running, "probe": probe}
        try:
            probe.update(verification=self._verification(), verification_reason=None)
        except ProbeError as error:
            probe.update(verification=None, verification_reason=str(error))
            return {
                "changed": running,
                "probe": probe,
                "failed": True,
                "reason": error.reason,
                "msg": f"{error} The probe's own record is complete; run state=stopped again.",
            }
        return {"changed": running, "probe": probe}

    def result(self) -> dict[str, Any]:
        """Everything that the record of attempts says."""
        probe = self._facts()
        attempts = read_attempts(self._control.attempts_file)
        if probe.get("ended_at") is None:  # killed, or still running: it could not say its end
            probe["ended_at"] = max((one.done for one in attempts), default=probe["started_at"])
            probe["end_reason"] = "running" if probe["running"] else "killed"
        probe.update(summarize(attempts, probe["started_at"], probe["ended_at"]))
        with open(self._control.attempts_file, "rb") as file:
            probe["result_sha256"] = hashlib.sha256(file.read()).hexdigest()
        return probe

    def _verification(self) -> dict[str, Any]:
        options, begun = self._options, time.monotonic()
        table = self._control.status().get("table", options.table)
        ledger = Ledger(
            options.connection(), table, options.connect_timeout, options.verify_timeout
        )
        rows, source = ledger.keys(options.id, need_primary=options.verify_on == "primary")
        attempts = read_attempts(self._control.attempts_file)
        verification = compare((one.key for one in attempts if one.ok), rows).as_result()
        verification.update(source, at=round(time.time(), 3))
        verification["seconds"] = round(time.monotonic() - begun, 3)
        return verification

    def _absent(self) -> dict[str, Any]:
        options, control = self._options, self._control
        changed = control.is_running() or control.exists()
        if not self._check_mode:
            control.stop(self._patience())
            control.remove()
        if options.login_host:
            ledger = self._ledger(options.verify_timeout)
            changed = ledger.remove(options.id, options.drop_table, self._check_mode) or changed
        return {"changed": changed, "probe": {"id": options.id, "running": False}}
