"""The `aws` commands of docs/operations.md, as they stand there, by a person who has the console policy; and nobody
needs it for the command."""

import re
import unittest

import people
from people import STACK, System


def commands() -> list[str]:
    """Each `aws` command, with the lines that it goes on in."""
    text = "\n".join(people.blocks("operations.md"))
    # The option is of version 2 of the command; version 1, which is here, takes payloads as they are.
    text = text.replace(" --cli-binary-format raw-in-base64-out", "")
    return re.findall(r"^aws (?:.*\\\n)*.*$", text, re.MULTILINE)


class Console(System):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.with_console = cls.person("console", "ConsolePolicyArn")
        cls.without = cls.person("command", "OperatorPolicyArn")
        cls.known = {"STACK": STACK, "MACHINE": cls.outputs["MachineArn"]}

    def test_each_documented_command_works_with_the_policy(self):
        kinds = set()
        for command in commands():
            kind = " ".join(command.split()[1:3])
            kinds.add(kind)
            if kind == "logs get-query-results":
                continue
            with self.subTest(kind):
                told = self.run_as(self.with_console, command, **self.known)
                if kind == "logs start-query":
                    query = re.search(r'"queryId": "([^"]+)"', told)[1]
                    results = next(one for one in commands() if "get-query-results" in one)
                    self.run_as(self.with_console, results, QUERY=query)
                if kind == "lambda invoke":
                    self.assertIn('"StatusCode": 200', told)
        self.assertEqual(
            kinds, {"lambda invoke", "logs start-query", "logs get-query-results", "stepfunctions list-executions"}
        )

    def test_who_only_uses_the_command_has_none_of_them(self):
        for command in commands():
            with self.subTest(command.split()[2]):
                told = self.run_as(self.without, command, True, QUERY="0", **self.known)
                self.assertRegex(told, "AccessDenied|not authorized")

    def test_the_policy_starts_and_changes_nothing_else(self):
        bucket = self.outputs["BucketName"]
        for command in (
            'aws stepfunctions start-execution --state-machine-arn "$MACHINE" --input "{}"',
            f"aws s3api get-object --bucket {bucket} --key registry/mls/abor.json /dev/null",
            'aws lambda invoke --function-name "$STACK-worker" --payload "{}" /dev/null',
            'aws ssm get-parameter --name "/livelist/$STACK/system"',
        ):
            told = self.run_as(self.with_console, command, True, **self.known)
            self.assertRegex(told, "AccessDenied|not authorized")


if __name__ == "__main__":
    unittest.main()
