"""The documents against what they speak of: waivers, links, costs, parameters, commands, the
table of ARCHITECTURE.md."""

import re
import unittest
from pathlib import Path

from planted import ROOT, section


def waived() -> set[str]:
    files = [ROOT / "template.yaml", ROOT / "infra" / "lint" / "checkov.yaml"]
    files += (ROOT / "infra" / "modules").rglob("*.tf")
    text = "\n".join(file.read_text() for file in files)
    return set(re.findall(r"checkov:skip=(CKV2?_AWS_\d+):\S", text)) | set(
        re.findall(r"^  - (CKV2?_AWS_\d+)$", text, re.MULTILINE)
    )


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's titles, as GitHub makes them; those of repeated titles are left out."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    titles = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in titles]
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


class Documents(unittest.TestCase):
    def test_links_lead_to_files_and_titles_that_are_there(self):
        for page in pages():
            for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                self.assertTrue(target.exists(), f"{page.name}: {link}")
                if anchor and target.suffix == ".md":
                    self.assertIn(anchor, anchors(target), f"{page.name}: {link}")

    def test_the_readme_shows_the_costs_that_the_model_finds(self):
        bill = section("scale.md", "The bill of a day")

        def row(name: str) -> list[str]:
            (line,) = re.findall(rf"^\| {re.escape(name)} \|.*$", bill, re.MULTILINE)
            return [cell.strip(" *") for cell in line.split("|")[2:5]]

        nobody, some, all_ = zip(row("feeds"), row("**a day**"))
        readme = (ROOT / "README.md").read_text().split("| $ a day |\n")[1].split("\n\n")[0]
        told = [tuple(cell.strip() for cell in line.split("|")[2:4]) for line in readme.splitlines()[1:]]
        self.assertEqual(told, [all_, some, nobody], "README.md: the table of docs/scale.md (make scale)")

    def test_every_parameter_and_the_number_of_alarms_are_told(self):
        template = (ROOT / "template.yaml").read_text()
        parameters = template.split("\nParameters:\n")[1].split("\nConditions:\n")[0]
        names = set(re.findall(r"^  (\w+):$", parameters, re.MULTILINE))
        table = section("deploy.md", "Parameters")
        told = {name for row in re.findall(r"^\| `.*$", table, re.MULTILINE)
                for name in re.findall(r"`(\w+)`", row.split("|")[1])}
        self.assertEqual(told, names, "docs/deploy.md")
        alarms = template.count("Type: AWS::CloudWatch::Alarm")
        self.assertIn(f"\n| {alarms} alarms, $0.10 each | {alarms / 10:.2f} |\n", section("deploy.md", "Costs"))

    def test_every_command_is_told(self):
        cli = (ROOT / "crates/livelist/src/cli.rs").read_text()
        command = cli.split("\npub enum Command {\n")[1].split("\n}\n")[0]
        verbs = [name.lower() for name in re.findall(r"^    ([A-Z]\w+)[,({ ]", command, re.MULTILINE)]
        self.assertGreater(len(verbs), 20)
        page = (ROOT / "docs" / "commands.md").read_text()
        for verb in verbs:
            self.assertRegex(page, rf"\n\|.*`(livelist )?{verb}\b", f"docs/commands.md: {verb}")

    def test_the_table_of_where_to_change_what_names_files_that_are_there(self):
        table = section("../ARCHITECTURE.md", "Where to change what")
        paths = set(re.findall(r"`((?:crates|infra|docs|tests|events|statemachines|fuzz|wordpress)/[^`*{ ]+)`", table))
        self.assertGreater(len(paths), 20)
        for path in paths:
            self.assertTrue((ROOT / path).exists(), f"ARCHITECTURE.md: {path}")

    def test_waivers_are_told_with_their_reasons(self):
        table = section("security.md", "Waivers")
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
