"""Servers, clusters, fake servers and proxies, by the JSON lines of `nats-harness control`."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import Any

Answer = dict[str, Any]


class Remote:
    """Something that the harness runs; its facts (`url`, `port`, `tls_ca` …) are attributes."""

    def __init__(self, harness: Harness, facts: Answer) -> None:
        self._harness = harness
        self._facts = facts

    def __getattr__(self, name: str) -> Any:
        try:
            return self._facts[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def address(self) -> str:
        """Host and port."""
        return str(self.url).split("//", 1)[1]

    def tell(self, op: str, **fields: Any) -> Answer:
        """Has the harness do `op` with it; returns the values of the answer."""
        return self._harness.ask(op, id=self.id, **fields)

    def received(self, connection: int = 0) -> str:
        """What a fake server has read so far."""
        return str(self.tell("received", connection=connection)["text"])

    def remove(self) -> None:
        """Stops it."""
        self.tell("remove")


class Harness:
    """One `nats-harness control` process. Everything it runs ends with its standard input."""

    def __init__(self) -> None:
        program = os.environ.get("NATS_HARNESS", "nats-harness")
        self._process = subprocess.Popen(
            [program, "control"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        self._started: list[Remote] = []

    def ask(self, op: str, **fields: Any) -> Answer:
        """Sends one request and returns its answer, which must be a good one."""
        assert self._process.stdin and self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps({"op": op, **fields}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        answer: Answer = json.loads(line) if line else {"ok": False, "error": "it has ended"}
        assert answer["ok"], f"harness, {op}: {answer.get('error')}"
        return answer

    def server(self, config: str = "plain", **fields: Any) -> Remote:
        """Starts a real server; `extra` lines of configuration, `host`, `nodes` of a cluster."""
        return self._add("start", config=config, **fields)

    def fake(self, *script: Any, scripts: list[Any] | None = None) -> Remote:
        """Starts a scripted server: one script for every connection, or one each."""
        return self._add("fake", **({"scripts": scripts} if scripts else {"script": script}))

    def proxy(self, target: Remote) -> Remote:
        """Starts a proxy in front of `target`."""
        return self._add("proxy", target=target.id)

    def tunnel(self, kind: str, **fields: Any) -> Remote:
        """Starts an `http` or `socks5` proxy; `user` and `password` have to be known."""
        return self._add("tunnel", kind=kind, **fields)

    def clear(self) -> None:
        """Stops what was started since the last time."""
        while self._started:
            self._started.pop().remove()

    def close(self) -> None:
        """Stops everything, the harness too."""
        self._process.communicate(timeout=30)

    def _add(self, op: str, **fields: Any) -> Remote:
        remote = Remote(self, self.ask(op, **fields))
        self._started.append(remote)
        return remote

    def keep(self, remote: Remote) -> Remote:
        """Leaves something to its holder: `clear` does not stop it."""
        self._started.remove(remote)
        return remote
