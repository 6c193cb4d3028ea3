# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines on the screen while a module still runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

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
            executor = ThreadPoolExecutor(max_workers=1)
            running = executor.submit(
                self._execute_module,
                module_args=arguments,
                module_name=self.module,
                task_vars=variables,
            )
            # Whoever ends the task, as its time is over, waits for nobody.
            executor.shutdown(wait=False)
            self._show(file, running, str(variables.get("inventory_hostname", "")))
            # What kept the module from running is raised here.
            result.update(running.result())
        return result

    @staticmethod
    def _show(file: Path, running: Future[dict[str, Any]], host: str) -> None:
        with file.open(encoding="utf-8") as text:
            lines = _Lines(text)
            ended = False
            while not ended:
                # A last look comes after its end.
                ended = bool(wait([running], PAUSE).done)
                for line in lines.new():
                    Display().display(shown(host, json.loads(line)))


class _Lines:
    """The lines of a file that somebody writes: one is there when its end is."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._rest = ""

    def new(self) -> Iterator[str]:
        """Those that have come since the last look."""
        *whole, self._rest = (self._rest + self._text.read()).split("\n")
        yield from whole


def shown(host: str, event: Mapping[str, Any]) -> str:
    """One event as a line."""
    name = f"{event['name']}: " if event["name"] else ""
    return f"[{host}] {event['seconds']:7.1f} s  {name}{event['text']}"
