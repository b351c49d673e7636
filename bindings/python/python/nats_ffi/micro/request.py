"""Requests to services in the shape of `nats.micro.request`."""

from ..aio.service import Handler, Request, ServiceError

__all__ = ["Handler", "Request", "ServiceError"]
