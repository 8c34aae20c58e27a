"""With this folder on PYTHONPATH, a Python process has the stand-in for `gateway.app`: for gateways that tests start."""

from __future__ import annotations

import sys
import types
from typing import Any


def create_app(wiring: Any) -> Any:
    import standin

    return standin.create_app(wiring)


module = types.ModuleType("gateway.app")
module.create_app = create_app  # type: ignore[attr-defined]
sys.modules["gateway.app"] = module
