# What the sites call.

module "api" {
  source = "../function"

  stack       = var.stack
  handler     = "api"
  description = "Serves live lists to the sites"
  artifact    = local.artifact
  memory      = 512
  # HTTP APIs wait 30 seconds at most.
  timeout              = 29
  environment          = merge(local.environment, { LIVELIST_DASHBOARD = var.admin_api == "ENABLED" ? "yes" : "no" })
  log_days             = var.log_days
  traced               = local.traced
  reserved_concurrency = local.is_large ? 100 : null

  statements = [
    local.may.tell_missing_from_forbidden,
    {
      sid     = "ReadPublished"
      actions = ["s3:GetObject"]
      resources = [
        "${module.storage.arn}/registry/*",
        "${module.storage.arn}/feeds/*/head.json",
        "${module.storage.arn}/feeds/*/held.json",
        "${module.storage.arn}/feeds/*/snapshots/*",
        "${module.storage.arn}/feeds/*/deltas/*",
        "${module.storage.arn}/feeds/*/gone/*",
      ]
    },
    {
      sid       = "KeepAcks"
      actions   = ["s3:PutObject"]
      resources = ["${module.storage.arn}/acks/*"]
    },
    {
      sid       = "NoteQuestions"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.storage.arn}/questions/*"]
    },
  ]
}

module "http" {
  source = "../api"

  stack    = var.stack
  function = { arn = module.api.arn, name = module.api.name }
  log_days = var.log_days

  admin = var.admin_api != "ENABLED" ? null : {
    arn  = module.admin[0].arn
    name = module.admin[0].name
    routes = [
      "ANY /v1/admin/{proxy+}",
      "GET /dashboard",
      "GET /dashboard/{proxy+}",
    ]
  }

  routes = [
    "GET /",
    "GET /v1/feeds",
    "GET /v1/feeds/{feed}/live",
    "GET /v1/feeds/{feed}/changes",
    "POST /v1/feeds/{feed}/check",
    "POST /v1/feeds/{feed}/acks",
    "GET /v1/openapi.json",
    "GET /v1/health",
  ]
}
