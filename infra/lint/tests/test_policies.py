"""The policies for people: what the console needs behind the links of notices, and nothing that changes anything."""

import json
import re
import unittest

from planted import MODULES, ROOT, SAM, Copy, described

import sam
from terraform import Module

CONSOLE = "policy ConsolePolicy"
# What the page behind a notice's link asks for: an execution, its history, its state machine.
LINK = "/v2/executions/details/"
NEEDED = {
    "states:DescribeExecution", "states:DescribeStateMachine", "states:DescribeStateMachineForExecution",
    "states:GetExecutionHistory", "states:ListExecutions", "states:ListStateMachines",
}  # fmt: skip
# Actions that know no resource, or that the console asks for the whole account.
WITHOUT_RESOURCE = {
    "cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics", "cloudwatch:ListDashboards", "cloudwatch:ListMetrics",
    "logs:DescribeLogGroups", "logs:GetQueryResults", "logs:StopQuery", "states:ListStateMachines",
}  # fmt: skip
READS = re.compile(r"\w+:(Describe|Get|List|Filter)\w+|logs:(Start|Stop)Query")
# IAM refuses a managed policy with more characters, spaces not counted.
MOST_CHARACTERS = 6144


def grants(copy: Copy | None = None) -> set[tuple[str, str]]:
    return {(grant.action, grant.resource) for grant in described(copy).grants if grant.owner == CONSOLE}


def wrong(given: set[tuple[str, str]]) -> list[str]:
    actions = {action for action, _ in given}
    found = [f"{action} is missing" for action in sorted(NEEDED - actions)]
    for action, resource in sorted(given):
        if not READS.fullmatch(action) and (action, resource.endswith(("-planner", "-syncs"))) != ("lambda:InvokeFunction", True):
            found.append(f"{action} is no reading")
        if ("*" in resource.removesuffix(":*")) != (action in WITHOUT_RESOURCE):
            found.append(f"{action} on {resource}")
    return found


class Console(unittest.TestCase):
    def test_it_opens_what_notices_link_to_and_changes_nothing(self):
        machine = (ROOT / "statemachines" / "reconcile.asl.json").read_text()
        self.assertIn(LINK, machine, "the link of the notices leads elsewhere: what does its page need?")
        self.assertEqual(wrong(grants()), [])

    def test_each_mistake_is_found(self):
        planted = {
            "states:DescribeStateMachineForExecution is missing": ("states:DescribeStateMachineForExecution, ", ""),
            "states:StopExecution is no reading": ("states:DescribeStateMachineForExecution, ", "states:DescribeStateMachineForExecution, states:StopExecution, "),
            "lambda:InvokeFunction is no reading": ("              - !GetAtt Planner.Arn\n", "              - !GetAtt Worker.Arn\n"),
            "logs:GetLogEvents on *": ("              - logs:GetQueryResults\n", "              - logs:GetQueryResults\n              - logs:GetLogEvents\n"),
        }  # fmt: skip
        for told, (old, new) in planted.items():
            with self.subTest(told), Copy() as copy:
                copy.replace(SAM, old, new)
                self.assertIn(told, wrong(grants(copy)))

    def test_it_reads_the_logs_of_every_function(self):
        groups = {name for kind, name in described().resources if kind == "log group"}
        read = {
            resource.split(":log-group:")[1].removesuffix(":*") for action, resource in grants() if action == "logs:StartQuery"
        }
        self.assertEqual(read, groups)


class Policies(unittest.TestCase):
    def test_each_is_told_as_an_output_and_belongs_to_nobody(self):
        system = sam.Template(ROOT / SAM).facts("livelist", {})
        policies = {name for kind, name in system.resources if kind == "policy"}
        self.assertEqual(policies, {"OperatorPolicy", "ConsolePolicy", "BreakGlassPolicy"})
        outputs = {of["value"] for (kind, _), of in system.resources.items() if kind == "output"}
        for name in policies:
            self.assertIn(f"<{name}.arn>", outputs)
            self.assertNotIn(f"<{name}.arn>", {grant.resource for grant in system.grants})

    def test_none_is_longer_than_iam_takes(self):
        given = {"bootstrap": "bootstrap", "stack": "a" * 32, "admin_api": "ENABLED", "records": "ENABLED"}
        module = Module(ROOT / MODULES / "system", given)
        for one in module.resources():
            if one.type == "aws_iam_policy":
                text = json.dumps(json.loads(one.settings()["policy"]), separators=(",", ":"))
                # Tokens stand for the bucket's and the queues' ARNs, which have up to 63 and 80 characters at the end.
                longest = re.sub(r"<[\w.\[\]'-]+>", lambda _: "x" * 120, text)
                self.assertLess(len(longest), MOST_CHARACTERS, one.id)


if __name__ == "__main__":
    unittest.main()
