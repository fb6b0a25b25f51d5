"""What the linters are told to leave alone is in docs/security.md, with its reason, and nothing else is."""

import re
import unittest

from planted import ROOT


def waived() -> set[str]:
    files = [ROOT / "template.yaml", ROOT / "infra" / "lint" / "checkov.yaml"]
    files += (ROOT / "infra" / "modules").rglob("*.tf")
    text = "\n".join(file.read_text() for file in files)
    return set(re.findall(r"checkov:skip=(CKV2?_AWS_\d+):\S", text)) | set(
        re.findall(r"^  - (CKV2?_AWS_\d+)$", text, re.MULTILINE)
    )


class Documents(unittest.TestCase):
    def test_waivers_are_told_with_their_reasons(self):
        table = (ROOT / "docs" / "security.md").read_text().split("\n## Waivers\n")[1]
        rows = [row.split("|") for row in table.splitlines() if row.startswith("| `")]
        told = {id_ for row in rows for id_ in re.findall(r"`(\w+)`", row[1])}
        self.assertEqual(told, waived())
        self.assertTrue(all(row[3].strip() for row in rows))

    def test_each_waiver_in_the_settings_has_its_reason_above_it(self):
        lines = (ROOT / "infra" / "lint" / "checkov.yaml").read_text().splitlines()
        for before, line in zip(lines, lines[1:]):
            if line.startswith("  - "):
                self.assertTrue(before.startswith("  # "), line)


if __name__ == "__main__":
    unittest.main()
