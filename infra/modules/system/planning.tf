# Schedule, planner, queue of pairs, worker.

module "planner" {
  source = "../function"

  stack                = var.stack
  handler              = "planner"
  description          = "Sends the pairs that are due to the queue"
  artifact             = local.artifact
  memory               = 512
  timeout              = 300
  reserved_concurrency = local.is_large ? 1 : null
  log_days             = var.log_days
  traced               = local.traced

  environment = merge(local.environment, {
    LIVELIST_QUEUE_URL        = module.pairs.url
    LIVELIST_DLQ_URL          = module.pairs_dead.url
    LIVELIST_PAIRS_PER_SECOND = var.pairs_per_second
    LIVELIST_METRICS          = local.metrics
  })

  statements = [
    local.may.read_registry,
    {
      sid       = "ReadPauses"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/paused/*"]
    },
    local.may.tell_missing_from_forbidden,
    {
      sid       = "LookAtHeads"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/feeds/*/head.json"]
    },
    {
      sid       = "SendPairs"
      actions   = ["sqs:SendMessage"]
      resources = [module.pairs.arn]
    },
  ]

  # The schedule invokes asynchronously: what fails inside the planner is Lambda's to retry. A plan
  # sent twice is harmless, the runs have names.
  on_failure = {
    arn             = module.planner_dead.arn
    retries         = 2
    max_age_seconds = 21600
  }
}

module "daily" {
  source = "../schedule"

  name             = "${var.stack}-daily"
  description      = "The daily reconciliation"
  expression       = var.schedule_expression
  state            = var.schedule_state
  function_arn     = module.planner.arn
  input            = "{\"time\":\"<aws.scheduler.scheduled-time>\"}"
  dead_letters_arn = module.planner_dead.arn
}

# Days that could not be planned.
module "planner_dead" {
  source = "../queue"

  name              = "${var.stack}-planner-dead"
  retention_seconds = 1209600
}

module "pairs" {
  source = "../queue"

  name               = "${var.stack}-pairs"
  retention_seconds  = 345600
  visibility_seconds = 360

  dead_letters = {
    arn           = module.pairs_dead.arn
    max_receivals = 5
  }
}

# Pairs that nobody could start, with the reason where there is one.
module "pairs_dead" {
  source = "../queue"

  name              = "${var.stack}-pairs-dead"
  retention_seconds = 1209600
}

module "worker" {
  source = "../function"

  stack                = var.stack
  handler              = "worker"
  description          = "Starts the run of each pair"
  artifact             = local.artifact
  timeout              = 60
  reserved_concurrency = local.is_large ? var.worker_concurrency : null
  log_days             = var.log_days
  traced               = local.traced

  environment = merge(local.environment, {
    LIVELIST_QUEUE_URL   = module.pairs.url
    LIVELIST_DLQ_URL     = module.pairs_dead.url
    LIVELIST_MACHINE_ARN = module.machine.arn
  })

  statements = [
    local.may.read_registry,
    local.may.tell_missing_from_forbidden,
    {
      sid       = "TakePairs"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [module.pairs.arn]
    },
    {
      sid       = "PutPairsAside"
      actions   = ["sqs:SendMessage"]
      resources = [module.pairs_dead.arn]
    },
    {
      sid       = "StartRuns"
      actions   = ["states:StartExecution"]
      resources = [module.machine.arn]
    },
  ]
}

resource "aws_lambda_event_source_mapping" "worker_takes_pairs" {
  event_source_arn        = module.pairs.arn
  function_name           = module.worker.name
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.worker_concurrency
  }

  # Lambda looks whether the worker may take messages.
  depends_on = [module.worker]
}
