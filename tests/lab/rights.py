"""Lets the lab's operator call what the policies of docs/permissions.md name, and nothing else: whatever runs afterwards shows that
they suffice. Actions alone are compared, no resources and no conditions.

  tests/lab/rights.py [--check]       --check: names what was called without a right since the lab began, and fails if anything was
"""

import json
import re
import sys

import scene

PAGE = scene.REPOSITORY / "docs/permissions.md"
KEY = "lab"


def actions():
    policies = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    statements = [statement for policy in policies for statement in json.loads(policy)["Statement"]]
    return sorted({action for statement in statements for action in statement["Action"]})


def limit():
    scene.admin("PUT", "settings", {"rights": {KEY: actions()}})


def check():
    if denied := scene.admin("GET", "violations")["denied"]:
        scene.fail(f"docs/permissions.md lacks {', '.join(denied)}")
    scene.ok("every call was one that docs/permissions.md allows")


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else limit()
