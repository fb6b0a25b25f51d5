"""The CloudWatch dashboard is one text, `infra/dashboard.json`. Terraform reads it; CloudFormation can
read no file, so it stands in `template.yaml` as well.

    dashboard.py            writes it into template.yaml
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INDENT = " " * 10
PLACE = re.compile(r"(      DashboardBody: !Sub\n        - \|\n)((?: {10}.*\n)+)")


def within(template: str, body: str) -> str:
    """The template with this dashboard."""
    json.loads(body)
    indented = "".join(f"{INDENT}{line}\n" for line in body.splitlines())
    found = PLACE.search(template)
    if not found:
        raise SystemExit("template.yaml has no place for the dashboard")
    return template[: found.start(2)] + indented + template[found.end(2) :]


def main() -> int:
    path = ROOT / "template.yaml"
    path.write_text(within(path.read_text(), (ROOT / "infra" / "dashboard.json").read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
