"""Ports for servers that want a number before they begin."""

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """Return a port that nobody uses.

    Outgoing connections never get one of these numbers: none of another test run takes it before the server has it, and
    nobody who tries whether the server is up meets himself there.
    """
    numbers = random.SystemRandom()
    while True:
        port = numbers.randrange(10_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
