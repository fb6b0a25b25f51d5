"""A copy of the two descriptions that tests may spoil."""

import shutil
import sys
import tempfile
from pathlib import Path

LINT = Path(__file__).resolve().parents[1]
ROOT = LINT.parents[1]
sys.path.insert(0, str(LINT))

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
