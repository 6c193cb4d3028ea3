# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines on the screen while a module still runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

#: Seconds between two looks at what the module wrote.
PAUSE = 0.1


class ProgressAction(ActionBase):
    """Runs the module of its name, which writes a line of JSON for each thing that happens, and shows them at once.

    Module and controller share the file, so there are lines for a local connection only.
    """

    #: Name of the module.
    module = ""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module; return what it returned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        if self._connection.transport != "local":
            result.update(self._execute_module(self.module, task_vars=variables))
            return result
        with TemporaryDirectory() as folder:
            file = Path(folder, "progress")
            file.touch(mode=0o600)
            arguments = {**self._task.args, "progress_file": str(file)}
            thread = threading.Thread(
                target=lambda: result.update(
                    self._execute_module(self.module, module_args=arguments, task_vars=variables)
                )
            )
            thread.start()
            self._show(file, thread, str(variables.get("inventory_hostname", "")))
        return result

    @staticmethod
    def _show(file: Path, thread: threading.Thread, host: str) -> None:
        with file.open(encoding="utf-8") as lines:
            running = True
            while running:
                thread.join(PAUSE)
                # A last look comes after its end.
                running = thread.is_alive()
                for line in lines:
                    Display().display(shown(host, json.loads(line)))


def shown(host: str, event: Mapping[str, Any]) -> str:
    """One event as a line."""
    name = f"{event['name']}: " if event["name"] else ""
    return f"[{host}] {event['seconds']:7.1f} s  {name}{event['text']}"
