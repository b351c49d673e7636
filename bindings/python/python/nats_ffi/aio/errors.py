"""The exceptions under the names that they had in old versions of nats-py."""

from __future__ import annotations

from .. import errors

NatsError = errors.Error
ErrAuthorization = errors.AuthorizationError
ErrBadSubject = errors.BadSubjectError
ErrBadSubscription = errors.BadSubscriptionError
ErrBadTimeout = errors.BadTimeoutError
ErrConnectionClosed = errors.ConnectionClosedError
ErrConnectionDraining = errors.ConnectionDrainingError
ErrConnectionReconnecting = errors.ConnectionReconnectingError
ErrDrainTimeout = errors.DrainTimeoutError
ErrInvalidCallbackType = errors.InvalidCallbackTypeError
ErrInvalidUserCredentials = errors.InvalidUserCredentialsError
ErrJsonParse = errors.JsonParseError
ErrMaxPayload = errors.MaxPayloadError
ErrNoServers = errors.NoServersError
ErrSecureConnFailed = errors.SecureConnFailedError
ErrSecureConnRequired = errors.SecureConnRequiredError
ErrSecureConnWanted = errors.SecureConnWantedError
ErrSlowConsumer = errors.SlowConsumerError
ErrStaleConnection = errors.StaleConnectionError
ErrTimeout = errors.TimeoutError
