# An example: an address of one's own for the API of an installation, with a state of its own.

terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # The bucket and its region come from `make plan STATE_BUCKET=… STATE_REGION=…`.
  backend "s3" {
    key          = "livelist/domain.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  # A plan for the wrong account ends here.
  allowed_account_ids = [var.account]

  default_tags {
    tags = { application = "livelist", environment = "domain" }
  }
}

variable "account" {
  description = "The AWS account that the installation lives in."
  type        = string
}

variable "region" {
  description = "The AWS region that the installation lives in."
  type        = string
}

variable "domain_name" {
  description = "What the sites call."
  type        = string
}

variable "hosted_zone_id" {
  description = "The zone of the name in Route 53; empty if it is kept elsewhere."
  type        = string
  default     = ""
}

variable "api_id" {
  description = "The output api_id of the installation; none before there is one."
  type        = string
  default     = "none"
}

module "domain" {
  source = "../../modules/domain"

  domain_name    = var.domain_name
  hosted_zone_id = var.hosted_zone_id
  api_id         = var.api_id
}
