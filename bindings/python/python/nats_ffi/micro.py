"""Services in the shape of `nats.micro`."""

from __future__ import annotations

from typing import Any

from .aio.client import Client
from .aio.service import (
    EndpointInfo,
    EndpointStats,
    Group,
    Request,
    Service,
    ServiceError,
    ServiceInfo,
    ServicePing,
    ServiceStats,
)

__all__ = [
    "EndpointInfo",
    "EndpointStats",
    "Group",
    "Request",
    "Service",
    "ServiceError",
    "ServiceInfo",
    "ServicePing",
    "ServiceStats",
    "add_service",
]


async def add_service(nc: Client, **config: Any) -> Service:
    """Adds a service; see `Client.add_service`."""
    return await nc.add_service(**config)
