"""Programs written for nats-py: with the import changed they print what they printed before."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "dropin"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "client")


def run(program: str, client: str, url: str) -> str:
    """What the program prints with this client."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{program}.py"), url],
        env={**os.environ, "DROPIN_CLIENT": client},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_the_same(js_url: str, program: str) -> None:
    ours = run(program, "nats_ffi", js_url)
    assert ours.count("\n") >= 3
    if importlib.util.find_spec("nats") is None:
        pytest.fail("nats-py is not installed, which requirements-test.txt asks for")
    assert ours == run(program, "nats", js_url)
