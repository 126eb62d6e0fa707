"""The short mode of the fuzzer: what the long mode plays for an hour is played here for a second."""

import pytest

from fuzz.cases import play, play_object
from fuzz.seeds import object_seeds, random_inputs, seeds


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_accepted_that_was_not_signed_and_what_was_signed_is(seed: int) -> None:
    for one in [*seeds()[seed::5], *random_inputs(300, seeds(), seed=seed)]:
        play(one)


@pytest.mark.parametrize("seed", range(5))
def test_of_any_bytes_there_comes_an_object_or_a_reason(seed: int) -> None:
    for one in [*object_seeds()[seed::5], *random_inputs(300, object_seeds(), seed=seed)]:
        play_object(one)
