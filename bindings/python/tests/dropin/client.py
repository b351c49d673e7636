"""The client that the program next to this file runs with: DROPIN_CLIENT names its module."""

import importlib
import os
from typing import Any

name = os.environ["DROPIN_CLIENT"]
nats: Any = importlib.import_module(name)
for part in ("errors", "aio.client", "aio.msg", "aio.subscription", "nuid"):
    importlib.import_module(f"{name}.{part}")
