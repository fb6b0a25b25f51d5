# What operators are told of. Each name has its section in docs/operations.md.

locals {
  metrics = "Livelist/${var.stack}"
  page    = "docs/operations.md"
}

module "alarms" {
  source = "../alarms"

  stack     = var.stack
  topic_arn = module.notices.topic_arn

  # What the lines of the logs tell, as numbers: publish writes one line a call with its outcome, the
  # API one a request with its status.
  filters = {
    HeldRuns = {
      log_group = module.publish.log_group
      pattern   = "{ $.outcome = \"held\" }"
      namespace = local.metrics
      metric    = "RunsHeld"
    }
    ThrottledRequests = {
      log_group = module.http.log_group
      pattern   = "{ $.status = \"429\" }"
      namespace = local.metrics
      metric    = "RequestsThrottled"
    }
  }

  alarms = {
    RunsFail = {
      description = "A run failed. The notice tells which, why, and what to do; the published list stays. ${local.page}#runsfail"
      namespace   = "AWS/States"
      metric      = "ExecutionsFailed"
      dimensions  = { StateMachineArn = module.machine.arn }
    }
    RunsTimeOut = {
      description = "A run was still going after 20 hours. Nothing in the machine can tell of it, so this does. ${local.page}#runstimeout"
      namespace   = "AWS/States"
      metric      = "ExecutionsTimedOut"
      dimensions  = { StateMachineArn = module.machine.arn }
    }
    PairsAreDead = {
      description = "Pairs could not be started. The messages in the dead-letter queue tell why. ${local.page}#pairsaredead"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = module.pairs_dead.name }
      statistic   = "Maximum"
    }
    DaysAreUnplanned = {
      description = "The planner did not do its work. Its log tells why; invoke it again with the date. ${local.page}#daysareunplanned"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = module.planner_dead.name }
      statistic   = "Maximum"
    }
    SitesAreNotTold = {
      description = "Notices to sites were given up after a day. `livelist notices` tells which; the sites still pull by themselves. ${local.page}#sitesarenottold"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = module.outbox_dead.name }
      statistic   = "Maximum"
    }
    RunsAreHeld = {
      description = "A result waits for an operator. The notice tells which and why; the published list stays. ${local.page}#runsareheld"
      namespace   = local.metrics
      metric      = "RunsHeld"
    }
    # The planner counts them, once a day: what it says stays true until it is called again.
    HeadsAreOld = {
      description = "Lists are older than their schedule explains. The planner's log names the feeds. ${local.page}#headsareold"
      namespace   = local.metrics
      metric      = "OldHeads"
      statistic   = "Maximum"
      period      = 3600
      missing     = "ignore"
      enabled     = var.schedule_state == "ENABLED"
    }
    # A schedule that expired, was switched off by hand or was deleted makes no error anywhere.
    ScheduleIsSilent = {
      description = "The planner was not called for 26 hours. Is the schedule still there and enabled? ${local.page}#scheduleissilent"
      namespace   = "AWS/Lambda"
      metric      = "Invocations"
      dimensions  = { FunctionName = module.planner.name }
      period      = 3600
      periods     = 26
      comparison  = "LessThanThreshold"
      threshold   = 1
      missing     = "breaching"
      enabled     = var.schedule_state == "ENABLED"
    }
    ApiIsThrottled = {
      description = "For a quarter of an hour the API answered requests with 429. ${local.page}#apiisthrottled"
      namespace   = local.metrics
      metric      = "RequestsThrottled"
      periods     = 3
    }
    ApiLacksConcurrency = {
      description = "For a quarter of an hour Lambda turned requests to the API away. ${local.page}#apilacksconcurrency"
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = module.api.name }
      periods     = 3
    }
    PlannerFails = {
      description = "The planner failed. Lambda calls it twice more; its log tells why. ${local.page}#plannerfails"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = module.planner.name }
    }
    WorkerFails = {
      description = "For a quarter of an hour the worker failed. Its messages come again; its log tells why. ${local.page}#workerfails"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = module.worker.name }
      periods     = 3
    }
    NotifyFails = {
      description = "For a quarter of an hour the function that tells the sites failed. Its messages come again; its log tells why. ${local.page}#notifyfails"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = module.notify.name }
      periods     = 3
    }
    ApiFails = {
      description = "For a quarter of an hour the API or the dashboard answered requests with 5xx. The sites keep what they have. ${local.page}#apifails"
      namespace   = "AWS/ApiGateway"
      metric      = "5xx"
      dimensions  = { ApiId = module.http.id }
      periods     = 3
    }
    RunsAreThrottled = {
      description = "Step Functions turned starts or transitions away. They are tried again; the night ends later. ${local.page}#runsarethrottled"
      namespace   = "AWS/States"
      metric      = "ExecutionThrottled"
      dimensions  = { StateMachineArn = module.machine.arn }
    }
  }
}
