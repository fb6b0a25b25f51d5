"""Livelist on this machine: a simulated MLS, the pipeline on a directory, the API, and a proxy in
front of it that breaks what it is told to break. Standard library only."""

import gzip
import hashlib
import http.client
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from local_wordpress import ROOT, free_port, stop, token

TARGET = Path(os.environ.get("LIVELIST_BIN") or Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "debug")


class Livelist:
    """One MLS, one client, one feed; runs are days."""

    def __init__(self, folder: Path, listings: int, mls: str = "island"):
        self.folder = folder
        self.mls = mls
        self.listings = listings
        self.key = f"ll1.acme.{token()}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.day = 0
        self.processes = []
        # Every key that was there at the beginning.
        self.ever = set()

    def start(self, public_url: str = "") -> "Livelist":
        self.folder.mkdir(parents=True)
        secret = "a-token-of-a-test-0123456789"
        spec = {"mls": self.mls, "provider": "reso", "seed": 7, "listings": self.listings, "credential": {"token": secret}}
        (self.folder / "mls.json").write_text(json.dumps([spec]))
        mls = self._run([TARGET / "livelist-mls", "--config", self.folder / "mls.json", "--port", "0"])
        served = json.loads(mls.stdout.readline())
        self.control = f"{served['url']}/_control/{self.mls}"
        endpoint = served["mlss"][0]
        registry = self.folder / "registry"
        for part in ("mls", "clients"):
            (registry / part).mkdir(parents=True)
        (registry / "secret.json").write_text(json.dumps({"token": secret}))
        document = {"mls": self.mls, "provider": "reso", "base_url": endpoint["base_url"]}
        # The plugin's own limits are tested, not the service's.
        guards = {"removed_fraction": 1, "removed_floor": 1_000_000}
        document |= {"credential": "file:secret.json", "guards": guards, **endpoint["settings"]}
        (registry / "mls" / f"{self.mls}.json").write_text(json.dumps(document))
        self.clients = registry / "clients" / "acme.json"
        self.client = {
            "client": "acme",
            "api_keys": [{"id": "site", "sha256": hashlib.sha256(self.key.encode()).hexdigest()}],
            "pairs": [{"mls": self.mls, "resource": "Property"}],
        }
        self.clients.write_text(json.dumps(self.client))
        self.where = ["--registry", registry, "--data", self.folder / "data"]
        self.reconcile()
        serve = [TARGET / "livelist", "serve", "--no-schedule", *self.where, "--listen", f"127.0.0.1:{self.port}"]
        self._run([*serve, *(["--public-url", public_url] if public_url else [])]).stdout.readline()
        self.feed = self.ask("/v1/feeds")["feeds"][0]["feed"]
        self.ever = set(self.live())
        return self

    def _run(self, command: list) -> subprocess.Popen:
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.processes.append(process)
        return process

    def reconcile(self) -> list[dict]:
        """The next day's runs."""
        self.day += 1
        date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + (self.day - 1) * 86400))
        command = [TARGET / "livelist", "reconcile", *self.where, "--date", date, "--json"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        runs = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0:
            raise RuntimeError(f"livelist reconcile: status {done.returncode}\n{done.stdout}{done.stderr}")
        # A version is named by its second; as_of has to be another one, too.
        time.sleep(1.1)
        return runs

    def keep(self) -> None:
        """Keeps what Livelist knows, for go_back()."""
        shutil.copytree(self.folder / "data", self.folder / "kept")

    def go_back(self, live: list[str]) -> None:
        """Livelist knows what it knew when it was kept, and the MLS has these keys, and those that it added since.
        Listings that come and go within an hour would make Livelist distrust the MLS, and rightly so."""
        shutil.rmtree(self.folder / "data")
        shutil.copytree(self.folder / "kept", self.folder / "data")
        has = set(self.live())
        if back := [key for key in live if key not in has]:
            self.act("relist", {"keys": back})
        if gone := [key for key in has if key in self.ever and key not in set(live)]:
            self.act("sell", {"keys": gone})

    def ask(self, path: str) -> dict:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def manifest(self) -> dict:
        return self.ask(f"/v1/feeds/{self.feed}/live")

    def act(self, verb: str, body: object) -> list[str]:
        """Sells, adds or relists at the MLS; the keys that it was about."""
        request = urllib.request.Request(f"{self.control}/{verb}", data=json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["keys"]

    def live(self) -> list[str]:
        with urllib.request.urlopen(f"{self.control}/live", timeout=30) as answer:
            return answer.read().decode().splitlines()

    def stop(self) -> None:
        for process in reversed(self.processes):
            stop(process)


class Proxy:
    """Hands on what it is asked, changed by `fault`: a function of what was asked and of the answer
    (status, headers, body) that gives another answer. It keeps what it was asked, without keys."""

    def __init__(self, upstream: str):
        self.upstream = urllib.parse.urlsplit(upstream)
        self.fault = None
        self.asked = []
        # The headers of each question, without the site key.
        self.headers = []
        # Bytes of the body that are sent before the connection breaks; None for all.
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802
                proxy.answer(self)

            do_POST = do_GET

            def send_response(self, code, message=None):
                # Date is what the answer says.
                self.send_response_only(code, message)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        kind = next((k for k in ("live", "check", "acks", "objects") if f"/{k}" in handler.path), "other")
        sent = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.asked.append((kind, "Authorization" in handler.headers, sent))
        self.headers.append({k: v for k, v in handler.headers.items() if k.lower() != "authorization"})
        upstream = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=30)
        keep = {k: v for k, v in handler.headers.items() if k.lower() not in ("host", "connection", "content-length")}
        upstream.request(handler.command, handler.path, body=sent or None, headers=keep)
        got = upstream.getresponse()
        answer = Answer(kind, got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        upstream.close()
        if self.fault:
            answer = self.fault(answer) or answer
        handler.send_response(answer.status)
        for name in ("connection", "transfer-encoding"):
            answer.headers.pop(name, None)
        if answer.status not in (204, 304):
            answer.headers.setdefault("content-length", str(len(answer.body)))
            if answer.honest:
                answer.headers["content-length"] = str(len(answer.body))
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(answer.body)
        handler.close_connection = True

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Answer:
    """What goes back to the site. `honest` says that Content-Length is what is sent."""

    def __init__(self, kind: str, status: int, headers: dict[str, str], body: bytes):
        self.kind = kind
        self.status = status
        self.headers = headers
        self.body = body
        self.honest = True

    def manifest(self, **changes: object) -> None:
        """Changes members of the manifest."""
        self.body = json.dumps(json.loads(self.body) | changes).encode()

    def keys(self) -> list[bytes]:
        return gzip.decompress(self.body).splitlines()

    def list_of(self, keys: list[bytes]) -> None:
        """Another list in place of this one."""
        self.body = gzip.compress(b"".join(key + b"\n" for key in keys))
