#!/usr/bin/env python3
"""Three days of the whole system, on this machine: simulated MLSs, the AWS emulator with
template.yaml in it, the planner triggered by hand.

    demo.py                    show the three days and stay up until Ctrl-C (ONCE=1 ends instead)
    demo.py executions [RUN]   what runs in the stack that is up, or the states that one run went through
"""

import contextlib
import datetime
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3
import records
from botocore.config import Config
from deploy import CREDENTIALS, DeployError
from follower import Follower
from stack import HOME, ROOT, Server, StackError, deploy_into, say

BINARIES = Path(os.environ.get("LIVELIST_BIN", ROOT / "target" / "debug"))
SITE_KEY = "demo-site-key"
# The provider's waits are shown, not sat through.
WAIT_SCALE = 0.02
DAY_SECONDS = 180.0

# Nine of the thirteen providers; `harbor` is the large one.
BOOK = [
    ("harbor", "trestle", 300_000),
    ("lakes", "trestle", 8_000),
    ("prairie", "mlsgrid", 12_000),
    ("desert", "mlsgrid", 6_000),
    ("summit", "bridge", 20_400),
    ("valley", "bridge", 4_000),
    ("island", "reso", 5_000),
    ("canyon", "reso", 3_000),
    ("glacier", "utahrealestate", 2_400),
    ("orchard", "rapattoni", 2_000),
    ("orient", "ampre", 9_000),
    ("coast", "constellation1", 3_000),
    ("maple", "crea", 5_000),
]
ACTIVE = "StandardStatus eq 'Active'"
# Six clients; pairs with the same filter share a feed and so a scan.
PAIRS = {
    "acme": [("harbor", None), ("lakes", None), ("prairie", None), ("summit", None), ("island", None)],
    "bolt": [("harbor", None), ("desert", None), ("valley", None), ("canyon", None), ("island", ACTIVE)],
    "cedar": [("lakes", None), ("prairie", None), ("summit", None), ("canyon", ACTIVE)],
    "delta": [("harbor", None), ("lakes", ACTIVE), ("valley", None)],
    "ember": [("desert", None), ("island", None), ("summit", ACTIVE)],
    "fjord": [("glacier", None), ("orchard", None), ("orient", None), ("coast", None), ("maple", None)],
}


def specs() -> list[dict]:
    """The simulated MLSs."""
    book = []
    for seed, (mls, provider, listings) in enumerate(BOOK, 1):
        secret = f"demo-{mls}-0123456789abcdef"
        if provider in ("trestle", "constellation1", "crea"):
            credential = {"client_credentials": {"client_id": f"demo-{mls}", "client_secret": secret}}
        elif provider == "rapattoni":
            credential = {"password": {"username": f"demo-{mls}", "password": secret}}
        else:
            credential = {"token": secret}
        book.append({"mls": mls, "provider": provider, "seed": seed, "listings": listings, "credential": credential})
        if provider == "mlsgrid":
            book[-1]["originating_system"] = mls
        if mls == records.MLS:
            book[-1]["options"] = {"records": {}}
        if provider == "trestle":
            book[-1]["page_limit"] = 100_000 if listings > 100_000 else 2_000
    return book


@contextlib.contextmanager
def simulated(folder: Path):
    """The simulated MLSs as a process of their own; gives where they answer."""
    config = folder / "mls.json"
    config.write_text(json.dumps(specs()))
    process = subprocess.Popen([str(BINARIES / "livelist-mls"), "--config", str(config), "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        if not line:
            raise StackError("the simulated MLSs did not start")
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(timeout=10)


class Mls:
    """The control interface of the simulated MLSs."""

    def __init__(self, url: str):
        self.url = url

    def call(self, mls: str, verb: str, body: object = None, method: str = "POST") -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_control/{mls}/{verb}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None


class System:
    """The deployed system, seen from outside."""

    def __init__(self, document: dict):
        self.document = document
        self.outputs = document["outputs"]
        options = {
            "endpoint_url": document["endpoint"],
            "region_name": CREDENTIALS["AWS_REGION"],
            "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            "config": Config(retries={"max_attempts": 2}, s3={"addressing_style": "path"}, read_timeout=120),
        }
        self.s3 = boto3.client("s3", **options)
        self.ssm = boto3.client("ssm", **options)
        self.functions = boto3.client("lambda", **options)
        self.machine = boto3.client("stepfunctions", **options)

    def put(self, key: str, value: object) -> None:
        body = json.dumps(value, indent=2).encode()
        self.s3.put_object(Bucket=self.outputs["BucketName"], Key=key, Body=body)

    def get(self, key: str) -> dict:
        return json.load(self.s3.get_object(Bucket=self.outputs["BucketName"], Key=key)["Body"])

    def load_registry(self, endpoints: dict) -> None:
        """Secrets into SSM, documents into the bucket: what an operator does once per MLS."""
        served = {endpoint["mls"]: endpoint for endpoint in endpoints["mlss"]}
        for spec in specs():
            mls = spec["mls"]
            endpoint = served[mls]
            # A token is its own secret; the other kinds have members.
            [(kind, secret)] = spec["credential"].items()
            credential = {kind: secret} if kind == "token" else secret
            self.ssm.put_parameter(
                Name=f"/livelist/mls/{mls}", Value=json.dumps(credential), Type="SecureString", Overwrite=True
            )
            document = {
                "mls": mls,
                "provider": spec["provider"],
                "base_url": endpoint["base_url"],
                "credential": f"ssm:/livelist/mls/{mls}",
                **endpoint["settings"],
            }
            if endpoint["token_url"]:
                document["token_url"] = endpoint["token_url"]
            self.put(f"registry/mls/{mls}.json", document)
        key = hashlib.sha256(SITE_KEY.encode()).hexdigest()
        for client, pairs in PAIRS.items():
            document = {
                "client": client,
                "api_keys": [{"id": "demo", "sha256": key}] if client == "acme" else [],
                "pairs": [
                    {"mls": mls, "resource": "Property", **({"filter": wanted} if wanted else {})}
                    for mls, wanted in pairs
                ],
            }
            self.put(f"registry/clients/{client}.json", document)

    def plan(self, date: str) -> dict:
        answer = self.functions.invoke(
            FunctionName=self.outputs["PlannerName"], Payload=json.dumps({"date": date}).encode()
        )
        planned = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise StackError(f"the planner failed: {planned.get('errorMessage', planned)}")
        return planned

    def executions(self) -> list[dict]:
        pages = self.machine.get_paginator("list_executions").paginate(stateMachineArn=self.outputs["MachineArn"])
        return [execution for page in pages for execution in page["executions"]]

    def wait_for(self, date: str, runs: int) -> list[dict]:
        """The executions of a day, when all have ended."""
        deadline = time.monotonic() + DAY_SECONDS
        shown = None
        while True:
            todays = [e for e in self.executions() if e["name"].startswith(date)]
            ended = [e for e in todays if e["status"] != "RUNNING"]
            if shown != len(ended):
                shown = len(ended)
                say(f"  {shown} of {runs} runs have ended")
            if len(todays) >= runs and len(ended) == len(todays):
                return todays
            if time.monotonic() > deadline:
                raise StackError(f"the runs of {date} did not end within {DAY_SECONDS:.0f} s")
            time.sleep(0.5)

    def records(self, executions: list[dict]) -> list[dict]:
        """What the runs wrote down; a continuation belongs to its run."""
        names = sorted({e["name"].split("--")[0] for e in executions})
        return [self.get(f"feeds/{name[11:]}/runs/{name}/run.json") for name in names]


def table(records: list[dict]) -> None:
    row = "  {:28} {:10} {:>8} {:>7} {:>7}  {}"
    say(row.format("FEED", "OUTCOME", "LIVE", "ADDED", "REMOVED", "WHY").rstrip())
    for record in records:
        result = record.get("result") or {}
        error = record.get("error")
        why = record.get("held_reason") or (f"{error['name']}: {error['message']}" if error else "")
        if not why and (confirmed := record.get("confirmed")):
            why = f"{confirmed['asked']} confirmed, {confirmed['restored']} restored"
        if not why and len((record.get("comparison") or {}).get("scans", [])) > 1:
            why = "scanned twice"
        numbers = (result.get("count", 0), result.get("added", 0), result.get("removed", 0))
        say(row.format(record["spec"]["feed"]["feed"], record["state"], *numbers, why).rstrip())


def day(system: System, number: int, date: str, what: str) -> list[dict]:
    say(f"\nDay {number}, {date}: {what}")
    planned = system.plan(date)
    say(f"  the planner sent {planned['sent']} pairs; they share {planned['runs']} runs")
    records = system.records(system.wait_for(date, planned["runs"]))
    table(records)
    return records


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise StackError(f"this should not happen: {what}")


def outcomes(records: list[dict]) -> dict[str, str]:
    return {record["spec"]["feed"]["feed"]: record["state"] for record in records}


def three_days(system: System, mls: Mls, follower: Follower) -> None:
    today = datetime.datetime.now(datetime.timezone.utc).date()
    dates = [(today + datetime.timedelta(days=n)).isoformat() for n in range(3)]

    first = day(system, 1, dates[0], "every feed is seen for the first time.")
    expect(set(outcomes(first).values()) == {"published"}, "a feed was not published on day 1")
    follower.begin(system.document["api"], island(first), SITE_KEY)

    sold = {"harbor": 900, "prairie": 40, "summit": 25, "island": 12}
    for name, n in sold.items():
        mls.call(name, "sell", {"n": n})
    mls.call("lakes", "add", {"n": 15})
    told = ", ".join(f"{n} in {name}" for name, n in sold.items())
    second = day(system, 2, dates[1], f"listings were sold ({told}); 15 are new in lakes.")
    states = outcomes(second)
    expect(not {"held", "failed"} & set(states.values()), "a feed was held or failed on day 2")
    follower.day()

    mls.call("valley", "faults", [{"fault": "empty_list"}])
    mls.call("canyon", "faults", [{"fault": "half_page", "on": "any"}])
    throttle = {"throttle": {"status": 429, "retry_after": "seconds", "seconds": 30}}
    mls.call("lakes", "faults", [{"fault": "expire_token", "skip": 2}, {"fault": throttle, "skip": 1, "times": 2}])
    before = {r["spec"]["feed"]["feed"]: (r.get("result") or {}).get("count") for r in second}
    third = day(
        system, 3, dates[2], "valley shows an empty list, canyon cuts its pages, lakes throttles and expires its tokens."
    )
    for record in third:
        feed = record["spec"]["feed"]["feed"]
        count = system.get(f"feeds/{feed}/head.json")["count"]
        expect(count == before[feed], f"the list of {feed} changed on day 3")
    for name in ("valley", "canyon", "lakes"):
        mls.call(name, "faults", method="DELETE")
    follower.day()
    say("\nNo list changed on day 3: what is not proved complete is not published.")


def island(records: list[dict]) -> str:
    """The feed that the site follows: all of `island`."""
    feeds = [record["spec"]["feed"] for record in records]
    return next(f["feed"] for f in feeds if f["feed"].startswith("island-property-") and not f.get("filter"))


def where_to_look(system: System, folder: Path) -> None:
    feed = island(system.records([e for e in system.executions() if "island-property" in e["name"]]))
    url = f"{system.document['api']}/v1/feeds/{feed}/live"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {SITE_KEY}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        manifest = json.load(answer)
    expect(manifest["complete"] is True, "the API's manifest is not complete")
    say("\nWhat a site asks (this works now):")
    say(f"  curl -s -H 'Authorization: Bearer {SITE_KEY}' '{url}'")
    say(f"  … version {manifest['version']}, {manifest['count']} keys, sha256 {manifest['sha256'][:16]}…")
    say("Executions, and the states one went through:")
    say("  .venv/bin/python infra/local/demo.py executions [RUN]")
    say(f"Functions' logs, queues, notices: {folder.relative_to(ROOT)}/server.log; any AWS client at {system.document['endpoint']}")


def operator(system: System, folder: Path) -> None:
    """What an operator sees now, and how to go on looking."""
    variables = {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": system.document["endpoint"],
        "LIVELIST_STACK": system.document["stack"],
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    lines.append(f'export PATH={shlex.quote(str(BINARIES))}:"$PATH"\n')
    (folder / "operator.env").write_text("".join(lines))
    say("\nWhat an operator sees: livelist status --trouble")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}

    def livelist(*arguments: str) -> str:
        command = [str(BINARIES / "livelist"), *arguments]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        expect(told.returncode == 0, f"livelist {' '.join(arguments)}: {told.stderr}")
        return told.stdout

    trouble = livelist("status", "--trouble")
    for line in trouble.splitlines():
        say(f"  {line}".rstrip())
    expect(" held" in trouble, "no feed is held on day 3")
    say("The same commands from another terminal (docs/operations.md has one for each question):")
    say(f"  source {(folder / 'operator.env').relative_to(ROOT)}")
    say("  livelist status; livelist show RUN; livelist approve RUN; livelist rerun FEED; livelist why FEED KEY")
    say("The same in a browser, with a key of its own:")
    say(f"  {system.document['api']}/dashboard")
    say(f"  {livelist('keys', 'add', '--admin', 'demo').strip()}")


def show() -> None:
    HOME.mkdir(exist_ok=True)
    state = HOME / "stack.json"
    former = Server.of(state)
    if former:
        say(f"Stopping the local stack that still runs (process {former.pid}).")
        former.stop()
    with simulated(HOME) as endpoints:
        providers = len({provider for _, provider, _ in BOOK})
        say(f"{len(BOOK)} simulated MLSs of {providers} providers answer at {endpoints['url']}")
        say("Starting the AWS emulator and deploying template.yaml …")
        server = Server.start(HOME, WAIT_SCALE)
        follower = Follower(say)
        try:
            deploy_into(server, state, {}, {})
            system = System(json.loads(state.read_text()))
            say(f"Deployed at {server.endpoint}. Loading the registry: {sum(map(len, PAIRS.values()))} pairs …")
            system.load_registry(endpoints)
            three_days(system, Mls(endpoints["url"]), follower)
            operator(system, HOME)
            where_to_look(system, HOME)
            endpoint = next(e for e in endpoints["mlss"] if e["mls"] == records.MLS)
            spec = next(spec for spec in specs() if spec["mls"] == records.MLS)
            records.show(BINARIES / "livelist", HOME, endpoint, spec, Mls(endpoints["url"]))
            if os.environ.get("ONCE") != "1":
                say("\nEverything stays up. Ctrl-C ends it.")
                signal.pause()
        finally:
            follower.stop()
            server.stop()
            state.unlink(missing_ok=True)


def executions(arguments: list[str]) -> None:
    """Lists executions, or the states that one went through."""
    state = HOME / "stack.json"
    if not Server.of(state):
        raise StackError("the local stack does not run: make run, or make up")
    system = System(json.loads(state.read_text()))
    found = system.executions()
    if not arguments:
        for execution in sorted(found, key=lambda e: e["name"]):
            say(f"{execution['status']:10} {execution['name']}")
        return
    wanted = [e for e in found if e["name"] == arguments[0]]
    if not wanted:
        raise StackError(f"there is no execution {arguments[0]}")
    pages = system.machine.get_paginator("get_execution_history").paginate(executionArn=wanted[0]["executionArn"])
    for page in pages:
        for event in page["events"]:
            entered = event.get("stateEnteredEventDetails")
            failed = event.get("executionFailedEventDetails")
            if entered:
                say(f"{event['timestamp']:%H:%M:%S.%f}  {entered['name']}")
            if failed:
                say(f"failed: {failed.get('error')}: {failed.get('cause')}")


def main() -> int:
    try:
        if sys.argv[1:2] == ["executions"]:
            executions(sys.argv[2:])
        elif len(sys.argv) == 1:
            show()
        else:
            print(__doc__)
            return 2
    except (StackError, DeployError) as error:
        print(f"demo.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
