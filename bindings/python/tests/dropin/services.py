"""A service: endpoints, groups, answers, errors, what it tells of itself, its end."""

import asyncio
import importlib
import json
import os
import sys

from client import nats

micro = importlib.import_module(f"{os.environ['DROPIN_CLIENT']}.micro")
service_module = importlib.import_module(f"{os.environ['DROPIN_CLIENT']}.micro.service")
request_module = importlib.import_module(f"{os.environ['DROPIN_CLIENT']}.micro.request")


async def answer(request):
    if request.data == b"odd":
        raise request_module.ServiceError("400", "no good")
    if request.data == b"taken":
        await request.respond_error("409", "taken", b"data", headers={"A": "1"})
    else:
        await request.respond(request.subject.encode() + b" " + request.data, {"B": "2"})


async def main() -> None:
    nc = await nats.connect(sys.argv[1])
    service = await micro.add_service(
        nc,
        name="dropin",
        version="1.0.0",
        description="answers",
        metadata={"k": "v"},
        queue_group="mine",
        stats_handler=lambda stats: {"asked": stats.num_requests},
    )
    await service.add_endpoint(name="plain", handler=answer, subject="dropin.plain")
    group = service.add_group(name="dropin.g", queue_group="other")
    await group.add_endpoint(service_module.EndpointConfig(name="e", handler=answer, metadata={}))
    inner = group.add_group(service_module.GroupConfig(name="inner"))
    await inner.add_endpoint(name="f", handler=answer, queue_group="own", metadata={"a": "b"})

    for subject in ("dropin.plain", "dropin.g.e", "dropin.g.inner.f"):
        for data in (b"x", b"odd", b"taken"):
            reply = await nc.request(subject, data)
            print(reply.data, sorted((reply.headers or {}).items()))

    info = service.info()
    print(info.name, info.version, info.description, info.metadata, info.type)
    for one in info.endpoints:
        print(one.name, one.subject, one.queue_group, one.metadata or {})
    stats = service.stats()
    print(stats.type, stats.id == service.id, stats.started.year > 2020)
    for one in stats.endpoints:
        print(one.name, one.num_requests, one.num_errors > 0, one.data, one.processing_time > 0)
    ping = json.loads((await nc.request("$SRV.PING.dropin")).data)
    told = service_module.ServicePing.from_dict(ping)
    print(told.id == service.id, told.name, told.version, told.metadata)
    await service.reset()
    print(service.stopped.is_set())
    await service.stop()
    await service.stopped.wait()
    print(service.stopped.is_set())
    try:
        await nc.request("dropin.plain", b"x")
    except nats.errors.NoRespondersError:
        print("nobody")
    config = service_module.ServiceConfig(name="again", version="2.0.0")
    async with await micro.add_service(nc, config) as other:
        print(other.info().name, other.info().endpoints)
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
