# What operators use: the command's parameter and policy, and the dashboard's function.

# What the command has to know of the stack, so that its name is all that an operator says.
resource "aws_ssm_parameter" "system" {
  # checkov:skip=CKV2_AWS_34:Names and addresses; there is no secret in it
  name        = "/livelist/${var.stack}/system"
  type        = "String"
  description = "Where the livelist command finds the installation"

  value = jsonencode({
    schema            = 1
    bucket            = module.storage.name
    machine_arn       = module.machine.arn
    queue_url         = module.pairs.url
    dlq_url           = module.pairs_dead.url
    outbox_url        = module.outbox.url
    outbox_dlq_url    = module.outbox_dead.url
    planner_dlq_url   = module.planner_dead.url
    notices_topic_arn = module.notices.topic_arn
    log_groups = {
      planner   = module.planner.log_group
      worker    = module.worker.log_group
      acquire   = module.acquire.log_group
      authorize = module.authorize.log_group
      scan      = module.scan.log_group
      compare   = module.compare.log_group
      confirm   = module.confirm.log_group
      publish   = module.publish.log_group
      release   = module.release.log_group
      notify    = module.notify.log_group
      api       = module.api.log_group
    }
  })
}

locals {
  log_groups = [
    module.planner.log_group,
    module.worker.log_group,
    module.acquire.log_group,
    module.authorize.log_group,
    module.scan.log_group,
    module.compare.log_group,
    module.confirm.log_group,
    module.publish.log_group,
    module.release.log_group,
    module.notify.log_group,
    module.api.log_group,
  ]
}

# What operators need to use the command with `--stack`, for their users and roles.
resource "aws_iam_policy" "operator_policy" {
  name        = "${var.stack}-operators-${local.region}"
  description = "What the livelist command needs of the stack ${var.stack}"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindInstallation"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/livelist/${var.stack}/system"
      },
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = module.storage.arn
      },
      {
        Sid    = "Read"
        Effect = "Allow"
        Action = "s3:GetObject"
        Resource = [
          "${module.storage.arn}/registry/*",
          "${module.storage.arn}/feeds/*",
          "${module.storage.arn}/acks/*",
          "${module.storage.arn}/notices/*",
          "${module.storage.arn}/leases/*",
          "${module.storage.arn}/paused/*",
          "${module.storage.arn}/budgets/*",
          "${module.storage.arn}/records/*/syncs.json",
          "${module.storage.arn}/status.json.gz",
        ]
      },
      {
        Sid    = "KeepKeysPausesAndLeases"
        Effect = "Allow"
        Action = ["s3:PutObject", "s3:DeleteObject"]
        Resource = [
          "${module.storage.arn}/registry/clients/*",
          "${module.storage.arn}/registry/admins.json",
          "${module.storage.arn}/paused/*",
          "${module.storage.arn}/leases/*",
          "${module.storage.arn}/status.json.gz",
        ]
      },
      # An approval does what `publish` does: lists are written and marked, never deleted.
      {
        Sid      = "Decide"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:PutObjectTagging"]
        Resource = "${module.storage.arn}/feeds/*"
      },
      {
        Sid      = "ForgetHeld"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = "${module.storage.arn}/feeds/*/held.json"
      },
      {
        Sid      = "ForgetWaits"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:PutObjectTagging"]
        Resource = "${module.storage.arn}/budgets/*"
      },
      {
        Sid      = "FollowRuns"
        Effect   = "Allow"
        Action   = ["states:DescribeExecution", "states:GetExecutionHistory"]
        Resource = "arn:${local.partition}:states:${local.region}:${local.account}:execution:${local.machine_name}:*"
      },
      {
        Sid    = "TakeDeadLetters"
        Effect = "Allow"
        Action = [
          "sqs:ReceiveMessage",
          "sqs:DeleteMessage",
          "sqs:ChangeMessageVisibility",
          "sqs:GetQueueAttributes",
        ]
        Resource = [module.pairs_dead.arn, module.outbox_dead.arn, module.planner_dead.arn]
      },
      {
        Sid      = "SendAgain"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = [module.pairs.arn, module.outbox.arn]
      },
      {
        Sid    = "ReadLogs"
        Effect = "Allow"
        Action = "logs:FilterLogEvents"
        Resource = [
          for name in local.log_groups : "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${name}:*"
        ]
      },
    ]
  })
}

# What the console needs behind the links of notices and alarms, and the `aws` commands of docs/operations.md.
# For those operators who want it: the command needs none of it.
resource "aws_iam_policy" "console_policy" {
  name        = "${var.stack}-console-${local.region}"
  description = "Lets operators of the stack ${var.stack} look at it in the console, and call the planners"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LookAtMachine"
        Effect   = "Allow"
        Action   = ["states:DescribeStateMachine", "states:ListExecutions"]
        Resource = module.machine.arn
      },
      {
        Sid      = "LookAtRuns"
        Effect   = "Allow"
        Action   = ["states:DescribeExecution", "states:DescribeStateMachineForExecution", "states:GetExecutionHistory"]
        Resource = "arn:${local.partition}:states:${local.region}:${local.account}:execution:${local.machine_name}:*"
      },
      {
        Sid    = "ReadLogs"
        Effect = "Allow"
        Action = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery"]
        Resource = [
          for name in concat(
            local.log_groups,
            [module.http.log_group, module.machine.log_group],
            var.admin_api == "ENABLED" ? [module.admin[0].log_group] : [],
            var.records == "ENABLED" ? module.records[0].log_groups : [],
          ) : "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${name}:*"
        ]
      },
      {
        Sid      = "LookAtDashboard"
        Effect   = "Allow"
        Action   = "cloudwatch:GetDashboard"
        Resource = "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${aws_cloudwatch_dashboard.dashboard.dashboard_name}"
      },
      {
        Sid      = "PlanDays"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = concat([module.planner.arn], var.records == "ENABLED" ? [module.records[0].syncs_arn] : [])
      },
      # These know no resource, or the console asks for all. They read names, numbers and results of queries.
      {
        Sid    = "FindThem"
        Effect = "Allow"
        Action = [
          "cloudwatch:DescribeAlarmHistory",
          "cloudwatch:DescribeAlarms",
          "cloudwatch:GetMetricData",
          "cloudwatch:GetMetricStatistics",
          "cloudwatch:ListDashboards",
          "cloudwatch:ListMetrics",
          "logs:DescribeLogGroups",
          "logs:GetQueryResults",
          "logs:StopQuery",
          "states:ListStateMachines",
        ]
        Resource = "*"
      },
    ]
  })
}

# Attached to nobody: who restores what was overwritten or deleted takes it for as long as that lasts
# (docs/restore.md). Nothing else reads former versions or writes all of the registry. Versions cannot be
# deleted with it.
resource "aws_iam_policy" "break_glass_policy" {
  name        = "${var.stack}-break-glass-${local.region}"
  description = "Restores former versions of objects of the stack ${var.stack}. Attach it for the time of a restore only."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ListVersions"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:ListBucketVersions"]
        Resource = module.storage.arn
      },
      {
        Sid    = "ReadVersions"
        Effect = "Allow"
        Action = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [
          "${module.storage.arn}/registry/*",
          "${module.storage.arn}/feeds/*",
          "${module.storage.arn}/paused/*",
        ]
      },
      # A list that a restored head needs again must lose the tag by which it would expire.
      {
        Sid      = "RestoreFeeds"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:PutObjectTagging"]
        Resource = "${module.storage.arn}/feeds/*"
      },
      {
        Sid    = "RestoreRegistryAndPauses"
        Effect = "Allow"
        Action = ["s3:PutObject", "s3:DeleteObject"]
        Resource = [
          "${module.storage.arn}/registry/*",
          "${module.storage.arn}/paused/*",
        ]
      },
    ]
  })
}

# The dashboard, and what it asks and does. It knows the operators' keys by the registry.
module "admin" {
  source = "../function"
  count  = var.admin_api == "ENABLED" ? 1 : 0

  stack       = var.stack
  handler     = "admin"
  description = "Serves the operators' dashboard and what it asks"
  artifact    = local.artifact
  # A whole processor: to look at 5,000 feeds is to read 20,000 documents.
  memory = 1769
  # HTTP APIs wait 30 seconds at most.
  timeout  = 29
  log_days = var.log_days
  traced   = local.traced

  environment = merge(local.environment, {
    LIVELIST_QUEUE_URL       = module.pairs.url
    LIVELIST_DLQ_URL         = module.pairs_dead.url
    LIVELIST_OUTBOX_URL      = module.outbox.url
    LIVELIST_METRICS         = local.metrics
    LIVELIST_METRICS_PER_MLS = var.metrics_per_mls
  })

  statements = [
    local.may.tell_missing_from_forbidden,
    {
      sid     = "ReadInstallation"
      actions = ["s3:GetObject"]
      resources = [
        "${module.storage.arn}/registry/*",
        "${module.storage.arn}/feeds/*",
        "${module.storage.arn}/acks/*",
        "${module.storage.arn}/leases/*",
        "${module.storage.arn}/notices/*",
        "${module.storage.arn}/paused/*",
        "${module.storage.arn}/records/*/syncs.json",
        "${module.storage.arn}/status.json.gz",
      ]
    },
    local.may.keep_request_budget,
    {
      sid       = "KeepStatus"
      actions   = ["s3:PutObject"]
      resources = ["${module.storage.arn}/status.json.gz"]
    },
    {
      sid       = "HoldLease"
      actions   = ["s3:PutObject", "s3:DeleteObject"]
      resources = ["${module.storage.arn}/leases/*"]
    },
    {
      sid       = "RunRecords"
      actions   = ["s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${module.storage.arn}/feeds/*/runs/*"]
    },
    {
      sid     = "ChangeHead"
      actions = ["s3:PutObject"]
      resources = [
        "${module.storage.arn}/feeds/*/head.json",
        "${module.storage.arn}/feeds/*/held.json",
        "${module.storage.arn}/feeds/*/ids.txt.gz",
        "${module.storage.arn}/feeds/*/stamps.txt.gz",
        "${module.storage.arn}/feeds/*/waiting.json",
      ]
    },
    {
      sid     = "NoteWhatIsTold"
      actions = ["s3:PutObject"]
      resources = [
        "${module.storage.arn}/feeds/*/notified.json",
        "${module.storage.arn}/feeds/*/history.json",
      ]
    },
    {
      sid     = "StoreAndRetireLists"
      actions = ["s3:PutObject", "s3:PutObjectTagging"]
      resources = [
        "${module.storage.arn}/feeds/*/snapshots/*",
        "${module.storage.arn}/feeds/*/deltas/*",
        "${module.storage.arn}/feeds/*/gone/*",
      ]
    },
    {
      sid       = "ForgetHeld"
      actions   = ["s3:DeleteObject"]
      resources = ["${module.storage.arn}/feeds/*/held.json"]
    },
    {
      sid       = "Pause"
      actions   = ["s3:PutObject", "s3:DeleteObject"]
      resources = ["${module.storage.arn}/paused/*"]
    },
    {
      sid       = "TellTheSites"
      actions   = ["sqs:SendMessage"]
      resources = [module.outbox.arn]
    },
    {
      sid       = "AskForRuns"
      actions   = ["sqs:SendMessage"]
      resources = [module.pairs.arn]
    },
  ]
}
