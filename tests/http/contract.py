#!/usr/bin/env python3
"""schemathesis against the running API: a simulated MLS, three days, `livelist serve`, and every
operation of its OpenAPI document asked with what fits the document and with what does not.

It draws no lots and the number of examples is fixed: the same code gets the same requests. Needs the
binaries LIVELIST and LIVELIST_MLS (`make test-api` builds them).
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

LIVELIST = os.environ["LIVELIST"]
LIVELIST_MLS = os.environ["LIVELIST_MLS"]
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLES = os.environ.get("EXAMPLES", "100")
SECRET = {"client_id": "demo", "client_secret": "demo-secret"}
# Answers with 429 would say more of the limit than of the API.
RATE = "1000000"
# What `positive` means to schemathesis: a request that fits the document is answered with one of these.
# A history that is gone is a documented answer to a request in good order.
CHECKS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "410"]
"""
OWN_FEED = """
[parameters]
"path.feed" = "{feed}"
"""


def livelist(home: Path, *arguments: str) -> str:
    environment = {"LIVELIST_REGISTRY": str(home / "registry"), "LIVELIST_DATA": str(home / "data")}
    done = subprocess.run([LIVELIST, *arguments], env=environment, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


@contextlib.contextmanager
def started(*command: str, **options):
    """A process and the first line that it says; it is ended with the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
    try:
        yield process.stdout.readline().decode().strip()
    finally:
        process.terminate()
        process.wait(timeout=30)


def told(mls: str, what: str, body: dict) -> None:
    request = urllib.request.Request(
        f"{mls}/_control/abor/{what}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=30).close()


def schemathesis(home: Path, api: str, key: str, name: str, config: str, *more: str) -> bool:
    """One round; prints its summary, and all of what it says if it found something."""
    place = home / name
    place.mkdir()
    (place / "schemathesis.toml").write_text(config)
    command = [SCHEMATHESIS, "run", f"{api}/v1/openapi.json", "--max-examples", EXAMPLES]
    command += ["--generation-deterministic", "--no-color", "--request-timeout", "30", *more]
    if key:
        command += ["--header", f"Authorization: Bearer {key}"]
    done = subprocess.run(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    report = done.stdout.decode().replace(key, "(the key)") if key else done.stdout.decode()
    summary = report[report.rfind("= SUMMARY =") :] if done.returncode == 0 else report
    print(f"== {name}\n{summary}", flush=True)
    return done.returncode == 0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="livelist-api-") as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        for part in ["registry/mls", "registry/clients", "registry/secrets"]:
            (home / part).mkdir(parents=True)
        spec = {"mls": "abor", "provider": "trestle", "seed": 7, "listings": 3000}
        spec["credential"] = {"client_credentials": SECRET}
        (home / "specs.json").write_text(json.dumps([spec]))
        mls = stack.enter_context(
            started(LIVELIST_MLS, "--config", str(home / "specs.json"), "--print-url")
        )
        documents = {
            "mls/abor.json": {
                "mls": "abor",
                "provider": "trestle",
                "base_url": f"{mls}/abor/trestle/odata",
                "token_url": f"{mls}/abor/trestle/oidc/connect/token",
                "credential": "file:secrets/abor.json",
            },
            "clients/acme.json": {"client": "acme", "pairs": [{"mls": "abor", "resource": "Property"}]},
            "secrets/abor.json": SECRET,
        }
        for name, document in documents.items():
            (home / "registry" / name).write_text(json.dumps(document))
        for day in ["2026-11-21", "2026-11-22", "2026-11-23"]:
            livelist(home, "reconcile", "--date", day)
            told(mls, "sell", {"n": 12})
            told(mls, "add", {"n": 5})
        key = livelist(home, "keys", "add", "acme")
        log = stack.enter_context(open(home / "log", "wb"))
        line = stack.enter_context(
            started(
                LIVELIST, "--log", "info", "serve", "--no-schedule", "--listen", "127.0.0.1:0", "--rate", RATE,
                "--registry", str(home / "registry"), "--data", str(home / "data"),
                stderr=log,
            )
        )
        api = line.removeprefix("listening on ")
        feeds = urllib.request.Request(f"{api}/v1/feeds", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(feeds, timeout=30) as answer:
            feed = json.load(answer)["feeds"][0]["feed"]
        fine = schemathesis(home, api, key, "own-feed", OWN_FEED.format(feed=feed) + CHECKS)
        fine &= schemathesis(home, api, key, "any-feed", CHECKS, "--phases", "fuzzing")
        logged = (home / "log").read_text()
        for secret in [key, SECRET["client_secret"]]:
            if secret in logged:
                print("a secret is in the log", file=sys.stderr)
                fine = False
        for word in ["panicked", " ERROR "]:
            lines = [line for line in logged.splitlines() if word in line]
            if lines:
                print(f"{len(lines)} lines of the log hold {word!r}:", *lines[:5], sep="\n", file=sys.stderr)
                fine = False
        print("requests answered:", sum(" answered " in line for line in logged.splitlines()))
        return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
