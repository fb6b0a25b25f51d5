"""What was overwritten or deleted is restored by the commands of docs/restore.md, as they stand there: in an
emulator that enforces policies, with the template's bucket, by a person who has nothing but the break-glass
policy."""

import json
import re
import time
import unittest
from pathlib import Path

import people
from people import STACK, System

FEED = "abor-property-adc5e339"
HEAD = f"feeds/{FEED}/head.json"
FULL = f"feeds/{FEED}/snapshots/000001-0123456789abcdef.txt.gz"
DELTA = f"feeds/{FEED}/deltas/000000-000001-0123456789abcdef.txt.gz"
RETIRED = {"TagSet": [{"Key": "livelist", "Value": "retired"}]}
BLOCKS = people.blocks("restore.md")


def block(begins: str) -> str:
    (found,) = [one for one in BLOCKS if one.startswith(begins)]
    return found.replace(" former\n", ' "$FORMER"\n')


class Restore(System):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bucket, cls.former = cls.outputs["BucketName"], cls.folder / "former"
        cls.s3 = cls.client("s3")
        cls.ready = cls.person("ready")
        cls.run_as(cls.administrator, block("POLICY="), PERSON="ready", STACK=STACK)
        cls.operator = cls.person("operator", "OperatorPolicyArn")

    def run_(self, begins: str, **variables: str) -> str:
        common = {"BUCKET": self.bucket, "FEED": FEED, "FORMER": str(self.former)}
        return self.run_as(self.ready, block(begins), **common | variables)

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
        told = self.run_as(self.ready, block("infra/restore.sh lists"), True, BUCKET=self.bucket, FEED=feed)
        self.assertIn("has no version left", told)

    def test_a_time_that_is_none_changes_nothing(self):
        apply = block("infra/restore.sh apply \"$BUCKET\" registry/")
        told = self.run_as(self.ready, apply, True, BUCKET=self.bucket, AT="yesterday")
        self.assertIn("the time is UTC", told)

    def test_others_cannot_read_versions_or_write_the_registry(self):
        key = "registry/mls/theirs.json"
        version = self.put(key, "as it was")
        self.put(key, "as it is")
        common = {"BUCKET": self.bucket, "KEY": key, "VERSION": version, "FORMER": str(self.former)}
        for begins in ("aws s3api list-object-versions", "aws s3api get-object", "aws s3api copy-object"):
            told = self.run_as(self.operator, block(begins), True, **common)
            self.assertIn("AccessDenied", told)
        # The policy restores and destroys nothing: versions stay.
        gone = 'aws s3api delete-object --bucket "$BUCKET" --key "$KEY" --version-id "$VERSION"\n'
        self.assertIn("AccessDenied", self.run_as(self.ready, gone, True, **common))
        self.assertEqual(self.read(key), "as it is")

    def test_the_policy_is_taken_away_again(self):
        person = self.person("done", "BreakGlassPolicyArn")
        listing = 'aws s3api list-object-versions --bucket "$BUCKET" --prefix registry/ --max-items 1'
        self.run_as(person, listing, BUCKET=self.bucket)
        policy = self.outputs["BreakGlassPolicyArn"]
        self.run_as(self.administrator, block("aws iam detach-user-policy"), PERSON="done", POLICY=policy)
        self.run_as(person, listing, True, BUCKET=self.bucket)

    def test_every_command_of_the_page_is_tried(self):
        source = Path(__file__).read_text()
        tried = re.findall(r"""(?:block|run_)\((?:"((?:[^"\\]|\\.)*)"|'([^']*)')""", source)
        tried = {one.replace('\\"', '"') or other for one, other in tried}
        for one in BLOCKS:
            self.assertTrue(any(one.startswith(begins) for begins in tried), one)


if __name__ == "__main__":
    unittest.main()
