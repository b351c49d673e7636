"""Fixtures: servers for the session and for a test; coroutine tests on the loop they ask for."""

from __future__ import annotations

import functools
import inspect
import signal
from collections.abc import Iterator

import pytest
from anyloop import RUNNERS
from harness import Harness, Remote
from support import Events

# Whoever runs the tests in the background may have had Ctrl-C ignored, here and in every child.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--loop",
        choices=("asyncio", "uvloop"),
        default="asyncio",
        help="where tests run that do not say on which loops they run",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a coroutine function; without this pytest would refuse it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    RUNNERS[pyfuncitem.funcargs["loop"]](functools.partial(pyfuncitem.obj, **arguments))
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Coroutine tests that are marked `loops` run on each loop; the others on one."""
    marked = metafunc.definition.get_closest_marker("loops")
    if marked and inspect.iscoroutinefunction(metafunc.function):
        metafunc.parametrize("loop", tuple(RUNNERS), indirect=True)


@pytest.fixture(autouse=True)
def loop(request: pytest.FixtureRequest) -> str:
    """The name of the event loop under a coroutine test."""
    return str(getattr(request, "param", request.config.getoption("--loop")))


@pytest.fixture(scope="session")
def _control() -> Iterator[Harness]:
    control = Harness()
    yield control
    control.close()


@pytest.fixture(scope="session")
def plain(_control: Harness) -> Remote:
    """A server without any configuration that all tests share and none may harm."""
    return _control.keep(_control.server("plain"))


@pytest.fixture
def url(plain: Remote) -> str:
    """The address of the shared server."""
    return str(plain.url)


@pytest.fixture(scope="session")
def _streams(_control: Harness) -> Remote:
    return _control.keep(_control.server("jetstream"))


@pytest.fixture
def js_url(_streams: Remote) -> str:
    """The address of a shared server with JetStream. Each test has streams of its own."""
    return str(_streams.url)


@pytest.fixture
def harness(_control: Harness) -> Iterator[Harness]:
    """Starts servers of the test's own, which end with it."""
    yield _control
    _control.clear()


@pytest.fixture
def events() -> Events:
    """Records what a connection tells: `connect(url, **events.options)`."""
    return Events()
