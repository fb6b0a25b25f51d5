"""Records of one simulated MLS in databases on this machine, by the command alone: SQLite, and PostgreSQL where
it is installed. A listing is sold and one changes its price; what the databases say of it is shown."""

import contextlib
import datetime
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from stack import StackError, say

# It has records; the others of the demonstration have keys only.
MLS = "glacier"
POSTGRES = """
cd "$1"
as=""
if [ "$(id -u)" = 0 ]; then chown nobody .; as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"; fi
$as initdb -D data -U livelist -A trust --no-sync -E UTF8 --locale=C > initdb.log 2>&1 || exit 1
$as postgres -D data -k "$1" -c listen_addresses=127.0.0.1 -p "$2" -c fsync=off > postgres.log 2>&1 &
pid=$!
for attempt in $(seq 200); do pg_isready -q -h "$1" -p "$2" && break; sleep 0.1; done
echo ready
cat > /dev/null
kill -INT $pid
wait $pid
"""


@contextlib.contextmanager
def postgres():
    """A PostgreSQL of its own; gives its URL, or nothing where there is none. It ends with this process."""
    if not all(map(shutil.which, ("initdb", "postgres", "psql", "pg_isready"))):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="livelist-demo-"))
    port = 17_000 + os.getpid() % 2_000
    process = subprocess.Popen(
        ["sh", "-c", POSTGRES, "sh", str(folder), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        ready = process.stdout.readline().strip() == "ready"
        yield f"postgres://livelist@127.0.0.1:{port}/postgres?sslmode=disable" if ready else None
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


class Machine:
    """A registry and data in a folder, and the command that works on them."""

    def __init__(self, binary: Path, folder: Path, variables: dict[str, str]):
        shutil.rmtree(folder, ignore_errors=True)
        self.binary = binary
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "LIVELIST_REGISTRY": str(folder / "registry"),
            "LIVELIST_DATA": str(folder / "data"),
            **variables,
        }

    def write(self, file: str, document: object) -> None:
        path = self.folder / "registry" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2))

    def livelist(self, *arguments: str, shown: bool = True) -> str:
        command = [str(self.binary), *arguments]
        told = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)
        if told.returncode != 0:
            raise StackError(f"livelist {' '.join(arguments)}: {told.stdout}{told.stderr}")
        if shown:
            say(f"  $ livelist {' '.join(arguments)}")
            for line in told.stdout.splitlines():
                say(f"  {line}".rstrip())
        return told.stdout


def show(binary: Path, home: Path, endpoint: dict, spec: dict, mls) -> None:
    """The demonstration. `mls` has the control interface of the simulated MLSs."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    days = [(today + datetime.timedelta(days=n)).isoformat() for n in range(2)]
    with postgres() as url:
        variables = {"ACCOUNT": json.dumps(spec["credential"]), **({"DEMO_DB": url} if url else {})}
        machine = Machine(binary, home / "records", variables)
        destinations = ["file", "server"] if url else ["file"]
        machine.write(
            f"mls/{MLS}.json",
            {
                "mls": MLS,
                "provider": spec["provider"],
                "base_url": endpoint["base_url"],
                "credential": "env:ACCOUNT",
                **endpoint["settings"],
            },
        )
        machine.write(
            f"replications/{MLS}.json",
            {"replication": MLS, "mls": MLS, "resources": [{"resource": "Property"}], "destinations": destinations},
        )
        machine.write("destinations/file.json", {"destination": "file", "kind": "sqlite", "path": "listings.sqlite"})
        if url:
            machine.write("destinations/server.json", {"destination": "server", "kind": "postgres", "url": "env:DEMO_DB"})
        where = "SQLite and PostgreSQL" if url else "SQLite (PostgreSQL is not installed)"
        say(f"\nRecords, on one machine: what the listings of {MLS} say, in {where}.")
        machine.livelist("destinations", "check")
        machine.livelist("reconcile", "--date", days[0], shown=False)
        machine.livelist("replicate")

        [repriced] = mls.call(MLS, "reprice", {"n": 1})["keys"]
        [moved] = mls.call(MLS, "status", {"n": 1})["keys"]
        [sold] = mls.call(MLS, "sell", {"n": 1})["keys"]
        say(f"  One listing gets another price ({repriced}), one another status ({moved}), one is sold and gone ({sold}).")
        # A pass reads what is two minutes old by the server's clock: it is set ahead, not waited for.
        mls.call(MLS, "ahead", {"seconds": 600})
        machine.livelist("reconcile", "--date", days[1], shown=False)
        machine.livelist("replicate")
        machine.livelist("record", MLS, "Property", sold)
        removed = asked(machine, url, 'SELECT key, reason, proof FROM "Property_removed"')
        steps = asked(machine, url, 'SELECT key, from_status, to_status FROM "Property_transitions"')
        prices = asked(machine, url, "SELECT key, old, new FROM \"Property_changes\" WHERE field = 'ListPrice'")
        machine.livelist("prove")
        for rows, key in ((removed, sold), (steps, moved), (prices, repriced)):
            if not any(row[0] == key for row in rows):
                raise StackError(f"this should not happen: {key} is not among {rows}")


def asked(machine: Machine, url: str | None, sql: str) -> list[tuple]:
    """What the databases answer: all the same."""
    file = machine.folder / "data" / "listings.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        rows = sorted(connection.execute(sql).fetchall())
    say("  $ sqlite3 listings.sqlite")
    say(f"  sqlite> {sql}")
    for row in rows:
        say(f"  {' | '.join(map(str, row))}")
    if url:
        command = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-c", sql, url]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        same = sorted(tuple(line.split("\t")) for line in told.splitlines())
        if same != [tuple(map(str, row)) for row in rows]:
            raise StackError(f"this should not happen: PostgreSQL has {same}")
        say("  PostgreSQL answers the same.")
    return rows
