# Records, where they are replicated.

module "records" {
  source = "../records"
  count  = var.records == "ENABLED" ? 1 : 0

  stack                 = var.stack
  artifact              = local.artifact
  bootstrap_apply       = var.bootstrap_apply
  bucket_arn            = module.storage.arn
  environment           = local.environment
  metrics               = local.metrics
  topic_arn             = module.notices.topic_arn
  schedule_state        = var.schedule_state
  pairs_per_second      = var.pairs_per_second
  sync_concurrency      = var.sync_concurrency
  scan_seconds          = var.scan_seconds
  secret_prefix         = var.secret_prefix
  destination_prefix    = var.destination_prefix
  apply_subnets         = var.apply_subnets
  apply_security_groups = var.apply_security_groups
  log_days              = var.log_days
  traced                = local.traced
}
