"""What the tests look at: the descriptions, a copy of them that tests may spoil, and sections of the documents."""

import shutil
import sys
import tempfile
from pathlib import Path

LINT = Path(__file__).resolve().parents[1]
ROOT = LINT.parents[1]
sys.path.insert(0, str(LINT))

import facts  # noqa: E402
import sam  # noqa: E402

SAM = "template.yaml"
MODULES = "infra/modules"


class Copy:
    """The files that count, in a folder of their own."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        shutil.copy(ROOT / SAM, self.root)
        shutil.copytree(ROOT / "statemachines", self.root / "statemachines")
        (self.root / "infra").mkdir()
        shutil.copy(ROOT / "infra" / "dashboard.json", self.root / "infra")
        for folder in ("domain", "modules", "envs"):
            target = self.root / "infra" / folder
            shutil.copytree(ROOT / "infra" / folder, target, ignore=shutil.ignore_patterns(".terraform*"))

    def __enter__(self) -> "Copy":
        return self

    def __exit__(self, *_) -> None:
        self._folder.cleanup()

    def replace(self, file: str, old: str, new: str) -> None:
        """Replaces the first of it; text that is not there is a mistake in the test."""
        path = self.root / file
        text = path.read_text()
        if old not in text:
            raise AssertionError(f"{file} has no {old!r}")
        path.write_text(text.replace(old, new, 1))


def described(copy: Copy | None = None) -> facts.System:
    """What the template describes, with all that is optional."""
    return sam.Template((copy.root if copy else ROOT) / SAM).facts("livelist", {"AdminApi": "ENABLED", "Records": "ENABLED"})


def section(page: str, title: str) -> str:
    """The text below a title of a page in docs/, up to the next title of that rank."""
    return (ROOT / "docs" / page).read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
