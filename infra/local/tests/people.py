"""An emulator with the template's system in it, and people who have just the rights that the test gives them: they
run the commands of the documents, as they stand there."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from contextlib import ExitStack
from pathlib import Path

LOCAL = Path(__file__).resolve().parents[1]
ROOT = LOCAL.parents[1]
sys.path.insert(0, str(LOCAL))

from deploy import CREDENTIALS, client  # noqa: E402
from stack import STACK, Server, deploy_into  # noqa: E402

__all__ = ["ROOT", "STACK", "System", "blocks", "started"]

Person = dict[str, str]


def blocks(page: str) -> list[str]:
    """The commands of a document, in order; those in lists are indented."""
    text = (ROOT / "docs" / page).read_text()
    found = re.findall(r"^( *)```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def started(rest: ExitStack) -> tuple[Server, Path]:
    """An emulator that nothing is in, and its folder; both go with `rest`."""
    folder = Path(rest.enter_context(tempfile.TemporaryDirectory(prefix="livelist-people-")))
    server = Server.start(folder, 1.0)
    rest.callback(server.stop)
    return server, folder


class System(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rest = ExitStack()
        cls.addClassCleanup(cls.rest.close)
        cls.server, cls.folder = started(cls.rest)
        cls.outputs = deploy_into(cls.server, cls.folder / "stack.json", {}, {})
        cls.administrator = {name: of for name, of in CREDENTIALS.items() if name.startswith("AWS_")}

    @classmethod
    def client(cls, service: str):
        return client(service, cls.server.endpoint)

    @classmethod
    def person(cls, name: str, *policies: str) -> Person:
        """A user with a key and the policies that these outputs name."""
        iam = cls.client("iam")
        iam.create_user(UserName=name)
        for output in policies:
            iam.attach_user_policy(UserName=name, PolicyArn=cls.outputs[output])
        key = iam.create_access_key(UserName=name)["AccessKey"]
        own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return cls.administrator | own

    @classmethod
    def run_as(cls, who: Person, command: str, fails: bool = False, **variables: str) -> str:
        """What the command prints; if it is to fail, what it says of that as well."""
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        environment = {"PATH": path, "HOME": str(cls.folder), "AWS_ENDPOINT_URL": cls.server.endpoint}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env=environment | who | variables, cwd=ROOT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if (done.returncode != 0) != fails:
            raise AssertionError(f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout + (done.stderr if fails else "")
