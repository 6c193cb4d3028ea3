"""``python -m tests.lab.gcp.fabric LAB --state DIR purge``: remove a lab, show what is left of it.

``… partner NAME ADDRESS`` boots a host that stands outside, at an external address.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
from pathlib import Path

from tests.lab.gcp.fabric.partner import partner
from tests.lab.gcp.fabric.purge import find, purge


def main() -> int:
    """Do what the command line says; 1 where something is left."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.gcp.fabric", description=__doc__)
    parser.add_argument("lab")
    parser.add_argument("--state", type=Path, required=True, help="the emulator's folder")
    parser.add_argument("action", choices=["show", "purge", "partner"])
    parser.add_argument("words", nargs="*", metavar="NAME ADDRESS", help="of a partner")
    options = parser.parse_args()
    if options.action == "partner":
        asyncio.run(partner(options.lab, *options.words))
        return 0
    if options.action == "purge":
        asyncio.run(purge(options.lab, options.state))
    left = asyncio.run(find(options.lab, options.state))
    print(json.dumps(dataclasses.asdict(left), indent=2))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
