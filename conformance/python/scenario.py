"""Drives a server with the official m3ter Python SDK; prints failures and one summary line."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from access import Access
from billing import Billing
from checks import Checks
from client import connect
from data import Data
from people import People
from table import resources
from verbs import Scenario


def main() -> int:
    served = set(Path(os.environ["TURNPIKE_SERVED"]).read_text().split())
    checks = Checks()
    client, transport = connect()
    scenario = Scenario(client, transport, checks)
    table = [resource for resource in resources() if resource["path"] in served]
    for resource in table:
        checks.run(resource["name"], lambda: scenario.run(resource))
    checks.run("access", Access(scenario, served).run)
    for part in (Billing, People, Data):
        checks.run(part.__name__.lower(), part(scenario).run)
    for resource in reversed(table):
        checks.run(f"{resource['name']} at the end", lambda: scenario.clean(resource))
    for failure in checks.failures:
        print(f"FAILED {failure}")
    print(
        f"python m3ter {version('m3ter')}: {len(table)} of {len(resources())} resources served, "
        f"{checks.passed} checks held, {len(checks.failures)} failed"
    )
    return 1 if checks.failures else 0


if __name__ == "__main__":
    sys.exit(main())
