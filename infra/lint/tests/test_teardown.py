"""What stays when an installation is taken down stays with all that protects it: by the policies of the templates,
and by docs/deploy.md with Terraform, which is tried here with stand-ins for all resources."""

import re
import unittest
from pathlib import Path

import standins
from planted import ROOT, Copy, section
from test_terraform import TERRAFORM, given_to, terraform

from samtranslator.yaml_helper import yaml_parse

# By template: what is kept.
KEPT = {
    "template.yaml": {"Bucket", "BucketPolicy"},
    "infra/domain/template.yaml": {"Certificate", "Domain", "Record"},
}


def wrong(root: Path = ROOT) -> list[str]:
    found = []
    for file, kept in KEPT.items():
        for id_, resource in yaml_parse((root / file).read_text())["Resources"].items():
            policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
            # The first is for what was created and never used; the second knows no such thing.
            wanted = ("RetainExceptOnCreate", "Retain") if id_ in kept else (None, None)
            if policies != wanted:
                found.append(f"{id_}: {policies[0]}, {policies[1]}")
    return found


class Templates(unittest.TestCase):
    def test_what_is_kept_is_kept_but_for_a_first_deployment_that_fails(self):
        self.assertEqual(wrong(), [])

    def test_each_mistake_is_found(self):
        planted = {
            "Bucket: Retain, Retain": ("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Retain"),
            "Bucket: RetainExceptOnCreate, None": ("    UpdateReplacePolicy: Retain\n", ""),
            "Bucket: RetainExceptOnCreate, RetainExceptOnCreate": (
                "UpdateReplacePolicy: Retain", "UpdateReplacePolicy: RetainExceptOnCreate",
            ),
            "BucketPolicy: None, None": (
                "    Type: AWS::S3::BucketPolicy\n    DeletionPolicy: RetainExceptOnCreate\n    UpdateReplacePolicy: Retain\n",
                "    Type: AWS::S3::BucketPolicy\n",
            ),
        }  # fmt: skip
        for told, (old, new) in planted.items():
            with self.subTest(told), Copy() as copy:
                copy.replace("template.yaml", old, new)
                self.assertIn(told, wrong(copy.root))


@unittest.skipUnless(TERRAFORM, "there is no terraform here")
class Terraform(unittest.TestCase):
    """An installation that is there, with stand-ins for its resources."""

    def setUp(self):
        self.copy = Copy()
        self.addCleanup(self.copy.__exit__)
        artifact = self.copy.root / "build" / "lambda" / "bootstrap"
        artifact.parent.mkdir(parents=True)
        artifact.touch()
        standins.put(self.copy.root)
        self.folder = self.copy.root / "infra" / "envs" / "prod"
        self.run_("init", "-input=false")
        self.run_("apply", "-auto-approve", "-input=false", *self.variables())

    def variables(self) -> list[str]:
        return [f"-var={name}={of}" for name, of in given_to("prod").items()]

    def run_(self, *arguments: str, fails: bool = False) -> str:
        done = terraform(self.folder, *arguments)
        self.assertEqual(done.returncode != 0, fails, done.stdout + done.stderr)
        return done.stdout + (done.stderr if fails else "")

    def there(self) -> set[str]:
        return set(self.run_("state", "list").split())

    def test_the_documented_commands_keep_the_bucket_with_all_that_protects_it(self):
        (commands,) = re.findall(r"```sh\n(.*?)```", section("deploy.md", "Taking it down"), re.DOTALL)
        commands = re.findall(r"^terraform -chdir=infra/envs/prod (.*?)(?: +#.*)?$", commands, re.MULTILINE)
        self.assertEqual([one.split()[0] for one in commands], ["state", "plan", "destroy"])
        storage = {one for one in self.there() if "aws_s3_bucket" in one}
        self.assertEqual(len(storage), 7, storage)

        # Without the first of them, and with a part of the module only, Terraform refuses.
        self.assertIn("prevent_destroy", self.run_("plan", "-destroy", *self.variables(), fails=True))
        rest, bucket = commands[0].split()[:-1], "module.livelist.module.storage.terraform_data.aws_s3_bucket__bucket"
        self.run_(*rest, bucket)
        self.assertIn("prevent_destroy", self.run_("plan", "-destroy", *self.variables(), fails=True))

        removed = self.run_(*commands[0].replace("'", "").split())
        for one in storage - {bucket}:
            self.assertIn(f"Removed {one}", removed)
        planned = self.run_(*commands[1].split(), *self.variables())
        self.assertNotIn("aws_s3_bucket", planned)
        destroyed = self.run_(*commands[2].split(), "-auto-approve", *self.variables())
        self.assertNotIn("aws_s3_bucket", destroyed)
        self.assertIn("Destroy complete", destroyed)
        self.assertEqual(self.there(), set())


if __name__ == "__main__":
    unittest.main()
