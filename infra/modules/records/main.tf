# Records: the planner of syncs, pull and apply, with their queues and alarms. There only where records are
# replicated.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# Apply has an artifact of its own, with the drivers of databases.
data "archive_file" "bootstrap_apply" {
  type             = "zip"
  source_file      = var.bootstrap_apply
  output_path      = "${path.root}/.terraform/bootstrap-apply.zip"
  output_file_mode = "0755"
}

locals {
  parameters = "arn:${data.aws_partition.current.partition}:ssm:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:parameter"
  page       = "docs/operations.md"

  tell_missing_from_forbidden = {
    sid       = "TellMissingFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
  }
  read_registry = {
    sid     = "ReadRegistry"
    actions = ["s3:GetObject"]
    resources = [
      "${var.bucket_arn}/registry/mls/*",
      "${var.bucket_arn}/registry/replications/*",
      "${var.bucket_arn}/registry/destinations/*",
    ]
  }
}

# Every five minutes it looks which syncs are due. It knows the registry and keeps nothing.
module "syncs" {
  source = "../function"

  stack       = var.stack
  handler     = "syncs"
  description = "Sends the syncs of records that are due to the queue"
  artifact    = var.artifact
  timeout     = 120
  log_days    = var.log_days
  traced      = var.traced

  environment = merge(var.environment, {
    LIVELIST_QUEUE_URL        = module.syncs_due.url
    LIVELIST_DLQ_URL          = module.syncs_dead.url
    LIVELIST_PAIRS_PER_SECOND = var.pairs_per_second
    LIVELIST_METRICS          = var.metrics
  })

  statements = [
    local.read_registry,
    {
      sid       = "ReadPauses"
      actions   = ["s3:GetObject"]
      resources = ["${var.bucket_arn}/paused/*"]
    },
    local.tell_missing_from_forbidden,
    {
      sid       = "LookAtCopies"
      actions   = ["s3:GetObject"]
      resources = ["${var.bucket_arn}/records/*/syncs.json"]
    },
    {
      sid       = "SendSyncs"
      actions   = ["sqs:SendMessage"]
      resources = [module.syncs_due.arn]
    },
  ]

  on_failure = {
    arn             = module.syncs_dead.arn
    retries         = 2
    max_age_seconds = 240
  }
}

module "often" {
  source = "../schedule"

  name             = "${var.stack}-syncs"
  description      = "Looks which syncs of records are due"
  expression       = "cron(0/5 * * * ? *)"
  state            = var.schedule_state
  function_arn     = module.syncs.arn
  input            = "{\"time\":\"<aws.scheduler.scheduled-time>\"}"
  dead_letters_arn = module.syncs_dead.arn
  window           = { mode = "OFF", minutes = null }
  # What comes later than the next call is not worth it.
  retries = { max_age_seconds = 240, attempts = 3 }
}

module "syncs_due" {
  source = "../queue"

  name = "${var.stack}-syncs"
  # A sync whose next one is due is not made any more.
  retention_seconds = 86400
  # Six times the timeout of pull.
  visibility_seconds = 5400

  dead_letters = {
    arn           = module.syncs_dead.arn
    max_receivals = 3
  }
}

# Syncs that nobody could make, and calls of the planner of syncs that failed.
module "syncs_dead" {
  source = "../queue"

  name              = "${var.stack}-syncs-dead"
  retention_seconds = 1209600
}

module "pull" {
  source = "../function"

  stack       = var.stack
  handler     = "pull"
  description = "Reads what changed of the records of one replication into its log"
  artifact    = var.artifact
  memory      = 512
  timeout     = 900
  log_days    = var.log_days
  traced      = var.traced

  environment = merge(var.environment, {
    # Where it sends copies that lack something, and syncs that are none.
    LIVELIST_QUEUE_URL    = module.copies_due.url
    LIVELIST_DLQ_URL      = module.syncs_dead.url
    LIVELIST_SCAN_SECONDS = var.scan_seconds
  })

  statements = [
    local.read_registry,
    {
      sid       = "ReadPauses"
      actions   = ["s3:GetObject"]
      resources = ["${var.bucket_arn}/paused/mls/*"]
    },
    local.tell_missing_from_forbidden,
    {
      sid       = "HoldLease"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
      resources = ["${var.bucket_arn}/leases/*"]
    },
    {
      sid       = "RequestBudget"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${var.bucket_arn}/budgets/*"]
    },
    {
      sid       = "LearnedForms"
      actions   = ["s3:GetObject"]
      resources = ["${var.bucket_arn}/forms/*"]
    },
    {
      sid       = "KeepLog"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${var.bucket_arn}/records/*"]
    },
    {
      sid     = "ReadPublished"
      actions = ["s3:GetObject"]
      resources = [
        "${var.bucket_arn}/feeds/*/gone/*",
        "${var.bucket_arn}/feeds/*/head.json",
        "${var.bucket_arn}/feeds/*/history.json",
        "${var.bucket_arn}/feeds/*/snapshots/*",
        "${var.bucket_arn}/feeds/*/stamps.txt.gz",
      ]
    },
    {
      sid       = "NoteQuestions"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${var.bucket_arn}/questions/*"]
    },
    {
      sid       = "ReadCredentials"
      actions   = ["ssm:GetParameter"]
      resources = ["${local.parameters}${var.secret_prefix}/*"]
    },
    {
      sid       = "TakeSyncs"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [module.syncs_due.arn]
    },
    {
      sid       = "PutSyncsAside"
      actions   = ["sqs:SendMessage"]
      resources = [module.syncs_dead.arn]
    },
    {
      sid       = "SendCopies"
      actions   = ["sqs:SendMessage"]
      resources = [module.copies_due.arn]
    },
  ]
}

resource "aws_lambda_event_source_mapping" "pull_takes_syncs" {
  event_source_arn        = module.syncs_due.arn
  function_name           = module.pull.name
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.sync_concurrency
  }

  # Lambda looks whether the function may take messages.
  depends_on = [module.pull]
}

module "copies_due" {
  source = "../queue"

  name = "${var.stack}-copies"
  # The next sync sends it again.
  retention_seconds = 86400
  # Six times the timeout of apply.
  visibility_seconds = 5400

  dead_letters = {
    arn           = module.copies_dead.arn
    max_receivals = 3
  }
}

# Copies with which apply ended without having written down why.
module "copies_dead" {
  source = "../queue"

  name              = "${var.stack}-copies-dead"
  retention_seconds = 1209600
}

# The one function that may stand in a network of one's own, and that knows the databases. It calls S3, SSM and
# the databases, and nothing else.
module "apply" {
  source = "../function"

  stack       = var.stack
  handler     = "apply"
  description = "Brings one copy of records up to its log"
  memory      = 512
  timeout     = 900
  log_days    = var.log_days
  traced      = var.traced
  environment = merge(var.environment, { LIVELIST_SCAN_SECONDS = var.scan_seconds })

  artifact = {
    path         = data.archive_file.bootstrap_apply.output_path
    hash         = data.archive_file.bootstrap_apply.output_base64sha256
    architecture = var.artifact.architecture
  }

  may_enter_network = true
  subnets           = var.apply_subnets == "" ? [] : split(",", var.apply_subnets)
  security_groups   = var.apply_subnets == "" ? [] : split(",", var.apply_security_groups)

  statements = [
    {
      sid     = "ReadRegistry"
      actions = ["s3:GetObject"]
      resources = [
        "${var.bucket_arn}/registry/replications/*",
        "${var.bucket_arn}/registry/destinations/*",
      ]
    },
    local.tell_missing_from_forbidden,
    {
      sid       = "ReadLog"
      actions   = ["s3:GetObject"]
      resources = ["${var.bucket_arn}/records/*"]
    },
    {
      sid       = "TellHowCopiesStand"
      actions   = ["s3:PutObject"]
      resources = ["${var.bucket_arn}/records/*/syncs.json"]
    },
    {
      sid       = "ReadAddresses"
      actions   = ["ssm:GetParameter"]
      resources = ["${local.parameters}${var.destination_prefix}/*"]
    },
    {
      sid       = "TakeCopies"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [module.copies_due.arn]
    },
  ]
}

resource "aws_lambda_event_source_mapping" "apply_takes_copies" {
  event_source_arn        = module.copies_due.arn
  function_name           = module.apply.name
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  # Each has a connection to a database.
  scaling_config {
    maximum_concurrency = 5
  }

  # Lambda looks whether the function may take messages.
  depends_on = [module.apply]
}

module "alarms" {
  source = "../alarms"

  stack     = var.stack
  topic_arn = var.topic_arn
  filters   = {}

  alarms = {
    # The planner of syncs counts them once an hour; where it says nothing, nothing is synced.
    CopiesAreBehind = {
      description = "Copies of records are behind for hours, or nobody looks. `livelist status` tells which and why. ${local.page}#copiesarebehind"
      namespace   = var.metrics
      metric      = "CopiesBehind"
      statistic   = "Maximum"
      period      = 3600
      periods     = 2
      missing     = "breaching"
      enabled     = var.schedule_state == "ENABLED"
    }
    SyncsAreDead = {
      description = "Syncs of records could not be made or planned. The logs of pull and syncs tell why. ${local.page}#syncsaredead"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = module.syncs_dead.name }
      statistic   = "Maximum"
    }
    CopiesAreDead = {
      description = "The function apply ended before its work was done. Its log tells why. ${local.page}#copiesaredead"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = module.copies_dead.name }
      statistic   = "Maximum"
    }
  }
}
