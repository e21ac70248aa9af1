"""Reads `infra plan --json`, prints: steps, critical path in ms, least calls, the longest chain.

The critical path is the time that remains if infra itself takes none, never asks in vain, and asks at the same time what
does not depend on each other: one round of list calls, then the chain of steps, each needing the one before, whose rounds
add up to the most, each round as long as one call. A step has a round that asks for the change and one that sees its
operations ended; creating an instance has a third, since its operation ends before the instance runs. Moving an address
has two operations, one for the address and one for the instance: two calls, one round.
"""

import functools
import json
import sys

LISTS = 8  # GetInstances, GetDisks … GetContactMethods; each fits one page.


def rounds(step: str) -> int:
    """By the step's name: NODE/VERB."""
    node, verb = step.rsplit("/", 1)
    return 3 if verb == "create" and node.startswith("hosts.") else 2


def least_calls(step: str) -> int:
    """Those of one round are several where there are several operations."""
    return rounds(step) + step.endswith(".address/attach")


def main() -> None:
    """One line for the shell."""
    needs = {step["id"]: step["needs"] for step in json.load(sys.stdin)["steps"]}

    @functools.cache
    def longest(step: str) -> tuple[int, str]:
        before, chain = max((longest(need) for need in needs[step]), default=(0, ""))
        return before + rounds(step), f"{chain} → {step}" if chain else step

    total, chain = max(longest(step) for step in needs)
    least = LISTS + sum(map(least_calls, needs))
    print(len(needs), (1 + total) * int(sys.argv[1]), least, chain)


main()
