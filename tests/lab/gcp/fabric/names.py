"""Names of what the fabric makes on this machine: from them alone a lab's things are found again.

A lab's name has letters, digits and dashes, so what follows its first dot is never another lab's.
"""

from __future__ import annotations

import hashlib
import ipaddress


def key(link: str) -> str:
    """What a link of any form means: ``projects/…``, or ``global/…`` where there is no project."""
    _, found, rest = link.partition("projects/")
    return f"{found}{rest}" if found else link


def last(link: str) -> str:
    """The short name at the end of a link."""
    return link.rstrip("/").rsplit("/", 1)[-1]


def digest(*parts: str) -> str:
    """Ten characters that stand for the parts: names of interfaces have at most fifteen."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def prefix(lab: str) -> str:
    """How the names of all network namespaces of a lab begin."""
    return f"{lab}."


def network_namespace(lab: str, network: str) -> str:
    """The namespace that plays a VPC, which `network` (a key) says."""
    parts = network.split("/")
    return f"{prefix(lab)}net.{parts[1]}.{parts[-1]}"


def process_namespace(process: int) -> str:
    """The namespace of a process: it ends with its host, as a machine's interfaces do."""
    return f"/proc/{process}/ns/net"


def internet_namespace(lab: str) -> str:
    """The namespace that plays the world between external addresses."""
    return f"{prefix(lab)}internet"


def container(lab: str, instance: str) -> str:
    """The podman container that is an instance."""
    return f"{lab}-{instance}"


def table(lab: str) -> str:
    """The nft table of a lab in the machine's own namespace."""
    return "groundwork_" + lab.replace("-", "_")


def number(address: str) -> int:
    """An address as a number: mark and routing table of a balancer's member are its address."""
    return int(ipaddress.IPv4Address(address))


def address(hardware: str) -> str:
    """The address that an interface has by its hardware address (see `mac`)."""
    return ".".join(str(int(byte, 16)) for byte in hardware.split(":")[2:])


def mac(address: str) -> str:
    """The hardware address that Google gives the interface with an address (42:01, then it)."""
    return "42:01:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)
