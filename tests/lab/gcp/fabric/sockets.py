"""Sockets in another network namespace: a socket stays in the one that it was made in."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import threading
from pathlib import Path

_NAMESPACES = Path("/run/netns")
_NEW_NETWORK = 0x40000000
_LIBRARY = ctypes.CDLL(None, use_errno=True)
#: socket(7): the mark of what is sent; Python has no name for it before 3.13.
_MARK = 36


def make(namespace: str, kind: int = socket.SOCK_STREAM, mark: int = 0) -> socket.socket:
    """Make a socket in a namespace, from a thread that enters it and ends.

    Raises:
        OSError: there is no such namespace, or it cannot be entered.
    """
    made: list[socket.socket | OSError] = []

    def work() -> None:
        try:
            entered = os.open(_NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _LIBRARY.setns(entered, _NEW_NETWORK):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            finally:
                os.close(entered)
            made.append(socket.socket(socket.AF_INET, kind))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=work, name=f"socket in {namespace}")
    thread.start()
    thread.join()
    (result,) = made
    if isinstance(result, OSError):
        raise result
    result.setblocking(False)
    if mark:
        result.setsockopt(socket.SOL_SOCKET, _MARK, mark)
    return result


async def connect(
    namespace: str, source: str, address: str, port: int, mark: int = 0
) -> socket.socket:
    """Connect from a source address within a namespace.

    Raises:
        OSError: nobody answered, or the answer was no.
    """
    made = make(namespace, mark=mark)
    try:
        made.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made
