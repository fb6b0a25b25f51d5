"""One MariaDB for all tests. Tests skip when PHP and WordPress are not there, unless
REQUIRE_WORDPRESS says that they have to be."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))

import local_wordpress  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    # Short: a socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="livelist-wp-", dir="/tmp") as path:
        yield Path(path)


@pytest.fixture(scope="session")
def database(folder):
    try:
        local_wordpress.require()
    except local_wordpress.Missing as missing:
        if os.environ.get("REQUIRE_WORDPRESS"):
            raise
        pytest.skip(str(missing))
    running = local_wordpress.Database(folder / "db").start()
    yield running
    running.stop()
