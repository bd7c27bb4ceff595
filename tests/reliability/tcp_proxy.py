"""A TCP proxy that is slow, hangs up, refuses, or swallows all it is sent."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Literal

_ABRUPT = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Toxic:
    """What is wrong with the network: nothing, or that; `delay` holds back what the store says."""

    name: Literal["none", "delay", "refuse", "reset", "black hole"] = "none"
    delay: float = 0.0

    def __str__(self) -> str:
        return f"{self.name} {self.delay:g}" if self.delay else self.name


class TcpProxy:
    """The proxy at `address`, before the `upstream` host and port."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self._toxic = Toxic()
        self._changed = threading.Event()
        self.accepted = 0
        self._dead: set[socket.socket] = set()
        self._connections: list[socket.socket] = []
        self._listener = self._listen(0)
        self._port = int(self._listener.getsockname()[1])
        self.address = f"127.0.0.1:{self._port}"

    def poison(self, toxic: Toxic) -> None:
        """Connections that are open, and those to come, suffer from `toxic` from now on."""
        refused = self._toxic.name == "refuse"
        self._toxic = toxic
        self._changed.set()
        self._changed = threading.Event()
        if toxic.name == "refuse":
            _hang_up(self._listener)
        elif refused:
            self._listener = self._listen(self._port)
        if toxic.name in ("refuse", "reset"):
            for connection in self._connections:
                _hang_up(connection)

    def forget(self) -> None:
        """Connections that are open stay so, and bring nothing any more; those to come are well.

        So does a machine between two networks that no longer knows of them.
        """
        self._dead.update(self._connections)

    def close(self) -> None:
        """Ends it, and every connection."""
        self.poison(Toxic("refuse"))

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=256)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.accepted += 1
                self._connections.append(client)
                if self._toxic.name in ("refuse", "reset"):
                    _hang_up(client)
                    continue
                store = socket.create_connection(self._upstream)
                self._connections.append(store)
                self._pump(client, store, answers=False)
                self._pump(store, client, answers=True)

    def _pump(self, source: socket.socket, target: socket.socket, *, answers: bool) -> None:
        def run() -> None:
            with contextlib.suppress(OSError):
                while content := source.recv(65536):
                    if answers and self._toxic.delay:
                        self._changed.wait(self._toxic.delay)
                    if self._toxic.name != "black hole" and target not in self._dead:
                        target.sendall(content)
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        threading.Thread(target=run, name="proxy", daemon=True).start()


def _hang_up(connection: socket.socket) -> None:
    """Closes it with a reset, which also wakes those who wait on it."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()
