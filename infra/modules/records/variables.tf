variable "stack" {
  description = "The name of the installation."
  type        = string
}

variable "artifact" {
  description = "The zip of the other functions, its hash, and what both artifacts were built for."
  type = object({
    path         = string
    hash         = string
    architecture = string
  })
}

variable "bootstrap_apply" {
  description = "The artifact with the drivers of databases that `make package` builds."
  type        = string
}

variable "bucket_arn" {
  description = "The bucket."
  type        = string
}

variable "environment" {
  description = "The variables that all functions have."
  type        = map(string)
}

variable "metrics" {
  description = "The namespace of the metrics."
  type        = string
}

variable "topic_arn" {
  description = "Where alarms are told."
  type        = string
}

variable "schedule_state" {
  description = "ENABLED or DISABLED."
  type        = string
}

variable "pairs_per_second" {
  description = "So many syncs start in a second."
  type        = number
}

variable "sync_concurrency" {
  description = "Syncs at once."
  type        = number
}

variable "scan_seconds" {
  description = "Seconds that a sync, or the writing of a copy, may work."
  type        = number
}

variable "secret_prefix" {
  description = "The path of the credentials of the MLSs."
  type        = string
}

variable "destination_prefix" {
  description = "The path of the addresses of databases."
  type        = string
}

variable "apply_subnets" {
  description = "The subnets of the function apply, with commas between them; outside of any network when empty."
  type        = string
}

variable "apply_security_groups" {
  description = "Its security groups, with commas between them."
  type        = string
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "traced" {
  description = "Whether X-Ray traces the functions."
  type        = bool
}
