"""Ports for the servers of tests."""

import random
import socket

# Below those that the system gives to whoever asks for any: until the server has started, nobody else is given them.
RANGE = range(20_000, 32_768)


def free(count: int) -> list[int]:
    """Find ports that no server on this machine listens at."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().choice(RANGE)
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)):
                found.add(port)
    return list(found)
