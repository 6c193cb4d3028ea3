# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules whose options may hold secrets anywhere."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible.module_utils.basic import AnsibleModule


class QuietModule(AnsibleModule):
    """A module that keeps some of its options out of the host's log and out of what Ansible shows of a call.

    ``no_log`` on the option would do the same, and hide each word of it (``v1``, ``default``) wherever it stands in the
    answer. ``contents`` are the names of those options.
    """

    params: dict[str, Any]
    contents: Collection[str] = ()

    def _log_invocation(self) -> None:
        whole = self.params
        self.params = self.shown_params()
        try:
            super()._log_invocation()
        finally:
            self.params = whole

    def shown_params(self) -> dict[str, Any]:
        """The parameters without what may hold a secret."""
        return {
            key: "(not shown)" if key in self.contents and value is not None else value
            for key, value in self.params.items()
        }

    def exit_json(self, **result: Any) -> None:
        """End well."""
        super().exit_json(invocation={"module_args": self.shown_params()}, **result)

    def fail_json(self, msg: str, **result: Any) -> None:
        """End with a failure."""
        super().fail_json(msg, invocation={"module_args": self.shown_params()}, **result)
