"""What every test run needs, and nothing else."""

import inspect
from typing import Any

import aioresponses.core
import pytest
from aiohttp import ClientResponse
from hypothesis import HealthCheck, settings

# No test asserts a duration, and so none has a deadline: a busy machine is not a defect.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

_WANTED = "stream_writer" in inspect.signature(ClientResponse.__init__).parameters


class _Response(ClientResponse):
    """aioresponses 0.7.9 does not give the writer that aiohttp 3.14 asks for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"stream_writer": None, **kwargs} if _WANTED else kwargs)


@pytest.fixture(autouse=True, scope="session")
def _aioresponses_fits_aiohttp() -> None:
    aioresponses.core.ClientResponse = _Response  # type: ignore[attr-defined]  # not exported, and so not meant to be set
