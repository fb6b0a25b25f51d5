"""The pages in headless Chromium: axe, widths, ids. Skipped where Playwright is not installed
(`make dashboard-tools`), unless REQUIRE_WORDPRESS says that it has to be."""

import json
import os
import subprocess

import pytest
from faulty import Faulty
from local_wordpress import HERE, ROOT

TOOLS = ROOT / "tests" / "dashboard" / "package.json"


@pytest.fixture(scope="module")
def small(folder, database):
    if not (TOOLS.parent / "node_modules" / "playwright-core").exists():
        if os.environ.get("REQUIRE_WORDPRESS"):
            pytest.fail("make dashboard-tools brings Playwright and axe")
        pytest.skip("make dashboard-tools brings Playwright and axe")
    running = Faulty(folder, database, "pages", listings=300)
    yield running
    running.stop()


def test_pages_are_accessible_and_fit(small):
    small.reset()
    small.bind()
    small.apply()
    small.site.wp("undo", small.site.runs(1)[0]["id"])
    small.site.wp("hold", small.livelist.feed, "--off", "--undone=down")
    small.apply()
    assert small.twenty_went()
    small.site.wp("dry-run")
    small.site.serve()
    try:
        pages = ["/wp-admin/options-general.php?page=livelist-sync", "/wp-admin/tools.php?page=livelist-sync-listings"]
        command = ["node", str(HERE.parent / "tests" / "pages.mjs"), small.site.url, *pages]
        done = subprocess.run(command, env=os.environ | {"PAGES_TOOLS": str(TOOLS)}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for page in json.loads(done.stdout):
            assert page["axe"] == [], page["path"]
            assert page["ids"] == [], page["path"]
            assert page["wide"] == {"1280": 1280, "390": 390}, page["path"]
    finally:
        small.site.stop()
    assert small.site.complaints() == []
