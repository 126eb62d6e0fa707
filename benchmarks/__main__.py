"""Print every claim with its number and its limit; exit 1 when a limit is missed."""

import sys

from .counting import key_parsing_time, key_parsings, token_requests
from .receiving import receiving
from .sending import sending, sending_alone, sending_by_hand
from .simulating import in_process, over_sockets
from .starting import starting, starting_beside_bare
from .verifying import verifying

_ALL = (
    sending,
    sending_alone,
    sending_by_hand,
    receiving,
    verifying,
    token_requests,
    key_parsings,
    key_parsing_time,
    in_process,
    over_sockets,
    starting,
    starting_beside_bare,
)


def main() -> int:
    """Measure one after the other."""
    kept = True
    for measure in _ALL:
        claim = measure()
        kept = kept and claim.is_kept
        print(claim, flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
