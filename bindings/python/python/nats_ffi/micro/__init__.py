"""Services in the shape of `nats.micro`."""

from __future__ import annotations

from typing import Any

from ..aio.client import Client
from .request import Handler, Request, ServiceError
from .service import Service, ServiceConfig

__all__ = ["Handler", "Request", "Service", "ServiceConfig", "ServiceError", "add_service"]


async def add_service(nc: Client, config: ServiceConfig | None = None, **options: Any) -> Service:
    """Adds a service; see `Client.add_service`."""
    return await nc.add_service(config, **options)
