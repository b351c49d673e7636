"""The package as it is read by type checkers, and as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from support import TESTS

BINDING = TESTS.parent
EXAMPLES = BINDING.parents[1] / "examples" / "python"


def run(*command: object) -> str:
    """Runs a program, which must succeed; what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "MYPYPATH": str(BINDING / "python")},
        cwd=BINDING,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def test_the_package_is_typed_strictly(cache: Path) -> None:
    run(sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "-p", "nats_ffi")


def test_programs_see_its_types(cache: Path) -> None:
    programs = [TESTS / "typed" / "program.py", *sorted(EXAMPLES.glob("*.py"))]
    run(sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, *programs)


def test_the_stubs_say_what_there_is() -> None:
    run(sys.executable, "-m", "mypy.stubtest", "nats_ffi")


def test_a_wheel_works_where_there_is_nothing_else(tmp_path: Path, url: str) -> None:
    manifest = BINDING / "Cargo.toml"
    maturin = Path(sys.executable).parent / "maturin"
    run(maturin, "build", "--compatibility", "linux", "-m", manifest, "-o", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith("nats_ffi-") and "-cp311-abi3-" in wheel.name
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    program = (
        "import nats_ffi, sys\n"
        "from importlib import metadata, resources\n"
        "assert nats_ffi.__version__ == metadata.version('nats-ffi')\n"
        "files = resources.files('nats_ffi')\n"
        "assert files.joinpath('py.typed').is_file()\n"
        "assert files.joinpath('_native.pyi').is_file()\n"
        "print(nats_ffi.__file__)\n"
    )
    assert str(tmp_path) in run(python, "-I", "-c", program)
    said = run(python, "-I", EXAMPLES / "quickstart.py", url)
    assert said == "greet.joe: hello\n"
