#!/usr/bin/env python3
"""The whole system on this machine: an AWS emulator on a loopback port, with template.yaml in it.

    stack.py up                start it (or deploy anew into the one that runs) and say where it is
    stack.py down              stop it
    stack.py status            say whether it runs
    stack.py exec -- COMMAND   start one of its own, run COMMAND against it, stop it again

`up` leaves `.local/stack.json` behind: the endpoint, the process and the outputs of the template.
`exec` hands the path of such a file to COMMAND in LIVELIST_TEST_STACK; and in LIVELIST_TEST_ENDPOINT a
second, empty emulator that lets everybody do everything, for tests that bring their own resources.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from deploy import CREDENTIALS, DeployError, deploy

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".local"
STACK = "livelist"
READY_SECONDS = 30.0
STOP_SECONDS = 10.0


class StackError(Exception):
    """The stack cannot be started or stopped; the message says why."""


class Server:
    """The emulator: one process and its children, in a folder of their own."""

    def __init__(self, pid: int, endpoint: str, folder: Path):
        self.pid = pid
        self.endpoint = endpoint
        self.folder = folder

    @staticmethod
    def start(folder: Path, wait_scale: float, policies: bool = True) -> "Server":
        """Starts it on a free port. Functions inherit its environment, so it gets a bare one. With
        `policies` they may do what their roles allow, and nothing else."""
        scratch = folder / "server"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AWS_ENDPOINT_URL": endpoint,
            "LAMBDA_EXECUTOR": "local",
            "SFN_WAIT_SCALE": str(wait_scale),
            "AUTH": str(policies).lower(),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        log = folder / "server.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / "ministack")],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(process.pid, endpoint, folder)
        deadline = time.monotonic() + READY_SECONDS
        while not server.is_healthy():
            if process.poll() is not None:
                raise StackError(f"the emulator ended at once; see {log}")
            if time.monotonic() > deadline:
                server.stop()
                waited = f"{READY_SECONDS:.0f} s"
                raise StackError(f"the emulator was not ready after {waited}; see {log}")
            time.sleep(0.05)
        return server

    @staticmethod
    def of(state: Path) -> "Server | None":
        """The one that `up` left running, if it still does."""
        try:
            document = json.loads(state.read_text())
            server = Server(document["pid"], document["endpoint"], state.parent)
        except (OSError, ValueError, KeyError):
            return None
        return server if server.is_healthy() else None

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """Ends the process and its children by the id of their session."""
        for sign, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            try:
                os.killpg(self.pid, sign)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + seconds
            while self._is_alive() and time.monotonic() < deadline:
                time.sleep(0.05)
        shutil.rmtree(self.folder / "server", ignore_errors=True)

    def _is_alive(self) -> bool:
        try:
            os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            pass
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


def deploy_into(
    server: Server, state: Path, overrides: dict[str, str], also: dict[str, str]
) -> dict[str, str]:
    """Deploys template.yaml and writes down where everything is. `also` names stacks of the same
    template with another artifact."""
    architecture = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    parameters = {
        "Architecture": architecture.get(platform.machine(), "x86_64"),
        # Days are planned by hand here: nobody wants a run to begin in the middle of a test.
        "ScheduleState": "DISABLED",
        # The sites of tests are on this machine.
        "NotifyLoopback": "yes",
        # The operators' page is a part of the system.
        "AdminApi": "ENABLED",
        # And so are records.
        "Records": "ENABLED",
        **overrides,
    }
    template = ROOT / "template.yaml"
    outputs = deploy(template, STACK, server.endpoint, parameters)
    document = {
        "endpoint": server.endpoint,
        "pid": server.pid,
        "region": CREDENTIALS["AWS_REGION"],
        "stack": STACK,
        "api": f"{server.endpoint}/_aws/execute-api/{outputs['ApiId']}/$default",
        "outputs": outputs,
        "scratch": str(server.folder / "server"),
        "also": {
            name: deploy(template, name, server.endpoint, parameters, Path(artifact))
            for name, artifact in also.items()
        },
    }
    state.write_text(json.dumps(document, indent=2) + "\n")
    return outputs


def environment_of(server: Server, bare: Server, state: Path) -> dict[str, str]:
    """What a command needs to talk to the two emulators and to nothing else."""
    return {
        **os.environ,
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LIVELIST_TEST_STACK": str(state),
        "LIVELIST_TEST_ENDPOINT": bare.endpoint,
    }


def say(text: str) -> None:
    print(text, flush=True)


def up(options: argparse.Namespace) -> int:
    HOME.mkdir(exist_ok=True)
    state = HOME / "stack.json"
    server = Server.of(state)
    if server:
        say(f"The emulator runs already (process {server.pid}); deploying into it …")
    else:
        say("Starting the emulator …")
        server = Server.start(HOME, options.wait_scale)
        say(f"It answers at {server.endpoint} (process {server.pid}); deploying template.yaml …")
    try:
        outputs = deploy_into(server, state, options.parameter, options.also)
    except Exception:
        server.stop()
        raise
    say(f"Deployed. Bucket {outputs['BucketName']}, planner {outputs['PlannerName']}.")
    say(f"HTTP API: {json.loads(state.read_text())['api']}/v1/health")
    say(f"Everything else is in {state.relative_to(ROOT)}; `make down` stops it.")
    return 0


def down(_: argparse.Namespace) -> int:
    state = HOME / "stack.json"
    server = Server.of(state)
    state.unlink(missing_ok=True)
    if not server:
        say("The local stack does not run.")
        return 0
    server.stop()
    say(f"Stopped the local stack (process {server.pid}).")
    return 0


def status(_: argparse.Namespace) -> int:
    server = Server.of(HOME / "stack.json")
    if not server:
        say("The local stack does not run.")
        return 1
    say(f"The local stack runs at {server.endpoint} (process {server.pid}).")
    return 0


def run(options: argparse.Namespace) -> int:
    if not options.command:
        raise StackError("exec needs a command: stack.py exec -- COMMAND")
    with tempfile.TemporaryDirectory(prefix="livelist-stack-") as name, ExitStack() as servers:
        folder = Path(name)
        server = Server.start(folder, options.wait_scale)
        servers.callback(server.stop)
        bare = Server.start(folder / "bare", options.wait_scale, policies=False)
        servers.callback(bare.stop)
        state = folder / "stack.json"
        deploy_into(server, state, options.parameter, options.also)
        say(f"Local stack at {server.endpoint}")
        environment = environment_of(server, bare, state)
        code = subprocess.run(options.command, env=environment, cwd=ROOT).returncode
        if code != 0:
            kept = HOME / "failed-stack.log"
            HOME.mkdir(exist_ok=True)
            shutil.copyfile(folder / "server.log", kept)
            say(f"The command failed; what the emulator said is in {kept.relative_to(ROOT)}.")
        return code


def parameter(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """Our own words, and the command behind the first `--`, which may have a `--` of its own."""
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function in (("up", up), ("down", down), ("status", status), ("exec", run)):
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        if function in (up, run):
            command.add_argument(
                "--wait-scale",
                type=float,
                default=1.0,
                help="how long a second of waiting in the state machine takes",
            )
            command.add_argument(
                "--parameter",
                type=parameter,
                action="append",
                default=[],
                help="NAME=VALUE for template.yaml",
            )
            command.add_argument(
                "--also",
                type=parameter,
                action="append",
                default=[],
                help="NAME=FOLDER: the template again, as stack NAME, with the artifact in FOLDER",
            )
    own, command = split(sys.argv[1:])
    options = parser.parse_args(own)
    if command and options.function is not run:
        parser.error("only exec takes a command")
    options.command = command
    if hasattr(options, "parameter"):
        options.parameter, options.also = dict(options.parameter), dict(options.also)
    try:
        return options.function(options)
    except (StackError, DeployError) as error:
        print(f"stack.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    # Being stopped is no reason to leave the emulator behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
