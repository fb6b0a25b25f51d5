# The steps of a run, and the state machine that calls them.

module "acquire" {
  source = "../function"

  stack       = var.stack
  handler     = "acquire"
  description = "Takes the lease on a run's credential"
  artifact    = local.artifact
  environment = local.environment
  log_days    = var.log_days
  traced      = local.traced

  statements = [
    local.may.tell_missing_from_forbidden,
    {
      sid       = "HoldLease"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
      resources = ["${module.storage.arn}/leases/*"]
    },
    {
      sid       = "ReadRequestBudget"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/budgets/*"]
    },
    local.may.write_run_record,
  ]
}

module "authorize" {
  source = "../function"

  stack                = var.stack
  handler              = "authorize"
  description          = "Gets an access token and seals it for the run"
  artifact             = local.artifact
  timeout              = 120
  environment          = merge(local.environment, { LIVELIST_KEY_ID = module.notices.key_id })
  log_days             = var.log_days
  traced               = local.traced
  reserved_concurrency = local.is_large ? 100 : null

  statements = [
    local.may.tell_missing_from_forbidden,
    local.may.hold_lease,
    local.may.keep_request_budget,
    {
      sid       = "ReadWhereSecretsMayGo"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/registry/mls/*"]
    },
    {
      sid       = "ReadCredentials"
      actions   = ["ssm:GetParameter"]
      resources = ["arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${var.secret_prefix}/*"]
    },
    {
      sid       = "SealTokens"
      actions   = ["kms:Encrypt"]
      resources = [module.notices.key_arn]
      condition = { Null = { "kms:EncryptionContext:livelist:run" = "false" } }
    },
  ]
}

module "scan" {
  source = "../function"

  stack                = var.stack
  handler              = "scan"
  description          = "Reads pages of live keys"
  artifact             = local.artifact
  timeout              = 900
  log_days             = var.log_days
  traced               = local.traced
  reserved_concurrency = local.is_large ? 350 : null

  environment = merge(local.environment, {
    LIVELIST_KEY_ID       = module.notices.key_id
    LIVELIST_SCAN_SECONDS = var.scan_seconds
  })

  statements = [
    local.may.tell_missing_from_forbidden,
    local.may.hold_lease,
    local.may.keep_request_budget,
    local.may.write_run_objects,
    {
      sid     = "Marks"
      actions = ["s3:GetObject", "s3:PutObject"]
      resources = [
        "${module.storage.arn}/feeds/*/marks.json",
        "${module.storage.arn}/feeds/*/waiting.json",
      ]
    },
    {
      sid       = "FormerHead"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/feeds/*/head.json"]
    },
    local.may.open_tokens,
  ]
}

module "compare" {
  source = "../function"

  stack       = var.stack
  handler     = "compare"
  description = "Sets a scan against the former snapshot"
  artifact    = local.artifact
  memory      = 512
  timeout     = 900
  environment = local.environment
  log_days    = var.log_days
  traced      = local.traced

  statements = [
    local.may.tell_missing_from_forbidden,
    local.may.hold_lease,
    local.may.write_run_objects,
    {
      sid     = "ReadHead"
      actions = ["s3:GetObject"]
      resources = [
        "${module.storage.arn}/feeds/*/deltas/*",
        "${module.storage.arn}/feeds/*/gone/*",
        "${module.storage.arn}/feeds/*/head.json",
        "${module.storage.arn}/feeds/*/ids.txt.gz",
        "${module.storage.arn}/feeds/*/snapshots/*",
        "${module.storage.arn}/feeds/*/waiting.json",
      ]
    },
    {
      sid       = "ReadQuestions"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/questions/*"]
    },
  ]
}

module "confirm" {
  source = "../function"

  stack                = var.stack
  handler              = "confirm"
  description          = "Asks for absent keys before they are called gone"
  artifact             = local.artifact
  timeout              = 900
  log_days             = var.log_days
  traced               = local.traced
  reserved_concurrency = local.is_large ? 200 : null

  environment = merge(local.environment, {
    LIVELIST_KEY_ID       = module.notices.key_id
    LIVELIST_SCAN_SECONDS = var.scan_seconds
  })

  statements = [
    local.may.tell_missing_from_forbidden,
    local.may.hold_lease,
    local.may.keep_request_budget,
    {
      sid       = "LearnedForms"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${module.storage.arn}/forms/*"]
    },
    local.may.write_run_objects,
    {
      sid     = "ReadHeld"
      actions = ["s3:GetObject"]
      resources = [
        "${module.storage.arn}/feeds/*/held.json",
        "${module.storage.arn}/feeds/*/ids.txt.gz",
        "${module.storage.arn}/feeds/*/waiting.json",
      ]
    },
    local.may.open_tokens,
  ]
}

module "publish" {
  source = "../function"

  stack       = var.stack
  handler     = "publish"
  description = "Makes a proved result the head, or holds it"
  artifact    = local.artifact
  memory      = 512
  timeout     = 900
  environment = merge(local.environment, { LIVELIST_OUTBOX_URL = module.outbox.url })
  log_days    = var.log_days
  traced      = local.traced

  statements = [
    local.may.tell_missing_from_forbidden,
    local.may.hold_lease,
    {
      sid       = "RunObjects"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/feeds/*/runs/*"]
    },
    {
      sid       = "RunRecords"
      actions   = ["s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${module.storage.arn}/feeds/*/runs/*"]
    },
    {
      sid     = "ChangeHead"
      actions = ["s3:GetObject", "s3:PutObject"]
      resources = [
        "${module.storage.arn}/feeds/*/head.json",
        "${module.storage.arn}/feeds/*/held.json",
        "${module.storage.arn}/feeds/*/ids.txt.gz",
        "${module.storage.arn}/feeds/*/waiting.json",
      ]
    },
    {
      sid       = "KeepStamps"
      actions   = ["s3:PutObject"]
      resources = ["${module.storage.arn}/feeds/*/stamps.txt.gz"]
    },
    {
      sid       = "NoteWhatIsTold"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.storage.arn}/feeds/*/notified.json"]
    },
    {
      sid       = "TellTheSites"
      actions   = ["sqs:SendMessage"]
      resources = [module.outbox.arn]
    },
    {
      sid     = "StoreAndRetireLists"
      actions = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]
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
  ]
}

module "release" {
  source = "../function"

  stack       = var.stack
  handler     = "release"
  description = "Gives a credential back and records a failure"
  artifact    = local.artifact
  timeout     = 30
  log_days    = var.log_days
  traced      = local.traced

  environment = merge(local.environment, {
    LIVELIST_METRICS         = local.metrics
    LIVELIST_METRICS_PER_MLS = var.metrics_per_mls
  })

  statements = [
    local.may.tell_missing_from_forbidden,
    {
      sid       = "GiveLeaseBack"
      actions   = ["s3:GetObject", "s3:DeleteObject"]
      resources = ["${module.storage.arn}/leases/*"]
    },
    local.may.write_run_record,
    {
      sid       = "KeepHistory"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.storage.arn}/feeds/*/history.json"]
    },
  ]
}

module "machine" {
  source = "../machine"

  name     = local.machine_name
  log_days = var.log_days
  traced   = local.traced

  # The same file as SAM's, with the same holes. JSONata's `{% %}` is none of Terraform's business;
  # its `%{` would be, and a test sees to it that the file has none.
  definition = templatefile("${path.module}/../../../statemachines/reconcile.asl.json", {
    AcquireFunctionArn   = module.acquire.arn
    AuthorizeFunctionArn = module.authorize.arn
    ScanFunctionArn      = module.scan.arn
    CompareFunctionArn   = module.compare.arn
    ConfirmFunctionArn   = module.confirm.arn
    PublishFunctionArn   = module.publish.arn
    ReleaseFunctionArn   = module.release.arn
    NoticesTopicArn      = module.notices.topic_arn
    MachineArn           = local.machine_arn
    Partition            = local.partition
    MaxHops              = var.max_hops
  })

  statements = [
    {
      sid     = "InvokeSteps"
      actions = ["lambda:InvokeFunction"]
      resources = [
        module.acquire.arn,
        module.authorize.arn,
        module.scan.arn,
        module.compare.arn,
        module.confirm.arn,
        module.publish.arn,
        module.release.arn,
      ]
    },
    {
      sid       = "StartContinuations"
      actions   = ["states:StartExecution"]
      resources = [local.machine_arn]
    },
    {
      sid       = "PublishNotices"
      actions   = ["sns:Publish"]
      resources = [module.notices.topic_arn]
    },
    {
      sid       = "EncryptNotices"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [module.notices.key_arn]
      condition = { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = module.notices.topic_arn } }
    },
  ]
}
