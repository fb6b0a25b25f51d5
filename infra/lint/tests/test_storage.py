"""What the bucket keeps of what was overwritten or deleted, by the names that the code gives to objects; and
who may read it. What `compare.py` finds different is not its business: it looks at one description."""

import re
import unittest

from planted import ROOT, SAM, Copy, described, section

import facts

# The first part of an object's name, and how many days its former versions are kept. A name that is new in the
# code fails here until somebody has decided.
KEPT = {
    # Cannot be made again, or is needed by what cannot.
    "records/": 90,
    "registry/": 90,
    "feeds/": 90,
    "paused/": 90,
    # Is made again.
    "acks/": 1,
    "budgets/": 1,
    "forms/": 1,
    "leases/": 1,
    "notices/": 1,
    "questions/": 1,
    "status.json.gz": 1,
}
# Objects of runs, wherever they are.
SCRATCH = "feeds/f/runs/r/part-00001.keys.gz"
# On one machine only: no object of the bucket.
ELSEWHERE = {"asked/", "outbox/"}
# What reads, deletes or switches off former versions.
OF_VERSIONS = re.compile(r"s3:(\*|.*Version.*|PutLifecycleConfiguration|.*\*.*)")


def names() -> set[str]:
    """The first parts of all names in the one file that knows them."""
    layout = (ROOT / "crates" / "livelist-model" / "src" / "layout.rs").read_text()
    written = re.findall(r'"([a-z]+(?:/|\.json\.gz))[^"]*"', layout)
    return set(written) - ELSEWHERE


class Rules:
    def __init__(self, system: facts.System):
        bucket = system.resources["bucket", "Bucket"]
        self.versions = bucket.get("versioning.versioning_configuration.status")
        self.by_id: dict[str, dict[str, str]] = {}
        for setting, of in bucket.items():
            if match := re.fullmatch(r"lifecycle\.rule\[([^]]+)\]\.(.+)", setting):
                self.by_id.setdefault(match[1], {})[match[2]] = of

    def applying(self, key: str, tag: str | None = None) -> list[dict[str, str]]:
        enabled = [rule for rule in self.by_id.values() if rule["status"] == "Enabled"]
        return [
            rule
            for rule in enabled
            if key.startswith(rule.get("filter.prefix", "")) and rule.get("filter.tag.value", tag) == tag
        ]

    def former_days(self, key: str, tag: str | None = None) -> int | None:
        """Where several rules apply, S3 takes the shortest."""
        setting = "noncurrent_version_expiration.noncurrent_days"
        return min((int(rule[setting]) for rule in self.applying(key, tag) if setting in rule), default=None)

    def wrong(self) -> list[str]:
        wrong = []
        if self.versions != "Enabled":
            wrong.append("the bucket has no versions")
        for name in sorted(names() | set(KEPT)):
            key = f"{name}x" if name.endswith("/") else name
            if name not in KEPT:
                wrong.append(f"how long are former versions of {name} kept?")
            elif self.former_days(key) != KEPT[name]:
                wrong.append(f"former versions of {name} are kept for {self.former_days(key)} days")
            if not any(of.get("expiration.expired_object_delete_marker") == "true" for of in self.applying(key)):
                wrong.append(f"delete markers of {name} stay for ever")
            # What has no tag never expires.
            if any("expiration.days" in of for of in self.applying(key)):
                wrong.append(f"{name} expires")
        if self.former_days(SCRATCH, "scratch") != 1:
            wrong.append("former versions of a run's objects are kept")
        for id_, rule in self.by_id.items():
            # As S3 has it, it refuses the whole configuration otherwise.
            if "expiration.expired_object_delete_marker" in rule and (
                "expiration.days" in rule or "filter.tag.key" in rule
            ):
                wrong.append(f"S3 refuses the rule {id_}")
        return wrong


class Versions(unittest.TestCase):
    def test_all_that_cannot_be_made_again_has_former_versions_and_the_rest_has_them_for_a_day(self):
        self.assertEqual(Rules(described()).wrong(), [])
        self.assertEqual(names(), set(KEPT))

    def test_each_mistake_is_found(self):
        planted = {
            "the bucket has no versions": ("      VersioningConfiguration: { Status: Enabled }\n", ""),
            "former versions of leases/ are kept for 90 days": ("Prefix: leases/", "Prefix: lease/"),
            "former versions of feeds/ are kept for 7 days": ("NoncurrentDays: 90", "NoncurrentDays: 7"),
            "delete markers of feeds/ stay for ever": ("            ExpiredObjectDeleteMarker: true\n", ""),
            "former versions of a run's objects are kept": (
                "            ExpirationInDays: !Ref ScratchDays\n            NoncurrentVersionExpiration: { NoncurrentDays: 1 }\n",
                "            ExpirationInDays: !Ref ScratchDays\n",
            ),
            "S3 refuses the rule scratch": (
                "            ExpirationInDays: !Ref ScratchDays\n",
                "            ExpirationInDays: !Ref ScratchDays\n            ExpiredObjectDeleteMarker: true\n",
            ),
            "paused/ expires": (
                "            ExpiredObjectDeleteMarker: true\n", "            ExpirationInDays: 5\n",
            ),
        }  # fmt: skip
        for told, (old, new) in planted.items():
            with self.subTest(told), Copy() as copy:
                copy.replace(SAM, old, new)
                self.assertIn(told, Rules(described(copy)).wrong())

    def test_the_page_has_what_the_rules_have(self):
        told = {}
        for row in section("restore.md", "What has former versions").splitlines():
            cells = [cell.strip() for cell in row.split("|")[1:-1]]
            if len(cells) == 3 and (days := re.fullmatch(r"(\d+) days?", cells[1])):
                told |= {name: int(days[1]) for name in re.findall(r"`([a-z]+(?:/|\.json\.gz))`", cells[0])}
        self.assertEqual(told, KEPT)


class Rights(unittest.TestCase):
    def holders(self, system: facts.System) -> set[str]:
        return {grant.owner for grant in system.grants if grant.effect == "Allow" and OF_VERSIONS.match(grant.action)}

    def test_former_versions_are_for_the_break_glass_policy_alone(self):
        self.assertEqual(self.holders(described()), {"policy BreakGlassPolicy"})
        with Copy() as copy:
            copy.replace(
                SAM, "              Action: s3:GetObject\n              Resource: !Sub \"${Bucket.Arn}/registry/*\"\n",
                "              Action: [s3:GetObject, s3:GetObjectVersion]\n              Resource: !Sub \"${Bucket.Arn}/registry/*\"\n",
            )  # fmt: skip
            self.assertIn("function livelist-planner", self.holders(described(copy)))

    def test_it_destroys_no_version_and_belongs_to_nobody(self):
        system = described()
        ours = {g.action for g in system.grants if g.owner == "policy BreakGlassPolicy"}
        self.assertLessEqual(
            ours,
            {
                "s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:GetObjectVersion",
                "s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject",
            },
        )  # fmt: skip
        for grant in system.grants:
            self.assertNotIn("BreakGlass", grant.resource, f"{grant.owner} has it")
        # `sam.py` refuses users, roles and groups in a policy; a role that names it would show above.
        with Copy() as copy:
            copy.replace(SAM, "      Description: !Sub \"Restores former", "      Roles: [somebody]\n      Description: !Sub \"Restores former")
            with self.assertRaisesRegex(facts.FactsError, "Roles"):
                described(copy)

    def test_nobody_else_writes_all_of_the_registry(self):
        writers = {
            (grant.owner, grant.resource.removeprefix("<Bucket.arn>/"))
            for grant in described().grants
            if grant.effect == "Allow" and grant.action in ("s3:PutObject", "s3:DeleteObject") and "/registry/" in grant.resource
        }
        self.assertEqual(
            writers,
            {
                ("policy BreakGlassPolicy", "registry/*"),
                ("policy OperatorPolicy", "registry/clients/*"),
                ("policy OperatorPolicy", "registry/admins.json"),
            },
        )


if __name__ == "__main__":
    unittest.main()
