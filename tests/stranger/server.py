#!/usr/bin/env python3
"""A RESO server that nobody of this project wrote the rules of: OData as far as a scan and its
questions need it, over a real database that decides the order of its rows. It shares no code with
the simulated MLSs. Python's standard library alone; PostgreSQL where its programs are installed,
else SQLite, where rows of one instant are shuffled in each answer.

When it serves it writes one line of JSON: {"url": …, "database": …}. It ends, and takes its
database with it, when its standard input ends.

    server.py --rows 3000 --page 500 --order at
    curl -X POST 127.0.0.1:PORT/_control -d '{"do": "touch", "n": 600, "at_once": true}'
"""

import argparse
import base64
import glob
import json
import os
import pwd
import random
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

FIRST_US = 1_700_000_000_000_000
STEP_US = 1_017_003
LATER_STEP_US = 1_003
KEY_TYPES = {"text": "text", "int": "bigint", "uuid": "uuid"}


# --- Databases --------------------------------------------------------------------------------------


class Refused(Exception):
    """The database does not take a statement."""


class Sqlite:
    """Rows that nothing puts into an order come as they like: each question draws anew."""

    name, tie = "sqlite", ", random()"

    def __init__(self):
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)

    def query(self, sql):
        try:
            rows = self.connection.execute(sql.replace("::uuid", "")).fetchall()
        except sqlite3.Error as error:
            raise Refused(str(error)) from error
        return [tuple(None if value is None else str(value) for value in row) for row in rows]

    def close(self):
        self.connection.close()


class Postgresql:
    """A server of its own on a socket of its own. Ties come as its plans have it."""

    name, tie = "postgresql", ""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="stranger-")
        self.server = None
        try:
            self.start(programs())
            self.socket = self.connect()
        except BaseException:
            self.close()
            raise

    def start(self, folder):
        # PostgreSQL does not run as root.
        user = {}
        if os.geteuid() == 0:
            known = pwd.getpwnam("postgres")
            os.chown(self.folder, known.pw_uid, known.pw_gid)
            user = {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []}
        data = os.path.join(self.folder, "data")
        options = {"cwd": self.folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        made = [os.path.join(folder, "initdb"), "-D", data, "-U", "postgres", "--auth=trust"]
        subprocess.run([*made, "--no-sync", "-E", "UTF8", "--locale=C"], check=True, **options, **user)
        served = [os.path.join(folder, "postgres"), "-D", data, "-k", self.folder, "-F"]
        served += ["-c", "listen_addresses=", "-c", "max_connections=5"]
        self.server = subprocess.Popen(served, **options, **user)

    def connect(self):
        path = os.path.join(self.folder, ".s.PGSQL.5432")
        until = time.monotonic() + 60
        while True:
            try:
                found = socket.socket(socket.AF_UNIX)
                found.connect(path)
                hello = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
                found.sendall(struct.pack("!I", len(hello) + 4) + hello)
                self.answer(found)
                return found
            except (OSError, Refused):
                found.close()
                if time.monotonic() > until or self.server.poll() is not None:
                    raise
                time.sleep(0.05)

    def query(self, sql):
        text = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", len(text) + 4) + text)
        return self.answer(self.socket)

    @staticmethod
    def answer(source):
        """The rows of an answer (PostgreSQL's protocol, version 3, simple query)."""

        def read(length):
            got = b""
            while len(got) < length:
                piece = source.recv(length - len(got))
                if not piece:
                    raise OSError("the database went away")
                got += piece
            return got

        rows, wrong = [], None
        while True:
            kind, length = struct.unpack("!cI", read(5))
            body = read(length - 4)
            if kind == b"D":
                row, at = [], 2
                for _ in range(struct.unpack("!H", body[:2])[0]):
                    size = struct.unpack("!i", body[at : at + 4])[0]
                    at += 4
                    row.append(None if size < 0 else body[at : at + size].decode())
                    at += max(size, 0)
                rows.append(tuple(row))
            elif kind == b"E":
                wrong = body.replace(b"\0", b" ").decode(errors="replace")
                if not rows and b"C57P03" in body:
                    raise Refused(wrong)
            elif kind == b"Z":
                if wrong:
                    raise Refused(wrong)
                return rows

    def close(self):
        if self.server is not None:
            # At once: nothing of it is needed again.
            self.server.send_signal(3)
            self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def programs():
    """The folder of PostgreSQL's programs."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    found = shutil.which("initdb")
    folders += [os.path.dirname(os.path.realpath(found))] if found else []
    for folder in folders:
        if all(os.path.exists(os.path.join(folder, name)) for name in ("initdb", "postgres")):
            return folder
    raise FileNotFoundError("PostgreSQL is not installed")


def database(wanted):
    if wanted != "sqlite":
        try:
            return Postgresql()
        except (OSError, KeyError, subprocess.SubprocessError) as error:
            if wanted == "postgresql":
                raise
            print(f"stranger: SQLite serves: {error}", file=sys.stderr)
    return Sqlite()


def text(value):
    return "'" + str(value).replace("'", "''") + "'"


# --- What is asked ----------------------------------------------------------------------------------


class Wrong(Exception):
    """The question is refused: status and message."""


TOKENS = re.compile(r"\s*('(?:[^']|'')*'|[(),]|[^\s(),']+)")
COMPARE = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
FIELDS = {"ListingKey", "ListingId", "ModificationTimestamp", "StandardStatus"}
FIELDS |= {"OriginatingSystemName", "MlgCanView"}
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


class Filter:
    """`$filter` as a condition of SQL."""

    def __init__(self, words, manners):
        self.manners, self.words, at = manners, [], 0
        while words[at:].strip():
            found = TOKENS.match(words, at)
            if not found:
                raise Wrong(400, f"cannot read {words[at:]!r}")
            self.words.append(found[1])
            at = found.end()
        self.sql = self.either()
        if self.words:
            raise Wrong(400, f"unexpected {self.words[0]!r}")

    def take(self):
        if not self.words:
            raise Wrong(400, "the filter ends too soon")
        return self.words.pop(0)

    def either(self):
        parts = [self.both()]
        while self.words[:1] == ["or"]:
            self.take()
            parts.append(self.both())
        return "(" + " OR ".join(parts) + ")"

    def both(self):
        parts = [self.one()]
        while self.words[:1] == ["and"]:
            self.take()
            parts.append(self.one())
        return " AND ".join(parts)

    def one(self):
        field = self.take()
        if field == "(":
            inner = self.either()
            if self.take() != ")":
                raise Wrong(400, "a parenthesis is not closed")
            return inner
        if field not in FIELDS:
            raise Wrong(400, f"could not find a property named '{field}'")
        how = self.take()
        if how == "in":
            if self.take() != "(":
                raise Wrong(400, "in needs a list")
            values = [self.literal(field)]
            while (word := self.take()) == ",":
                values.append(self.literal(field))
            if word != ")":
                raise Wrong(400, "a list is not closed")
            return f"{self.column(field)} IN ({', '.join(values)})"
        if how not in COMPARE:
            raise Wrong(400, f"unknown operator {how!r}")
        return f"{self.column(field)} {COMPARE[how]} {self.literal(field)}"

    def column(self, field):
        if field == "ListingKey":
            return folded("key") if self.manners.blind else "key"
        return {
            "ListingId": "id",
            "ModificationTimestamp": "at",
            "StandardStatus": "status",
            "OriginatingSystemName": text("strange"),
            "MlgCanView": text("true"),
        }[field]

    def literal(self, field):
        word = self.take()
        is_text = word.startswith("'")
        value = word[1:-1].replace("''", "'") if is_text else word
        if field == "ModificationTimestamp":
            if is_text:
                raise Wrong(400, "incompatible types")
            return str(microseconds(value))
        if field != "ListingKey" or self.manners.keys == "text":
            if not is_text and field != "MlgCanView":
                raise Wrong(400, "incompatible types")
            return folded(text(value)) if field == "ListingKey" and self.manners.blind else text(value)
        if is_text and self.manners.strict:
            raise Wrong(400, "incompatible types: Edm.String")
        if self.manners.keys == "uuid":
            if not GUID.match(value):
                raise Wrong(400, "not a GUID")
            return text(value.lower()) + "::uuid"
        if not re.fullmatch(r"\d{1,18}", value):
            raise Wrong(400, "not a number")
        return value


def folded(sql):
    return f"lower(rtrim({sql}))"


def microseconds(shown):
    try:
        at = datetime.fromisoformat(shown.replace("Z", "+00:00"))
        at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except ValueError:
        raise Wrong(400, f"not an instant: {shown}") from None
    return (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


# --- The server -------------------------------------------------------------------------------------


class Mls:
    """The listings, and how they are shown."""

    def __init__(self, manners):
        self.manners, self.dice = manners, random.Random(manners.seed)
        self.lock, self.slip = threading.Lock(), None
        self.database = database(manners.database)
        self.serial, self.now, self.requests, self.twin = 0, FIRST_US, 0, 0
        self.step = STEP_US
        kind = KEY_TYPES[manners.keys]
        self.run(
            f"CREATE TABLE listing (key {kind} PRIMARY KEY, id text, at bigint, status text, place float)"
        )
        self.add(manners.rows, None)
        # From here on it is now.
        self.step = LATER_STEP_US
        if self.database.name == "postgresql":
            self.run("ANALYZE listing")

    def run(self, sql):
        return self.database.query(sql)

    def tick(self):
        wall = time.time_ns() // 1_000 if self.step == LATER_STEP_US else 0
        self.now = max(self.now + self.step, wall)
        return self.now

    def key(self):
        self.serial += 1
        n = self.serial * 7_368_787 % 99_999_989
        if self.manners.keys == "uuid":
            return str(uuid.UUID(int=self.dice.getrandbits(128)))
        if self.manners.keys == "int":
            return str(10_000_000 + n)
        # In some pairs only the case differs.
        return f"{'k' if self.serial % 10 == 0 else 'K'}{(n if self.serial % 10 else self.twin):08d}"

    def add(self, n, behind):
        edge = "SELECT max(place) FROM listing"
        if behind is not None:
            edge = f"SELECT place FROM listing ORDER BY place LIMIT 1 OFFSET {behind - 1}"
        found = self.run(edge)
        place = float(found[0][0]) if found and found[0][0] else 0.0
        keys, rows = [], []
        for nth in range(n):
            key = self.key()
            self.twin = self.serial * 7_368_787 % 99_999_989
            at = self.tick()
            step = 1e-4 * (nth + 1) if behind is not None else nth + 1
            status = self.dice.choice(["Active", "Active", "Active", "Pending"])
            keys.append(key)
            rows.append(
                f"({self.sql_key(key)}, {text(f'L{self.serial}')}, {at}, {text(status)}, {place + step})"
            )
        for at in range(0, len(rows), 500):
            self.run(f"INSERT INTO listing VALUES {', '.join(rows[at : at + 500])}")
        return keys

    def sql_key(self, key):
        return key if self.manners.keys == "int" else text(key)

    def live(self):
        return sorted(key for (key,) in self.run("SELECT key FROM listing"))

    def sell(self, keys):
        for at in range(0, len(keys), 500):
            some = ", ".join(self.sql_key(key) for key in keys[at : at + 500])
            self.run(f"DELETE FROM listing WHERE key IN ({some})")
        return keys

    def touch(self, keys, at_once):
        at = self.tick()
        for key in keys:
            at = at if at_once else self.tick()
            self.run(f"UPDATE listing SET at = {at} WHERE key = {self.sql_key(key)}")
        return keys

    def control(self, order):
        """What a test does to the listings."""
        what, n = order["do"], order.get("n", 0)
        if what == "live":
            return self.live()
        if what == "requests":
            return self.requests
        if what == "now":
            return {"now": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if what == "add":
            return self.add(n, order.get("behind"))
        if what == "slip":
            # Struck at the next page that is not the first.
            self.slip = (n, order.get("balanced", False))
            return []
        keys = order.get("keys") or self.dice.sample(self.live(), n)
        if what == "sell":
            return self.sell(keys)
        if what == "touch":
            return self.touch(keys, order.get("at_once", False))
        raise Wrong(404, f"no control {what!r}")

    def order(self, asked):
        """The order of rows, as SQL; ties are the database's business."""
        manners, columns = self.manners, []
        for part in filter(None, (asked or "").split(",")):
            field, _, way = part.strip().partition(" ")
            if field not in ("ListingKey", "ModificationTimestamp") or way not in ("", "asc", "desc"):
                raise Wrong(400, f"cannot order by {part!r}")
            key = folded("key") if manners.blind else "key"
            columns.append(f"{key if field == 'ListingKey' else 'at'} {way}")
        return ", ".join(columns or [manners.order]) + self.database.tie

    def page(self, path, query, preferred):
        manners = self.manners
        known = {"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$skiptoken"}
        for name in query:
            if name.startswith("$") and name not in known:
                raise Wrong(400, f"the query option {name} is not supported")
        asked = query
        skip = number(query.get("$skip"), 0)
        if "$skiptoken" in query:
            try:
                asked = json.loads(base64.urlsafe_b64decode(query["$skiptoken"]))
                skip = asked.pop("at")
            except ValueError:
                raise Wrong(400, "the page token is not valid") from None
        where = Filter(asked["$filter"], manners).sql if asked.get("$filter") else "1 = 1"
        count = f"SELECT count(*) FROM listing WHERE {where}"
        if path.endswith("/$count"):
            if manners.no_count:
                raise Wrong(404, "no such resource")
            return self.run(count)[0][0]
        if skip and self.slip:
            n, balanced = self.slip
            self.slip = None
            first = self.run(f"SELECT key FROM listing ORDER BY {manners.order} LIMIT {skip}")
            self.sell([key for (key,) in first[:n]])
            if balanced:
                self.add(n, None)
        size = min(number(asked.get("$top"), manners.page), preferred, manners.page)
        order = self.order(asked.get("$orderby"))
        rows = self.run(
            f"SELECT key, id, at, status FROM listing WHERE {where} ORDER BY {order} "
            f"LIMIT {size + 1} OFFSET {skip}"
        )
        page = {"@odata.context": "$metadata#Property"}
        if asked.get("$count") == "true" and not manners.no_count:
            page["@odata.count"] = int(self.run(count)[0][0])
        wanted = [name for name in asked.get("$select", "").split(",") if name]
        page["value"] = [self.row(row, wanted) for row in rows[:size]]
        if len(rows) > size and manners.paging != "top-skip":
            page["@odata.nextLink"] = self.link(path, asked, skip + size)
        return page

    def row(self, row, wanted):
        key, listing, at, status = row
        whole = {
            "ListingKey": int(key) if self.manners.keys == "int" else key,
            "ListingId": listing,
            "ModificationTimestamp": self.shown(int(at)),
            "StandardStatus": status,
            "OriginatingSystemName": "strange",
            "MlgCanView": True,
        }
        return {name: whole[name] for name in wanted if name in whole} if wanted else whole

    def shown(self, us):
        unit = {"us": 1, "ms": 1_000, "s": 1_000_000}[self.manners.shown]
        us = (us + (unit // 2 if self.manners.rounded else 0)) // unit * unit
        at = datetime(1970, 1, 1) + timedelta(microseconds=us)
        parts = {"us": "microseconds", "ms": "milliseconds", "s": "seconds"}
        return at.isoformat(timespec=parts[self.manners.shown]) + "Z"

    def link(self, path, asked, at):
        if self.manners.paging == "skiptoken":
            token = base64.urlsafe_b64encode(json.dumps({**asked, "at": at}).encode()).decode()
            return f"{self.manners.url}{path}?$skiptoken={quote(token)}"
        options = {**asked, "$skip": str(at)}
        written = "&".join(f"{name}={quote(value)}" for name, value in options.items())
        return f"{self.manners.url}{path}?{written}"


def number(value, otherwise):
    if value is None:
        return otherwise
    if not value.isdigit():
        raise Wrong(400, f"not a number: {value}")
    return int(value)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write an answer: a second one would wait for the first to be acknowledged.
    wbufsize = -1

    def do_GET(self):
        mls, url = self.server.mls, urlsplit(self.path)
        if self.headers.get("authorization") != f"Bearer {mls.manners.token}":
            return self.send(401, error(401, "Unauthorized"))
        if url.path not in ("/odata/Property", "/odata/Property/$count"):
            return self.send(404, error(404, "no such resource"))
        prefer = re.search(r"maxpagesize=(\d+)", self.headers.get("prefer", ""))
        preferred = int(prefer[1]) if prefer else sys.maxsize
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        with mls.lock:
            mls.requests += 1
            try:
                return self.send(200, mls.page(url.path, query, preferred))
            except Wrong as wrong:
                return self.send(wrong.args[0], error(*wrong.args))
            except Refused as refused:
                return self.send(500, error(500, str(refused)))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path != "/_control":
            return self.send(405, error(405, "only GET"))
        with self.server.mls.lock:
            try:
                return self.send(200, self.server.mls.control(json.loads(body)))
            except (Wrong, Refused, KeyError, ValueError) as wrong:
                return self.send(400, error(400, repr(wrong)))

    def send(self, status, answer):
        kind = "text/plain" if isinstance(answer, str) else "application/json"
        body = answer if isinstance(answer, str) else json.dumps(answer)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())
        self.wfile.flush()

    def log_message(self, *_):
        """Nobody reads it."""


def error(status, message):
    return {"error": {"code": str(status), "message": message}}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rows", type=int, default=1_000, help="live listings at the start")
    options.add_argument("--page", type=int, default=100, help="the largest page")
    options.add_argument("--paging", choices=["offset", "skiptoken", "top-skip"], default="offset")
    options.add_argument("--order", choices=["place", "at", "key"], default="place")
    options.add_argument("--keys", choices=list(KEY_TYPES), default="text")
    options.add_argument("--strict", action="store_true", help="literals of the key's own type alone")
    options.add_argument("--blind", action="store_true", help="comparisons ignore case")
    options.add_argument("--shown", choices=["us", "ms", "s"], default="us")
    options.add_argument("--rounded", action="store_true", help="instants are rounded, not cut")
    options.add_argument("--no-count", action="store_true")
    options.add_argument("--token", default="stranger-token-7f31")
    options.add_argument("--database", choices=["auto", "postgresql", "sqlite"], default="auto")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--port", type=int, default=0)
    manners = options.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", manners.port), Handler)
    server.daemon_threads = True
    manners.url = f"http://127.0.0.1:{server.server_address[1]}"
    server.mls = Mls(manners)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        ready = {"url": manners.url, "database": server.mls.database.name}
        print(json.dumps(ready), flush=True)
        # Whoever started it holds the other end.
        sys.stdin.read()
    finally:
        server.mls.database.close()


if __name__ == "__main__":
    main()
