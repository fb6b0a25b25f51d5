# The whole of Livelist, the same as template.yaml: `make lint` compares the two.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# The functions share one artifact, which looks at the handler's name. They stay apart in
# permissions, memory, timeout and concurrency.
data "archive_file" "bootstrap" {
  type        = "zip"
  source_file = var.bootstrap
  # Not beside the bootstrap: SAM takes all that is there.
  output_path      = "${path.root}/.terraform/bootstrap.zip"
  output_file_mode = "0755"
}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region

  # Written out, because the machine starts its own continuations and so has to know its ARN.
  machine_name = "${var.stack}-reconcile"
  machine_arn  = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.machine_name}"

  traced   = var.tracing == "Active"
  is_large = var.size == "large"

  artifact = {
    path         = data.archive_file.bootstrap.output_path
    hash         = data.archive_file.bootstrap.output_base64sha256
    architecture = var.architecture
  }

  environment = {
    LIVELIST_BUCKET = module.storage.name
    LIVELIST_LOG    = "info"
  }

  # Statements that several functions have.
  may = {
    read_registry = {
      sid       = "ReadRegistry"
      actions   = ["s3:GetObject"]
      resources = ["${module.storage.arn}/registry/*"]
    }
    tell_missing_from_forbidden = {
      sid       = "TellMissingFromForbidden"
      actions   = ["s3:ListBucket"]
      resources = [module.storage.arn]
    }
    hold_lease = {
      sid       = "HoldLease"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.storage.arn}/leases/*"]
    }
    keep_request_budget = {
      sid       = "RequestBudget"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${module.storage.arn}/budgets/*"]
    }
    write_run_record = {
      sid       = "RunRecords"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${module.storage.arn}/feeds/*/runs/*/run.json"]
    }
    write_run_objects = {
      sid       = "RunObjects"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"]
      resources = ["${module.storage.arn}/feeds/*/runs/*"]
    }
    open_tokens = {
      sid       = "OpenTokens"
      actions   = ["kms:Decrypt"]
      resources = [module.notices.key_arn]
      condition = { Null = { "kms:EncryptionContext:livelist:run" = "false" } }
    }
  }
}

module "storage" {
  source = "../storage"

  stack        = var.stack
  scratch_days = var.scratch_days
  retired_days = var.retired_days
}

module "notices" {
  source = "../notices"

  stack       = var.stack
  alert_email = var.alert_email
}
