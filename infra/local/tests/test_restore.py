"""What was overwritten or deleted is restored by the commands of docs/restore.md, as they stand there: in an
emulator that enforces policies, with the template's bucket, by a person who has nothing but the break-glass
policy."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

LOCAL = Path(__file__).resolve().parents[1]
ROOT = LOCAL.parents[1]
sys.path.insert(0, str(LOCAL))

from deploy import CREDENTIALS, client  # noqa: E402
from stack import STACK, Server, deploy_into  # noqa: E402

PAGE = (ROOT / "docs" / "restore.md").read_text()
FEED = "abor-property-adc5e339"
HEAD = f"feeds/{FEED}/head.json"
FULL = f"feeds/{FEED}/snapshots/000001-0123456789abcdef.txt.gz"
DELTA = f"feeds/{FEED}/deltas/000000-000001-0123456789abcdef.txt.gz"
RETIRED = {"TagSet": [{"Key": "livelist", "Value": "retired"}]}


def blocks() -> list[str]:
    """The commands of the page, in order; those in lists are indented."""
    found = re.findall(r"^( *)```sh\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def block(begins: str) -> str:
    (found,) = [one for one in blocks() if one.startswith(begins)]
    return found


class Restore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rest = ExitStack()
        folder = Path(cls.rest.enter_context(tempfile.TemporaryDirectory(prefix="livelist-restore-")))
        cls.server = Server.start(folder, 1.0)
        cls.rest.callback(cls.server.stop)
        try:
            outputs = deploy_into(cls.server, folder / "stack.json", {}, {})
            cls.bucket, cls.former = outputs["BucketName"], folder / "former"
            cls.policies = {name: outputs[name] for name in ("BreakGlassPolicyArn", "OperatorPolicyArn")}
            cls.s3 = client("s3", cls.server.endpoint)
            cls.ready = cls._person("ready")
            cls._run(block("POLICY="), cls._root(), PERSON="ready", STACK=STACK)
            cls.operator = cls._person("operator")
            client("iam", cls.server.endpoint).attach_user_policy(
                UserName="operator", PolicyArn=cls.policies["OperatorPolicyArn"]
            )
        except BaseException:
            cls.rest.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.rest.close()

    @classmethod
    def _root(cls) -> dict[str, str]:
        return {name: of for name, of in CREDENTIALS.items() if name.startswith("AWS_")}

    @classmethod
    def _person(cls, name: str) -> dict[str, str]:
        """A user with a key and no rights."""
        iam = client("iam", cls.server.endpoint)
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        ours = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return cls._root() | ours

    @classmethod
    def _run(cls, command: str, who: dict[str, str], fails: bool = False, **variables: str) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        environment = {"PATH": path, "HOME": str(cls.server.folder), "AWS_ENDPOINT_URL": cls.server.endpoint}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command.replace(" former\n", ' "$FORMER"\n')],
            env=environment | who | variables, cwd=ROOT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        if (done.returncode != 0) != fails:
            raise AssertionError(f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout + (done.stderr if fails else "")

    def run_(self, begins: str, **variables: str) -> str:
        common = {"BUCKET": self.bucket, "FEED": FEED, "FORMER": str(self.former)}
        return self._run(block(begins), self.ready, **common | variables)

    def put(self, key: str, text: str, **more) -> str:
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode(), **more)["VersionId"]

    def read(self, key: str) -> str:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()

    def now(self) -> str:
        """A time of which it is sure what was before it and what comes behind it: S3 knows seconds."""
        time.sleep(1.1)
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        time.sleep(1.1)
        return now

    def test_one_object(self):
        key = "registry/mls/one.json"
        wanted = self.put(key, "as it was", ContentType="application/json")
        self.put(key, "overwritten")
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        listed = self.run_("aws s3api list-object-versions", KEY=key)
        self.assertEqual(len(listed.splitlines()), 3, listed)
        self.assertIn(wanted, listed)
        self.run_("aws s3api get-object", KEY=key, VERSION=wanted)
        self.assertEqual(self.former.read_text(), "as it was")
        self.run_("aws s3api copy-object", KEY=key, VERSION=wanted)
        self.assertEqual(self.read(key), "as it was")
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key=key)["ContentType"], "application/json")

    def test_a_registry_that_was_synchronised_from_the_wrong_place(self):
        registry = "registry/clients"
        for name in ("kept", "overwritten", "deleted", "removed-before"):
            self.put(f"{registry}/{name}.json", name)
        self.s3.delete_object(Bucket=self.bucket, Key=f"{registry}/removed-before.json")
        at = self.now()
        self.put(f"{registry}/overwritten.json", "wrong")
        self.put(f"{registry}/overwritten.json", "wrong again")
        self.put(f"{registry}/new.json", "new")
        self.put(f"{registry}/removed-before.json", "back again")
        self.s3.delete_object(Bucket=self.bucket, Key=f"{registry}/deleted.json")

        def planned() -> dict[str, str]:
            lines = self.run_("infra/restore.sh plan \"$BUCKET\" registry/", AT=at).splitlines()
            cells = [line.split("\t") for line in lines]
            return {key.rsplit("/", 1)[1].removesuffix(".json"): verb for verb, key, *_ in cells if registry in key}

        told = {"overwritten": "restore", "deleted": "restore", "removed-before": "delete", "new": "new"}
        self.assertEqual(planned(), told)
        self.run_("infra/restore.sh apply \"$BUCKET\" registry/", AT=at)
        for name, of in {"kept": "kept", "overwritten": "overwritten", "deleted": "deleted", "new": "new"}.items():
            self.assertEqual(self.read(f"{registry}/{name}.json"), of)
        with self.assertRaises(self.s3.exceptions.NoSuchKey):
            self.read(f"{registry}/removed-before.json")
        self.assertEqual(planned(), {"new": "new"})

    def test_a_published_list_with_all_that_its_head_needs(self):
        head = {"full": {"object": FULL}, "deltas": [{"object": DELTA}]}
        self.put(HEAD, json.dumps(head))
        self.put(f"feeds/{FEED}/history.json", "history")
        self.put(FULL, "the list", ContentType="application/gzip")
        self.put(DELTA, "the delta")
        at = self.now()
        # A later head; its publisher retires the list, the lifecycle ends the delta.
        self.put(HEAD, "{}")
        self.s3.delete_object(Bucket=self.bucket, Key=f"feeds/{FEED}/history.json")
        self.s3.put_object_tagging(Bucket=self.bucket, Key=FULL, Tagging=RETIRED)
        self.s3.put_object_tagging(Bucket=self.bucket, Key=DELTA, Tagging=RETIRED)
        self.s3.delete_object(Bucket=self.bucket, Key=DELTA)

        self.run_('infra/restore.sh plan "$BUCKET" "feeds/$FEED/h"', AT=at)
        self.assertEqual(json.loads(self.read(HEAD)), head)
        self.assertEqual(self.read(f"feeds/{FEED}/history.json"), "history")
        self.run_("infra/restore.sh lists")
        for key, of in {FULL: "the list", DELTA: "the delta"}.items():
            self.assertEqual(self.read(key), of)
            tags = self.s3.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
            self.assertEqual(tags, [], f"{key} would expire")

    def test_a_list_without_any_version_is_told(self):
        feed = "bolt-property-4da81c93"
        self.put(f"feeds/{feed}/head.json", json.dumps({"full": {"object": FULL.replace(FEED, feed)}}))
        told = self._run(block("infra/restore.sh lists"), self.ready, True, BUCKET=self.bucket, FEED=feed)
        self.assertIn("has no version left", told)

    def test_a_time_that_is_none_changes_nothing(self):
        told = self._run(
            block("infra/restore.sh apply \"$BUCKET\" registry/"), self.ready, True, BUCKET=self.bucket, AT="yesterday"
        )
        self.assertIn("the time is UTC", told)

    def test_others_cannot_read_versions_or_write_the_registry(self):
        key = "registry/mls/theirs.json"
        version = self.put(key, "as it was")
        self.put(key, "as it is")
        common = {"BUCKET": self.bucket, "KEY": key, "VERSION": version, "FORMER": str(self.former)}
        for begins in ("aws s3api list-object-versions", "aws s3api get-object", "aws s3api copy-object"):
            told = self._run(block(begins), self.operator, True, **common)
            self.assertIn("AccessDenied", told)
        # The policy restores and destroys nothing: versions stay.
        gone = f'aws s3api delete-object --bucket "$BUCKET" --key "$KEY" --version-id "$VERSION"\n'
        self.assertIn("AccessDenied", self._run(gone, self.ready, True, **common))
        self.assertEqual(self.read(key), "as it is")

    def test_the_policy_is_taken_away_again(self):
        person = self._person("done")
        arn = self.policies["BreakGlassPolicyArn"]
        client("iam", self.server.endpoint).attach_user_policy(UserName="done", PolicyArn=arn)
        listing = 'aws s3api list-object-versions --bucket "$BUCKET" --prefix registry/ --max-items 1'
        self._run(listing, person, BUCKET=self.bucket)
        self._run(block("aws iam detach-user-policy"), self._root(), PERSON="done", POLICY=arn)
        self._run(listing, person, True, BUCKET=self.bucket)

    def test_every_command_of_the_page_is_tried(self):
        source = Path(__file__).read_text()
        tried = re.findall(r"""(?:block|run_)\((?:"((?:[^"\\]|\\.)*)"|'([^']*)')""", source)
        tried = {one.replace('\\"', '"') or other for one, other in tried}
        for one in blocks():
            self.assertTrue(any(one.startswith(begins) for begins in tried), one)


if __name__ == "__main__":
    unittest.main()
