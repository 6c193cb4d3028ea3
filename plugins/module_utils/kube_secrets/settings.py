# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run is told besides the secrets, and what it brings back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    Options,
    Outcome,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.secret_manager import (
    Access,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.workloads import (
    Restart,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import (
    Problem,
    tell,
)


@dataclass(frozen=True)
class Settings:
    """The module's options of the same names. Times are seconds."""

    options: Options
    state_dir: str
    google: Access
    environment: Mapping[str, str] = field(repr=False)
    digest_key: bytes | None = field(default=None, repr=False)
    certificate: str | None = None
    controller_namespace: str = "kube-system"
    controller_name: str = "sealed-secrets-controller"
    csi_provider: str = "gcp"
    files_dir: str | None = None
    git_only: bool = False
    standby: bool = False
    restart: bool = True
    inventory: str = "secrets"
    prune: bool = False
    expected_namespaces: Sequence[str] = ()
    wait_timeout: float = 300.0
    concurrency: int = 16
    timeout: float = 30.0


@dataclass
class Report:
    """What came of a run."""

    outcomes: list[Outcome] = field(default_factory=list)
    keys: dict[Key, Mapping[str, str]] = field(default_factory=dict)
    restarts: Sequence[Restart] = ()
    #: What became of the keys, by the file that was written.
    files: dict[str, Mapping[str, str]] = field(default_factory=dict)
    generated: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    #: Whether an earlier run's restarts were brought to their end.
    resumed: bool = False
    #: What put an end to it after something was written.
    error: KubeError | None = None


class RefusedError(Exception):
    """Nothing was changed, for these reasons."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{tell(problems)}\nNothing was changed.")
        self.problems: list[dict[str, Any]] = [problem.to_dict() for problem in problems]
        reasons = {problem.reason for problem in problems}
        self.reason = reasons.pop() if len(reasons) == 1 else "refused"
