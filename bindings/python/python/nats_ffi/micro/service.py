"""Services in the shape of `nats.micro.service`."""

from ..aio.service import (
    Endpoint,
    EndpointConfig,
    EndpointInfo,
    EndpointStats,
    Group,
    GroupConfig,
    Service,
    ServiceConfig,
    ServiceInfo,
    ServicePing,
    ServiceStats,
)

__all__ = [
    "Endpoint",
    "EndpointConfig",
    "EndpointInfo",
    "EndpointStats",
    "Group",
    "GroupConfig",
    "Service",
    "ServiceConfig",
    "ServiceInfo",
    "ServicePing",
    "ServiceStats",
]
