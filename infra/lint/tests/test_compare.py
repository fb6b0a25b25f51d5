"""The comparison finds what was planted, each kind of drift in the description where it was planted;
and the system that both describe keeps some promises."""

import re
import unittest

from planted import MODULES, ROOT, SAM, Copy, described, section

import compare
import dashboard
import facts
import permissions
import sam
import terraform_facts
from hcl import HclError

STEPS = f"{MODULES}/system/steps.tf"
PLANNING = f"{MODULES}/system/planning.tf"
ALARMS = f"{MODULES}/system/alarms.tf"
VARIABLES = f"{MODULES}/system/variables.tf"

# What is planted: file, old text, new text; and what has to be told: what, setting.
PLANTED = {
    "permission that SAM lacks": (
        SAM, "Action: [s3:GetObject, s3:PutObject, s3:DeleteObject]", "Action: [s3:GetObject, s3:PutObject]",
        "function livelist-acquire", "s3:DeleteObject on <Bucket.arn>/leases/*",
    ),
    "permission that Terraform lacks": (
        STEPS, '["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]', '["s3:GetObject", "s3:PutObject"]',
        "function livelist-acquire", "s3:DeleteObject on <Bucket.arn>/leases/*",
    ),
    "permission on another resource": (
        STEPS, "/feeds/*/held.json", "/feeds/*/*",
        "function livelist-confirm", "s3:GetObject on <Bucket.arn>/feeds/*/*",
    ),
    "permission without its condition": (
        STEPS, '      condition = { Null = { "kms:EncryptionContext:livelist:run" = "false" } }\n', "",
        "function livelist-authorize", "kms:Encrypt on <Key.arn>",
    ),
    "another service that may take a role": (
        f"{MODULES}/schedule/main.tf", "scheduler.amazonaws.com", "events.amazonaws.com",
        "role of schedule livelist-daily", "trusts.Principal.Service",
    ),
    "other timeout": (
        STEPS, "timeout     = 30", "timeout     = 31", "function livelist-release", "timeout",
    ),
    "other timeout in SAM": (SAM, "Timeout: 29", "Timeout: 28", "function livelist-api", "timeout"),
    "missing variable": (
        PLANNING, "    LIVELIST_DLQ_URL          = module.pairs_dead.url\n", "",
        "function livelist-planner", "environment.variables.LIVELIST_DLQ_URL",
    ),
    "missing variable in SAM": (
        SAM, "          LIVELIST_MACHINE_ARN: !Ref Machine\n", "",
        "function livelist-worker", "environment.variables.LIVELIST_MACHINE_ARN",
    ),
    "missing reserved concurrency": (
        PLANNING, "  reserved_concurrency = local.is_large ? var.worker_concurrency : null\n", "",
        "function livelist-worker", "reserved_concurrent_executions",
    ),
    "missing cap": (
        SAM, "      Handler: scan\n      ReservedConcurrentExecutions: !If [IsLarge, 350, !Ref AWS::NoValue]\n", "      Handler: scan\n",
        "function livelist-scan", "reserved_concurrent_executions",
    ),
    "another queue's messages": (
        PLANNING, "event_source_arn        = module.pairs.arn", "event_source_arn        = module.pairs_dead.arn",
        "trigger WorkerTakesPairs", "event_source_arn",
    ),
    "no limit to the trigger": (
        SAM, "      ScalingConfig: { MaximumConcurrency: !Ref WorkerConcurrency }\n", "",
        "trigger WorkerTakesPairs", "scaling_config.maximum_concurrency",
    ),
    "no dead letters": (
        SAM, "      RedrivePolicy: { deadLetterTargetArn: !GetAtt PairsDead.Arn, maxReceiveCount: 5 }\n", "",
        "queue Pairs", "redrive_policy.maxReceiveCount",
    ),
    "another queue for failures": (
        PLANNING, "    arn             = module.planner_dead.arn", "    arn             = module.pairs_dead.arn",
        "asynchronous invocation livelist-planner", "destination_config.on_failure.destination",
    ),
    "missing alarm": (
        ALARMS, "    RunsAreHeld = {\n", "    RunsWereHeld = {\n", "alarm RunsAreHeld", "(all of it)",
    ),
    "missing alarm in SAM": (
        SAM, "  ApiLacksConcurrency:\n", "  ApiLacksOther:\n", "alarm ApiLacksConcurrency", "(all of it)",
    ),
    "alarm that tells nobody": (
        f"{MODULES}/alarms/main.tf", "  alarm_actions       = [var.topic_arn]\n", "",
        "alarm RunsFail", "alarm_actions",
    ),
    "other lines counted": (
        SAM, """'{ $.outcome = "held" }'""", """'{ $.outcome = "stale" }'""", "counted log lines HeldRuns", "pattern",
    ),
    "other graph": (
        "infra/dashboard.json", '"title": "Dead letters"', '"title": "Letters"',
        "dashboard livelist", "dashboard_body.widgets[10].properties.title",
    ),
    "permission of operators": (
        SAM, "Action: [states:DescribeExecution, states:GetExecutionHistory]", "Action: states:DescribeExecution",
        "policy OperatorPolicy", "states:GetExecutionHistory on arn:aws:states:eu-central-1:123456789012:execution:livelist-reconcile:*",
    ),
    "address that the command looks for": (
        f"{MODULES}/system/operators.tf", "queue_url         = module.pairs.url", "queue_url         = module.outbox.url",
        "SSM parameter /livelist/livelist/system", "value.queue_url",
    ),
    "missing route": (
        f"{MODULES}/system/api.tf", '    "GET /v1/health",\n', "", "route GET /v1/health", "(all of it)",
    ),
    "other limit of the API": (
        SAM, "ThrottlingRateLimit: 100", "ThrottlingRateLimit: 10",
        "API stage $default", "default_route_settings.throttling_rate_limit",
    ),
    "objects that never expire": (
        f"{MODULES}/storage/main.tf", 'value = "scratch"', 'value = "scraps"',
        "bucket Bucket", "lifecycle.rule[scratch].filter.tag.value",
    ),
    "bucket without versions": (
        SAM, "      VersioningConfiguration: { Status: Enabled }\n", "", "bucket Bucket", "versioning.versioning_configuration.status",
    ),
    "former versions that are kept too long": (
        f"{MODULES}/storage/main.tf", "noncurrent_days = 90", "noncurrent_days = 900",
        "bucket Bucket", "lifecycle.rule[former-versions].noncurrent_version_expiration.noncurrent_days",
    ),
    "public bucket": (
        f"{MODULES}/storage/main.tf", "block_public_policy     = true", "block_public_policy     = false",
        "bucket Bucket", "public_access.block_public_policy",
    ),
    "bucket that may go": (
        f"{MODULES}/storage/main.tf", "prevent_destroy = true", "prevent_destroy = false", "bucket Bucket", "kept",
    ),
    "plain HTTP": (
        f"{MODULES}/storage/main.tf", '"aws:SecureTransport" = "false"', '"aws:SecureTransport" = "true"',
        "policy of Bucket (*)", "Deny s3:* on <Bucket.arn>/*",
    ),
    "payloads in logs": (
        f"{MODULES}/machine/main.tf", "include_execution_data = false", "include_execution_data = true",
        "state machine livelist-reconcile", "logging_configuration.include_execution_data",
    ),
    "another function in a hole": (
        STEPS, "ScanFunctionArn      = module.scan.arn", "ScanFunctionArn      = module.confirm.arn",
        "state machine livelist-reconcile", "definition.States.Scan.Arguments.FunctionName",
    ),
    "logs for ever": (
        f"{MODULES}/machine/main.tf", "  retention_in_days = var.log_days\n", "",
        "log group /aws/vendedlogs/states/livelist-reconcile", "retention_in_days",
    ),
    "setting that nobody knows": (
        SAM, "      BatchSize: 10\n", "      BatchSize: 10\n      Enabled: false\n", "trigger WorkerTakesPairs", "Enabled",
    ),
    "other default": (VARIABLES, "default     = 600", "default     = 601", "parameter scan_seconds", "default"),
    "other bounds": (
        VARIABLES, "var.max_hops <= 1500", "var.max_hops <= 1501", "parameter max_hops", "value 1501",
    ),
    "missing parameter": (
        SAM, "  RetiredDays:\n    Type: Number\n", "  RetireDays:\n    Type: Number\n",
        "parameter retired_days", "(all of it)",
    ),
    "output": (
        f"{MODULES}/system/outputs.tf", "module.planner_dead.url", "module.pairs_dead.url",
        "output planner_dead_url", "value",
    ),
    "permission of apply": (
        f"{MODULES}/records/main.tf", 'resources = ["${var.bucket_arn}/records/*/syncs.json"]\n    },\n    {\n      sid       = "ReadAddresses"',
        'resources = ["${var.bucket_arn}/records/*"]\n    },\n    {\n      sid       = "ReadAddresses"',
        "function livelist-apply", "s3:PutObject on <Bucket.arn>/records/*",
    ),
    "no network for apply": (
        SAM, '          SecurityGroupIds: !Split [",", !Ref ApplySecurityGroups]\n', "",
        "function livelist-apply", "vpc_config.security_group_ids",
    ),
    "artifact of an example": (
        "infra/envs/dev/main.tf", "build/lambda/bootstrap", "build/bootstrap", "artifact", "path",
    ),
}  # fmt: skip


class Planted(unittest.TestCase):
    def test_each_is_found(self):
        for name, (file, old, new, what, setting) in PLANTED.items():
            with self.subTest(name), Copy() as copy:
                copy.replace(file, old, new)
                if name == "missing parameter":
                    copy.replace(SAM, "!Ref RetiredDays", "!Ref RetireDays")
                if name == "missing alarm in SAM":
                    copy.replace(SAM, "!GetAtt ApiLacksConcurrency.Arn", "!GetAtt ApiLacksOther.Arn")
                told = {(d.what, d.setting) for d in differences(copy, what)}
                self.assertIn((what, setting), told)

    def test_parameters_that_are_ignored_are_found(self):
        with Copy() as copy:
            copy.replace(f"{MODULES}/storage/main.tf", "days = var.scratch_days", "days = 30")
            self.assertEqual(differences(copy, "bucket"), [])
            told = [(w, d.setting) for w, d in compare.Project(copy.root).differences()]
            expected = ("parameters all otherwise", "lifecycle.rule[scratch].expiration.days")
            self.assertIn(expected, told)

    def test_resources_that_nobody_compares_are_no_success(self):
        with Copy() as copy:
            copy.replace(f"{MODULES}/queue/main.tf", "aws_sqs_queue\" \"this\"", "aws_sqs_queue\" \"that\"")
            with self.assertRaisesRegex(HclError, "no resource aws_sqs_queue this"):
                differences(copy, "queue")
        with Copy() as copy:
            path = copy.root / MODULES / "queue" / "main.tf"
            path.write_text(path.read_text() + '\nresource "aws_sqs_queue_policy" "this" {}\n')
            with self.assertRaisesRegex(facts.FactsError, "nobody compares aws_sqs_queue_policy"):
                differences(copy, "queue")

    def test_arguments_that_nobody_compares_are_no_success(self):
        with Copy() as copy:
            boundary = '  permissions_boundary = "arn:aws:iam::aws:policy/AdministratorAccess"\n'
            name = '  name = "${local.name}-${data.aws_region.current.region}"\n'
            copy.replace(f"{MODULES}/function/main.tf", name, name + boundary)
            with self.assertRaisesRegex(facts.FactsError, "nobody compares .'permissions_boundary'"):
                differences(copy, "function")
        with Copy() as copy:
            copy.replace(SAM, "      Handler: acquire\n", "      Handler: acquire\n      PermissionsBoundary: arn:x\n")
            with self.assertRaisesRegex(facts.FactsError, "nobody compares .'PermissionsBoundary'"):
                differences(copy, "function")

    def test_directives_in_the_definition_are_refused(self):
        with Copy() as copy:
            copy.replace("statemachines/reconcile.asl.json", '"StartAt"', '"%{Comment": "", "StartAt"')
            with self.assertRaisesRegex(HclError, "has a directive"):
                differences(copy, "state machine")

    def test_tables_that_are_not_current_are_found(self):
        system = sam.Template(ROOT / SAM).facts("STACK", {"Records": "ENABLED"})
        document = (ROOT / "docs" / "security.md").read_text()
        self.assertEqual(permissions.within(document, system), document)
        spoiled = document.replace("`kms:Encrypt`", "`kms:Decrypt`", 1)
        self.assertNotEqual(spoiled, document)
        self.assertEqual(permissions.within(spoiled, system), document)


def differences(copy: Copy, what: str) -> list[facts.Difference]:
    """With the parameters as they come but for the size; what only the whole comparison looks at, by that."""
    project = compare.Project(copy.root)
    if what.startswith("parameter"):
        return project.parameters()
    if what == "artifact":
        return [one for _, one in project.differences()]
    # The size that has more to compare.
    given = {"Size": "large", "Records": "ENABLED", "ApplySubnets": "subnet-1", "ApplySecurityGroups": "sg-1"}
    variables = {"bootstrap": "bootstrap"} | {sam.snake(name): of for name, of in given.items()}
    theirs = terraform_facts.read_folder(project.modules, variables)
    return facts.differences(project.template.facts("livelist", given), theirs)


class Promises(unittest.TestCase):
    """Of the system that both describe."""

    @classmethod
    def setUpClass(cls):
        cls.system = sam.Template(ROOT / SAM).facts("livelist", {"Records": "ENABLED"})

    def of(self, kind: str) -> dict[str, dict]:
        found = {name: of for (k, name), of in self.system.resources.items() if k == kind}
        self.assertTrue(found, kind)
        return found

    def test_they_are_the_same(self):
        self.assertEqual(compare.Project().differences(), [])

    def test_each_asynchronous_hop_has_a_queue_for_what_failed(self):
        queues = self.of("queue")
        for name, trigger in self.of("trigger").items():
            source = queues[trigger["event_source_arn"].strip("<>").split(".")[0]]
            self.assertIn("redrive_policy.deadLetterTargetArn", source, name)
        invoked = {f"arn:aws:lambda:{facts.REGION}:{facts.ACCOUNT}:function:{name}" for name in self.of("asynchronous invocation")}
        for name, schedule in self.of("schedule").items():
            self.assertIn("target.dead_letter_config.arn", schedule, name)
            self.assertIn(schedule["target.arn"], invoked, name)
        for name, invocation in self.of("asynchronous invocation").items():
            self.assertIn("destination_config.on_failure.destination", invocation, name)

    def test_each_queue_of_dead_letters_has_an_alarm(self):
        watched = {of.get("dimensions.QueueName") for of in self.of("alarm").values()}
        targets = {of.get("redrive_policy.deadLetterTargetArn") for of in self.of("queue").values()}
        targets |= {of["destination_config.on_failure.destination"] for of in self.of("asynchronous invocation").values()}
        for target in targets - {None}:
            self.assertIn(target.replace(".arn>", ".name>"), watched)

    def test_what_is_kept_keeps_what_protects_it(self):
        template = (ROOT / SAM).read_text()
        policy = template.split("\n  BucketPolicy:\n")[1].split("\n\n")[0]
        for setting in ("DeletionPolicy: Retain", "UpdateReplacePolicy: Retain"):
            self.assertIn(setting, policy)
        storage = (ROOT / "infra/modules/storage/main.tf").read_text()
        for resource in storage.split('\nresource "aws_s3_bucket')[1:]:
            self.assertIn("prevent_destroy = true", resource, resource.splitlines()[0])

    def test_each_alarm_leads_to_its_section_and_tells_somebody(self):
        titles = re.findall(r"^### (\w+)$", section("operations.md", "Alarms"), re.MULTILINE)
        self.assertEqual(sorted(titles), sorted(self.of("alarm")))
        for name, alarm in self.of("alarm").items():
            link = f" docs/operations.md#{name.lower()}"
            self.assertTrue(alarm["alarm_description"].endswith(link), name)
            self.assertIn("alarm_actions", alarm, name)

    def test_the_dashboard_is_one_text_and_leads_to_sections_that_are_there(self):
        body, template = ((ROOT / file).read_text() for file in ("infra/dashboard.json", SAM))
        self.assertEqual(template, dashboard.within(template, body), "run `make dashboard`")
        page = (ROOT / "docs" / "operations.md").read_text()
        titles = re.findall(r"^##+ (.+)$", page, re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-") for title in titles}
        links = set(re.findall(r"docs/operations\.md#([\w-]+)", body))
        self.assertTrue(links and links <= anchors, links - anchors)

    def test_the_dashboard_shows_every_function_alarm_and_queue(self):
        (shown,) = self.of("dashboard").values()
        told = set(", ".join(shown.values()).replace('","', ", ").split(", "))
        for name in self.of("function"):
            self.assertIn(name, told)
        for name in self.of("alarm"):
            self.assertIn(f"<{name}.arn>", told)
        for name in self.of("queue"):
            self.assertIn(f"<{name}.name>", told)

    def test_the_command_is_told_what_there_is(self):
        (told,) = self.of("SSM parameter").values()
        self.assertEqual(told["value.schema"], "1")
        self.assertEqual(told["value.machine_arn"], facts.machine_arn("livelist-reconcile"))
        # The logs of syncs are not by run: the command does not look for them.
        for name in self.of("function").keys() - {"livelist-syncs", "livelist-pull", "livelist-apply"}:
            group = f"value.log_groups.{name.removeprefix('livelist-')}"
            self.assertEqual(told[group], f"/aws/lambda/{name}")

    def test_traces_are_sent_only_where_somebody_asked_for_them(self):
        traced = sam.Template(ROOT / SAM).facts("livelist", {"Tracing": "Active", "Records": "ENABLED"})

        def grants(system) -> set[str]:
            return {g.owner for g in system.grants if "xray" in f"{g.action}{g.resource}".lower()}

        self.assertEqual(grants(self.system), set())
        functions = {f"function {name}" for name in self.of("function")}
        self.assertEqual(grants(traced), functions | {"state machine livelist-reconcile"})

    def test_without_operators_pages_there_are_no_routes_to_them(self):
        routes = {name for name in self.of("route") if "admin" in name or "dashboard" in name}
        self.assertEqual(routes, set())
        opened = {name: of for (kind, name), of in described().resources.items() if kind == "route"}
        for route in ("ANY /v1/admin/{proxy+}", "GET /dashboard", "GET /dashboard/{proxy+}"):
            self.assertTrue(opened[route]["function"].endswith(":livelist-admin"))

    def test_each_group_of_logs_ends_and_each_function_has_one(self):
        groups = self.of("log group")
        self.assertTrue(all("retention_in_days" in of for of in groups.values()))
        for name, function in self.of("function").items():
            self.assertEqual(function["logging_config.log_group"], f"/aws/lambda/{name}")
            self.assertIn(f"/aws/lambda/{name}", groups)

    def test_a_new_account_need_not_reserve_anything(self):
        for name, function in self.of("function").items():
            self.assertNotIn("reserved_concurrent_executions", function, name)


if __name__ == "__main__":
    unittest.main()
