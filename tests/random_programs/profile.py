"""How ``hypothesis`` runs here."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck

SETTINGS: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,  # the same calls in every run
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
