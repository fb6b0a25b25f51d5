"""What the real Terraform says, where there is one: the examples are planned with stand-ins for all
resources, and what our own reader makes of expressions is what Terraform makes of them."""

import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import standins
from planted import MODULES, ROOT, Copy

import facts
import hcl
from terraform import Instance, Module

TERRAFORM = shutil.which("terraform")
GIVEN = {"account": facts.ACCOUNT, "region": facts.REGION}
INSTALLATION = GIVEN | {"alert_email": "a@example.org"}
DOMAIN = GIVEN | {"domain_name": "lists.example.org", "hosted_zone_id": "zone", "api_id": "api"}


def given_to(environment: str) -> dict[str, str]:
    return DOMAIN if environment == "domain" else INSTALLATION


def terraform(folder: Path, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess:
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    return subprocess.run(
        [TERRAFORM, f"-chdir={folder}", *arguments],
        env=environment, input=text, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def plan(copy: Copy, environment: str) -> subprocess.CompletedProcess:
    standins.put(copy.root)
    folder = copy.root / "infra" / "envs" / environment
    done = terraform(folder, "init", "-input=false", "-no-color")
    if done.returncode == 0:
        variables = [f"-var={name}={of}" for name, of in given_to(environment).items()]
        done = terraform(folder, "plan", "-input=false", "-no-color", "-lock=false", *variables)
    return done


def stand_in(one: Instance) -> str:
    key = "" if one.key is None else f"[{json.dumps(one.key)}]"
    return f"{one.module.address}terraform_data.{one.type}__{one.block.labels[1]}{key}"


@unittest.skipUnless(TERRAFORM, "there is no terraform here")
class Terraform(unittest.TestCase):
    def test_examples_can_be_planned(self):
        for folder in sorted((ROOT / "infra" / "envs").glob("*/")):
            with self.subTest(folder.name), Copy() as copy:
                done = plan(copy, folder.name)
                self.assertEqual(done.returncode, 0, done.stderr)
                child = "domain" if folder.name == "domain" else "livelist"
                made = set(re.findall(rf"# (module\.{child}\..+) will be created", done.stdout))
                made = {one for one in made if "terraform_data.data__" not in one}
                ours = Module(folder, given_to(folder.name)).child(child).resources()
                self.assertEqual(made, {stand_in(one) for one in ours})

    def test_all_that_is_optional_can_be_planned(self):
        example = "infra/envs/dev/main.tf"
        optional = 'size = "large"\n  admin_api = "ENABLED"\n  tracing = "Active"\n  metrics_per_mls = "yes"\n  records = "ENABLED"\n'
        with Copy() as copy:
            copy.replace(example, 'schedule_state = "DISABLED"\n', f'schedule_state = "DISABLED"\n  {optional}')
            done = plan(copy, "dev")
        self.assertEqual(done.returncode, 0, done.stderr)
        for made in ("module.admin[0].", "module.records[0].module.apply.", "aws_iam_role_policy_attachment__traces[0]", "aws_apigatewayv2_route__admin["):
            self.assertIn(made, done.stdout)

    def test_a_plan_finds_what_does_not_fit(self):
        spoiled = {
            "Unsupported argument": (f"{MODULES}/system/steps.tf", "  memory      = 512\n", "  memorie     = 512\n"),
            "Cycle": (f"{MODULES}/notices/main.tf", ":topicArn\" = local.topic_arn", ":topicArn\" = aws_sns_topic.notices.arn"),
            "Unsupported attribute": (f"{MODULES}/system/steps.tf", "module.notices.key_id", "module.notices.key"),
        }
        for told, (file, old, new) in spoiled.items():
            with self.subTest(told), Copy() as copy:
                copy.replace(file, old, new)
                self.assertIn(told, plan(copy, "dev").stderr)

    def test_the_definition_is_filled_as_by_us(self):
        path = ROOT / "statemachines" / "reconcile.asl.json"
        holes = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
        fillings = {name: f"{name}!" for name in holes}
        ours = hcl.FUNCTIONS["templatefile"](str(path), fillings)
        with Copy() as copy:
            asked = f"jsonencode(templatefile({json.dumps(str(path))}, {json.dumps(fillings)}))\n"
            done = terraform(copy.root, "console", text=asked)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(json.loads(done.stdout)), ours)
        self.assertIn("{% $hops >= $max_hops %}", ours)

    def test_the_files_are_formatted(self):
        done = terraform(ROOT / "infra", "fmt", "-check", "-recursive", "-no-color")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        with Copy() as copy:
            copy.replace(f"{MODULES}/queue/main.tf", "  name  ", "name")
            self.assertNotEqual(terraform(copy.root, "fmt", "-check", "-recursive").returncode, 0)


if __name__ == "__main__":
    unittest.main()
