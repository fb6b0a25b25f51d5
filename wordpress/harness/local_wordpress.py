"""A real WordPress on this machine, for tests and the demonstration: MariaDB on a socket of its own,
PHP's own server with several workers, so that visits fire WP-Cron as they do at a host. Standard
library only. Nothing listens outside of 127.0.0.1, and nothing is left running."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livelist"
# Another version of WordPress, unpacked, in place of Debian's.
SOURCE = Path(os.environ.get("WORDPRESS") or CACHE / "wordpress")
PLUGIN = ROOT / "wordpress" / "livelist-sync"
# What a cheap host gives.
LIMITS = ["-d", "memory_limit=128M", "-d", "display_errors=0", "-d", "log_errors=1", "-d", "error_reporting=32767"]
# Without curl WordPress takes PHP's streams.
STREAMS = ["-d", "disable_functions=curl_init,curl_exec,curl_multi_init"]
PACKAGES = "php-cli php-mysql php-curl php-xml php-mbstring phpunit mariadb-server-core mariadb-client-core"


class Missing(Exception):
    """Something that has to be installed first."""


def require() -> None:
    """Says what is missing."""
    missing = [name for name in ("php", "mariadbd", "mariadb-install-db", "mariadb") if not shutil.which(name)]
    if not missing:
        modules = set(subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout.lower().split())
        missing = [f"PHP's {name}" for name in ("mysqli", "curl", "xml", "mbstring", "zlib") if name not in modules]
    if not missing and not (SOURCE / "wp-load.php").exists():
        missing = ["WordPress"]
    if missing:
        raise Missing(f"{', '.join(missing)} missing: make wordpress-tools brings what is needed (Debian, as root)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process: subprocess.Popen) -> None:
    """Ends a process and those that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


class Database:
    """MariaDB below a directory."""

    def __init__(self, folder: Path):
        self.folder = folder
        # A socket's path has at most 107 bytes.
        self.socket = folder / "db.sock"

    def start(self) -> "Database":
        data = self.folder / "data"
        user = ["--user=root"] if os.geteuid() == 0 else []
        if not data.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal"]
            subprocess.run(
                [*install, "--skip-test-db", f"--datadir={data}", f"--tmpdir={self.folder}", *user], check=True, stdout=subprocess.DEVNULL
            )
        (self.folder / "db-tmp").mkdir(exist_ok=True)
        options = [
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'db.pid'}",
            f"--log-error={self.folder / 'db.log'}",
            # Of its own: a server that starts removes the temporary tables that it finds, those of others too.
            f"--tmpdir={self.folder / 'db-tmp'}",
            "--skip-networking",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=384M",
            "--innodb-log-file-size=128M",
            *user,
        ]
        self.process = subprocess.Popen(["mariadbd", *options], start_new_session=True)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.run("SELECT 1")
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start: {self.folder / 'db.log'}")
            time.sleep(0.2)

    def run(self, sql: str, database: str = "") -> list[list[str]]:
        """Rows as texts."""
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", "-B", "--default-character-set=utf8mb4"]
        done = subprocess.run(
            [*command, *([database] if database else [])], input=sql, check=True, capture_output=True, text=True
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    def stop(self) -> None:
        stop(self.process)


class WordPress:
    """A site with the plugin."""

    def __init__(self, folder: Path, database: Database, name: str = "site", multisite: bool = False):
        self.folder = folder
        self.database = database
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = folder / "wordpress"
        self.server = None
        self.constants = {}
        self.multisite = multisite

    def install(self, post_types: dict[str, list[str]] | None = None) -> "WordPress":
        """Copies WordPress, makes the database and activates the plugin."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(SOURCE, self.root, copy_function=_link, ignore=shutil.ignore_patterns("wp-config.php"))
        content = self.root / "wp-content"
        for part in ("plugins", "mu-plugins", "uploads"):
            (content / part).mkdir(parents=True, exist_ok=True)
        (content / "plugins" / "livelist-sync").symlink_to(PLUGIN)
        shutil.copy(HERE / "switches.php", content / "mu-plugins" / "switches.php")
        self.switch(post_types=post_types or {"property": [], "estate_property": []})
        self.database.run(f"CREATE DATABASE `{self.name}` CHARACTER SET utf8mb4")
        self.configure()
        self.php(HERE / "install.php", self.url, "multisite" if self.multisite else "single")
        if self.multisite:
            self.constants |= {"MULTISITE": True, "SUBDOMAIN_INSTALL": False, "DOMAIN_CURRENT_SITE": f"127.0.0.1:{self.port}"}
            self.constants |= {"PATH_CURRENT_SITE": "/", "SITE_ID_CURRENT_SITE": 1, "BLOG_ID_CURRENT_SITE": 1}
            self.configure()
        self.php(HERE / "activate.php")
        return self

    def configure(self, **constants: object) -> None:
        """Writes wp-config.php."""
        self.constants |= constants
        known = {
            "DB_NAME": self.name,
            "DB_USER": "root",
            "DB_PASSWORD": "",
            "DB_HOST": f"localhost:{self.database.socket}",
            "DB_CHARSET": "utf8mb4",
            "DB_COLLATE": "",
            "WP_HOME": self.url,
            "WP_SITEURL": self.url,
            "WP_DEBUG": True,
            "WP_DEBUG_DISPLAY": False,
            "WP_DEBUG_LOG": str(self.folder / "debug.log"),
            "AUTOMATIC_UPDATER_DISABLED": True,
            "WP_HTTP_BLOCK_EXTERNAL": True,
            "WP_ACCESSIBLE_HOSTS": "127.0.0.1,localhost",
            # The service runs on this machine.
            "LIVELIST_ALLOW_LOCAL": True,
            "WP_TEMP_DIR": str(self.folder / "tmp"),
        } | self.constants
        (self.folder / "tmp").mkdir(exist_ok=True)
        if self.multisite:
            del known["WP_HOME"], known["WP_SITEURL"]
        lines = ["<?php"]
        for name, value in known.items():
            lines.append(f"define( '{name}', {_php(value)} );")
        for name in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"):
            lines += [f"define( '{name}_KEY', '{name}-of-a-test' );", f"define( '{name}_SALT', '{name}-salt-of-a-test' );"]
        lines += ["$table_prefix = 'wp_';", "if ( ! defined( 'ABSPATH' ) ) { define( 'ABSPATH', __DIR__ . '/' ); }"]
        lines.append("require_once ABSPATH . 'wp-settings.php';")
        (self.root / "wp-config.php").write_text("\n".join(lines) + "\n")

    def switch(self, **switches: object) -> None:
        """Sets switches of the must-use plugin; None takes one away."""
        path = self.root / "wp-content" / "switches.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        known |= switches
        path.write_text(json.dumps({name: value for name, value in known.items() if value is not None}))

    def command(self, script: Path, *arguments: str, streams: bool = False) -> list[str]:
        return ["php", *LIMITS, *(STREAMS if streams else []), str(script), *arguments]

    def start(self, script: Path, *arguments: str, streams: bool = False) -> subprocess.Popen:
        """A PHP process that the caller ends or waits for."""
        return subprocess.Popen(
            self.command(script, *arguments, streams=streams),
            env=os.environ | {"WP_ROOT": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def php(self, script: Path, *arguments: str, streams: bool = False, check: bool = True) -> str:
        """What a script of the harness prints."""
        process = self.start(script, *arguments, streams=streams)
        try:
            text, _ = process.communicate(timeout=600)
        finally:
            stop(process)
        if check and process.returncode != 0:
            raise RuntimeError(f"{script.name} {arguments}: status {process.returncode}\n{text}")
        return text

    def wp(self, *arguments: str, streams: bool = False, check: bool = True) -> str:
        """`wp livelist …`"""
        return self.php(HERE / "wp.php", "livelist", *arguments, streams=streams, check=check)

    def eval(self, code: str, streams: bool = False) -> str:
        """What PHP code prints in this site."""
        return self.php(HERE / "eval.php", code, streams=streams)

    def sql(self, sql: str) -> list[list[str]]:
        return self.database.run(sql, self.name)

    def settings(self, api: str, key: str, feeds: list[dict], secret: str = "") -> None:
        """Sets the plugin as the settings page does."""
        self.php(HERE / "settings.php", json.dumps({"api_url": api, "feeds": feeds}), key, secret)

    def import_posts(self, keys: list[str], post_type: str, meta_key: str, **more: object) -> None:
        """Makes posts as an importer does, with functions of WordPress."""
        path = self.folder / "import.json"
        path.write_text(json.dumps({"keys": keys, "post_type": post_type, "meta_key": meta_key, **more}))
        self.php(HERE / "import.php", str(path))

    def serve(self, streams: bool = False, workers: int = 4) -> None:
        """Answers visitors."""
        options = [*LIMITS, *(STREAMS if streams else [])]
        log = (self.folder / "server.log").open("a")
        self.server = subprocess.Popen(
            ["php", *options, "-S", f"127.0.0.1:{self.port}", "-t", str(self.root)],
            env=os.environ | {"PHP_CLI_SERVER_WORKERS": str(workers)},
            stdout=log,
            stderr=log,
            cwd=self.root,
            start_new_session=True,
        )
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PHP's server did not start: {self.folder / 'server.log'}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self.server:
            stop(self.server)
            self.server = None

    def visit(self) -> int:
        """A visitor: what fires WP-Cron."""
        with urllib.request.urlopen(f"{self.url}/", timeout=60) as answer:
            answer.read()
            return answer.status

    def cron(self, settled, seconds: float = 90.0) -> None:
        """Visits until what is waited for has happened."""
        deadline = time.monotonic() + seconds
        while not settled():
            if time.monotonic() > deadline:
                raise RuntimeError("WP-Cron did not do it in time")
            self.visit()
            time.sleep(0.3)

    def due(self) -> None:
        """Makes the daily event due now."""
        self.eval("wp_clear_scheduled_hook('livelist_sync_daily'); wp_schedule_event(time() - 1, 'daily', 'livelist_sync_daily'); delete_transient('doing_cron');")

    def counts(self, post_type: str) -> dict[str, int]:
        """Posts by status."""
        rows = self.sql(f"SELECT post_status, COUNT(*) FROM wp_posts WHERE post_type = '{post_type}' GROUP BY post_status")
        return {status: int(number) for status, number in rows}

    def keys(self, post_type: str, meta_key: str, status: str) -> list[str]:
        rows = self.sql(
            "SELECT m.meta_value FROM wp_posts p JOIN wp_postmeta m ON m.post_id = p.ID AND m.meta_key = "
            f"'{meta_key}' WHERE p.post_type = '{post_type}' AND p.post_status = '{status}' ORDER BY BINARY m.meta_value"
        )
        return [row[0] for row in rows]

    def status(self) -> dict:
        return json.loads(self.wp("status", "--format=json"))

    def feed(self, feed: str) -> dict[str, str]:
        """What the plugin knows of a feed."""
        columns = ("version", "seq", "error", "held_run", "paused", "due_at", "checked_at", "attempts")
        rows = self.sql(f"SELECT {', '.join(columns)} FROM wp_livelist_feeds WHERE feed = '{feed}'")
        return dict(zip(columns, rows[0])) if rows else dict.fromkeys(columns, "")

    def runs(self, most: int = 10) -> list[dict[str, str]]:
        """The newest runs, newest first."""
        columns = ("id", "feed", "dry", "state", "phase", "missing", "matched", "young", "left_alone", "going")
        columns += ("drafted", "trashed", "restored", "error")
        rows = self.sql(f"SELECT {', '.join(columns)} FROM wp_livelist_runs ORDER BY id DESC LIMIT {most}")
        return [dict(zip(columns, row)) for row in rows]

    def complaints(self) -> list[str]:
        """What PHP and the database had to say of the plugin."""
        logs = [path.read_text() for path in (self.folder / "debug.log", self.folder / "server.log") if path.exists()]
        lines = "\n".join(logs).splitlines()
        wrong = [line for line in lines if " PHP " in line or "WordPress database error" in line]
        return [line for line in wrong if "livelist" in line.replace(str(self.folder), "") and "/wp-includes/" not in line]

    def a_day_passes(self) -> None:
        """For what the plugin remembers: what was missed was missed a day ago."""
        self.sql(
            "UPDATE wp_livelist_posts SET missed = missed - 86400, down_at = down_at - 86400 WHERE did <> '';"
            "UPDATE wp_livelist_runs SET started_at = started_at - 86400, updated_at = updated_at - 86400"
        )

    def age(self, hours: int = 6) -> None:
        """Lets time pass for the posts: what the site has, it has since before the next list."""
        self.sql(f"UPDATE wp_livelist_map SET seen = seen - {hours * 3600}")


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _php(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def token() -> str:
    return secrets.token_hex(24)
