"""The emulator's resources as hosts, networks and disks of this machine (see docs/google-cloud.md)."""

from tests.lab.gcp.fabric.fabric import Fabric

create = Fabric

__all__ = ["create"]
