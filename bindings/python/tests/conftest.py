"""Fixtures: servers for the session and for a test; coroutine tests on the loop they ask for."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
import uvloop
from harness import Harness, Remote
from support import Events


def _run_trio(test: Callable[[], Any]) -> None:
    trio.run(test)


def _run_asyncio(test: Callable[[], Any]) -> None:
    with asyncio.Runner() as runner:
        runner.run(test())


def _run_uvloop(test: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test())


RUNNERS = {"asyncio": _run_asyncio, "uvloop": _run_uvloop, "trio": _run_trio}


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
    """Coroutine tests that mention `loop` in a mark run on each; the others on one."""
    mark = metafunc.definition.get_closest_marker("loops")
    if mark:
        metafunc.parametrize("loop", mark.args or tuple(RUNNERS), indirect=True)


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


@pytest.fixture
def harness(_control: Harness) -> Iterator[Harness]:
    """Starts servers of the test's own, which end with it."""
    yield _control
    _control.clear()


@pytest.fixture
def events() -> Events:
    """Records what a connection tells: `connect(url, **events.options)`."""
    return Events()
