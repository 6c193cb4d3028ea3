"""Lines on the screen while a module runs, and what becomes of a module that cannot run."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.groundwork.platform.plugins.module_utils.progress import progress
from ansible_collections.groundwork.platform.plugins.plugin_utils import progress as action


class Action(action.ProgressAction):
    """One whose module is what a test gives."""

    module = "groundwork.platform.ordered_migrations"

    def __init__(self, module: Any) -> None:
        self._task = SimpleNamespace(args={"version": "1"}, async_val=0)
        self._connection = SimpleNamespace(transport="local")
        self._execute_module = module


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(Display, "display", lambda _self, text, **_more: told.append(text))
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_given: {})
    return told


def run(module: Any) -> dict[str, Any]:
    return Action(module).run(task_vars={"inventory_hostname": "h"})


def test_lines_and_the_result_are_those_of_the_module(lines: list[str]) -> None:
    def module(module_name: str, module_args: Any, task_vars: Any) -> dict[str, Any]:
        assert (module_name, module_args["version"]) == (Action.module, "1")
        progress(module_args["progress_file"])("sale", "done")
        return {"changed": True, "host": task_vars["inventory_hostname"]}

    assert run(module) == {"changed": True, "host": "h"}
    assert lines == ["[h]     0.0 s  sale: done"]


def test_a_module_that_cannot_run_fails_its_task(lines: list[str]) -> None:
    def module(**_given: Any) -> dict[str, Any]:
        raise AnsibleActionFail("Missing become password")

    with pytest.raises(AnsibleActionFail, match="Missing become password"):
        run(module)
    assert lines == []


def test_half_a_line_is_shown_when_its_other_half_is_there(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    monkeypatch.setattr(action, "PAUSE", 0.01)
    new = action._Lines.new

    def looking(self: Any) -> Any:
        found = list(new(self))
        if self._rest:
            looked.set()
        return found

    monkeypatch.setattr(action._Lines, "new", looking)

    def module(module_args: Any, **_given: Any) -> dict[str, Any]:
        with Path(module_args["progress_file"]).open("a") as file:
            file.write('{"seconds": 1, "name": "sale"')
            file.flush()
            assert looked.wait(10)
            file.write(', "text": "done"}\n')
        return {"changed": False}

    assert run(module) == {"changed": False}
    assert lines == ["[h]     1.0 s  sale: done"]


def test_work_goes_on_where_nobody_looks_any_more(tmp_path: Path) -> None:
    progress(str(tmp_path / "gone" / "progress"))("sale", "done")
