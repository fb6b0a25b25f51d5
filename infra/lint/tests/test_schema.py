"""The check against the providers' schema finds what Terraform itself would refuse."""

import unittest

from planted import MODULES, Copy

import schema

QUEUE = f"{MODULES}/queue/main.tf"
FUNCTION = f"{MODULES}/function/main.tf"
STORAGE = f"{MODULES}/storage/main.tf"

# File, old text, new text, what has to be told.
PLANTED = {
    "misspelt argument": (
        QUEUE, "visibility_timeout_seconds =", "visibility_timeout =",
        "there is no argument visibility_timeout; is it visibility_timeout_seconds?",
    ),
    "misspelt argument in a nested block": (
        FUNCTION, "    log_format = ", "    log_fromat = ", "there is no argument log_fromat; is it log_format?",
    ),
    "misspelt argument two blocks deep": (
        f"{MODULES}/schedule/main.tf", "maximum_retry_attempts ", "maximum_retries ", "there is no argument maximum_retries",
    ),
    "unknown resource type": (
        QUEUE, '"aws_sqs_queue" "this"', '"aws_sqs_que" "this"', "there is no resource of the type aws_sqs_que",
    ),
    "unknown data source": (
        FUNCTION, 'data "aws_region"', 'data "aws_regions_all"', "there is no data of the type aws_regions_all",
    ),
    "missing required argument": (
        FUNCTION, "  function_name                  = local.name\n", "", "function_name is missing",
    ),
    "missing required block": (
        f"{MODULES}/schedule/main.tf",
        '  flexible_time_window {\n    mode                      = var.window.mode\n    maximum_window_in_minutes = var.window.minutes\n  }\n',
        "", "flexible_time_window is missing",
    ),
    "missing required argument of a nested block": (
        f"{MODULES}/alarms/main.tf", '    value     = "1"\n', "", "value is missing",
    ),
    "unknown block": (
        STORAGE, "    expiration {", "    expiry {", "there is no block expiry; is it expiration?",
    ),
    "argument that is a block": (
        FUNCTION, "  environment {\n    variables = var.environment\n  }\n",
        "  environment = { variables = var.environment }\n", "environment is a block, not an argument",
    ),
    "block that is an argument": (
        FUNCTION, "  handler                        = var.handler\n", "  handler {\n  }\n",
        "handler is an argument, not a block",
    ),
    "one block too many": (
        FUNCTION, "  logging_config {\n", "  logging_config {\n  }\n\n  logging_config {\n",
        "there are 2 blocks logging_config; there may be one",
    ),
    "unknown attribute": (
        f"{MODULES}/queue/outputs.tf", "aws_sqs_queue.this.url", "aws_sqs_queue.this.urn",
        "aws_sqs_queue has no attribute urn; is it url?",
    ),
    "unknown attribute of data": (
        FUNCTION, "data.aws_region.current.region", "data.aws_region.current.regional",
        "aws_region has no attribute regional",
    ),
    "resource that is not there": (
        f"{MODULES}/queue/outputs.tf", "aws_sqs_queue.this.arn", "aws_sqs_queue.that.arn",
        "there is no resource aws_sqs_queue.that",
    ),
    "version that the schema is not of": (
        f"{MODULES}/queue/versions.tf", '"~> 6.25"', '"~> 5.99"', "aws ~> 5.99 does not take 6.25.0",
    ),
    "argument of the provider": (
        "infra/envs/dev/main.tf", "  allowed_account_ids =", "  allowed_accounts =", "there is no argument allowed_accounts",
    ),
    "variable without a type": (
        f"{MODULES}/queue/variables.tf", '  description = "The queue\'s name."\n  type        = string\n',
        '  description = "The queue\'s name."\n', "type is missing",
    ),
}  # fmt: skip


class Schema(unittest.TestCase):
    def test_what_is_there_fits(self):
        self.assertEqual(schema.check(), [])

    def test_each_is_found(self):
        for name, (file, old, new, told) in PLANTED.items():
            with self.subTest(name), Copy() as copy:
                copy.replace(file, old, new)
                lines = schema.check(copy.root)
                self.assertTrue(any(told in line for line in lines), lines)
                self.assertTrue(any(line.startswith(file) for line in lines), lines)


if __name__ == "__main__":
    unittest.main()
