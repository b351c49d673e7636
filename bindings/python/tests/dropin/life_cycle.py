"""All life-cycle callbacks, a context manager, and a client that is constructed first."""

import asyncio
import sys

from client import nats


async def main() -> None:
    seen = []
    closed = asyncio.get_running_loop().create_future()

    async def disconnected_cb():
        seen.append("disconnected")

    async def reconnected_cb():
        seen.append("reconnected")

    async def error_cb(error):
        seen.append(f"error {error}")

    async def closed_cb():
        seen.append("closed")
        closed.set_result(True)

    options = {
        "error_cb": error_cb,
        "disconnected_cb": disconnected_cb,
        "reconnected_cb": reconnected_cb,
        "closed_cb": closed_cb,
        "name": "life cycle",
        "max_reconnect_attempts": 5,
        "reconnect_time_wait": 0.1,
        "ping_interval": 20,
        "max_outstanding_pings": 5,
        "allow_reconnect": True,
        "dont_randomize": True,
        "pedantic": False,
        "verbose": False,
        "no_echo": False,
        "connect_timeout": 2,
        "drain_timeout": 5,
        "flusher_queue_size": 1024,
        "pending_size": 1024 * 1024,
        "inbox_prefix": "_MINE",
    }
    nc = nats.aio.client.Client()
    print(nc.is_connected, nc.is_closed, nc.is_connecting, nc.is_reconnecting)
    await nc.connect(servers=[sys.argv[1]], **options)
    async with nc:
        print(nc.is_connected, nc.connected_url.scheme, nc.connected_url.hostname)
        print(len(nc.servers), nc.discovered_servers, nc.max_payload, nc.last_error)
        print(type(nc.client_id).__name__, nc.connected_server_version.major >= 2)
        print(nc.new_inbox().startswith("_MINE."), len(nc.new_inbox()))

        async def fail(msg):
            raise ValueError(msg.data.decode())

        await nc.subscribe("life.fail", cb=fail)
        for word in (b"one", b"two"):
            await nc.publish("life.fail", word)
        await nc.flush(timeout=5)
        print(await nc.rtt(5) > 0)
        print(sorted(set(nc.stats) & {"in_msgs", "out_msgs", "in_bytes", "out_bytes"}))
        print(nc.stats["in_msgs"], nc.stats["out_msgs"], nc.stats["reconnects"])
    await asyncio.wait_for(closed, 5)
    print(seen)
    print(nc.is_closed, nc.is_connected, nc.connected_url)


if __name__ == "__main__":
    asyncio.run(main())
