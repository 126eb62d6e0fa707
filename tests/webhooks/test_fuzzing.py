"""The short mode of the fuzzer: what the long mode plays for hours is played here for a second."""

import pytest

from fuzz.cases import play
from fuzz.seeds import random_inputs


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_accepted_that_was_not_signed_and_nothing_else_escapes(seed: int) -> None:
    for one in random_inputs(300, seed):
        play(one)
