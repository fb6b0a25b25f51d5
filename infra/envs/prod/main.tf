# An example: copy the folder for an installation of your own.

terraform {
  required_version = ">= 1.10"

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # The bucket and its region come from `make plan STATE_BUCKET=… STATE_REGION=…`.
  backend "s3" {
    key          = "livelist/prod.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  # A plan for the wrong account ends here.
  allowed_account_ids = [var.account]

  default_tags {
    tags = { application = "livelist", environment = "prod" }
  }
}

variable "account" {
  description = "The AWS account that this installation lives in."
  type        = string
}

variable "region" {
  description = "The AWS region that this installation lives in."
  type        = string
}

variable "alert_email" {
  description = "Who is told of failed and held runs."
  type        = string
  default     = ""
}

variable "architecture" {
  description = "What `make package` built the artifact for."
  type        = string
  default     = "arm64"
}

module "livelist" {
  source = "../../modules/system"

  stack        = "livelist-prod"
  bootstrap    = "${path.root}/../../../build/lambda/bootstrap"
  architecture = var.architecture
  alert_email  = var.alert_email

  # With `records = "ENABLED"` records are replicated: docs/replication.md.
  bootstrap_apply = "${path.root}/../../../build/lambda-apply/bootstrap"

  # Needs a quota of 1,000 concurrent executions: docs/deploy.md.
  size = "large"

  worker_concurrency = 10
  log_days           = 90
}
