# Notices to the sites: outbox, notify.

# What happened to feeds, and below it a message for each client that is told of it. What was not
# delivered waits here, invisible, until its next attempt.
module "outbox" {
  source = "../queue"

  name               = "${var.stack}-outbox"
  retention_seconds  = 345600
  visibility_seconds = 360

  # As many attempts as the schedule has; they take about a day.
  dead_letters = {
    arn           = module.outbox_dead.arn
    max_receivals = 9
  }
}

# Notices that were given up.
module "outbox_dead" {
  source = "../queue"

  name              = "${var.stack}-outbox-dead"
  retention_seconds = 1209600
}

module "notify" {
  source = "../function"

  stack       = var.stack
  handler     = "notify"
  description = "Tells the sites what happened to their feeds"
  artifact    = local.artifact
  timeout     = 60
  log_days    = var.log_days
  traced      = local.traced

  writes_to_its_queue = true

  environment = merge(local.environment, {
    LIVELIST_QUEUE_URL       = module.outbox.url
    LIVELIST_DLQ_URL         = module.outbox_dead.url
    LIVELIST_NOTIFY_LOOPBACK = var.notify_loopback
  })

  statements = [
    local.may.read_registry,
    local.may.tell_missing_from_forbidden,
    {
      sid       = "Deliveries"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.storage.arn}/notices/*"]
    },
    {
      sid       = "ReadSigningSecrets"
      actions   = ["ssm:GetParameter"]
      resources = ["arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${var.notify_prefix}/*"]
    },
    {
      sid       = "TakeEvents"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [module.outbox.arn]
    },
    {
      sid       = "SendAMessagePerClient"
      actions   = ["sqs:SendMessage"]
      resources = [module.outbox.arn]
    },
    {
      sid       = "LetThemWait"
      actions   = ["sqs:ChangeMessageVisibility"]
      resources = [module.outbox.arn]
    },
    {
      sid       = "PutEventsAside"
      actions   = ["sqs:SendMessage"]
      resources = [module.outbox_dead.arn]
    },
  ]
}

resource "aws_lambda_event_source_mapping" "notify_takes_events" {
  event_source_arn        = module.outbox.arn
  function_name           = module.notify.name
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  # Each batch may read the whole registry, so that the events of a night share the reading.
  maximum_batching_window_in_seconds = 20

  scaling_config {
    maximum_concurrency = 5
  }

  # Lambda looks whether the function may take messages.
  depends_on = [module.notify]
}
