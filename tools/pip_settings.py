"""Turn `pip config list` into a pip.conf: the settings in force, wherever they came from."""

from __future__ import annotations

import ast
import sys

CARRIED = ("index-url", "extra-index-url", "find-links", "cert", "proxy", "trusted-host", "timeout")


def main() -> None:
    """Read the list from standard input, write the file to standard output."""
    settings: dict[str, str] = {}
    for line in sys.stdin:
        name, _, value = line.strip().partition("=")
        # "global.cert", "install.cert" or ":env:.cert"; the variable wins and is listed last.
        option = name.rpartition(".")[2].replace("_", "-").lower()
        if option in CARRIED:
            settings[option] = str(ast.literal_eval(value))
    print("[global]\nquiet = 1")
    for option, value in settings.items():
        print(f"{option} = {value}")


if __name__ == "__main__":
    main()
