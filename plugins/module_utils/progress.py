# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happens while a module runs: lines of JSON for the action plugin that shows them (``plugin_utils/progress``)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress

#: Takes what something happened to, and what.
Tell = Callable[[str, str], None]


def progress(path: str | None) -> Tell:
    """Return what writes a line to a file for each call, with the seconds since now; without a file it is silent."""
    began = time.monotonic()

    def tell(name: str, text: str) -> None:
        if path:
            line = {"seconds": time.monotonic() - began, "name": name, "text": text}
            # What cannot be told, as the disk is full or nobody looks any more, ends no work.
            with suppress(OSError), open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    return tell
