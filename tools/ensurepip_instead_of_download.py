"""Stand in for the get-pip script that ansible-test downloads: Python itself brings pip.

ansible-test runs it in an empty environment, with the packages to install as arguments.
"""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: ensurepip sets aside pip's configuration for all that follows it.
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
wanted = [
    argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")
]
subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=True)
