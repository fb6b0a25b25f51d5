# The same settings as the parameters of template.yaml, under the same names in snake case.

variable "stack" {
  description = "The name of the installation. The names of functions, queues and roles begin with it."
  type        = string
  default     = "livelist"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,31}$", var.stack))
    error_message = "Up to 32 of a-z, 0-9 and -; a letter first."
  }
}

variable "bootstrap" {
  description = "The artifact that `make package` builds."
  type        = string
}

variable "bootstrap_apply" {
  description = "The artifact with the drivers of databases that `make package` builds; needed where records are replicated."
  type        = string
  default     = ""
}

variable "schedule_expression" {
  description = "When the planner runs. A run is named by its UTC date, so once a day is enough."
  type        = string
  default     = "cron(0 4 * * ? *)"
}

variable "schedule_state" {
  description = "Whether the schedule fires."
  type        = string
  default     = "ENABLED"

  validation {
    condition     = contains(["ENABLED", "DISABLED"], var.schedule_state)
    error_message = "ENABLED or DISABLED."
  }
}

variable "alert_email" {
  description = "Who is told of failed and held runs, by e-mail; nobody when empty."
  type        = string
  default     = ""
}

variable "secret_prefix" {
  description = "SSM parameters (SecureString) below this path are the credentials that `ssm:` references in the registry may name. No other parameter can be read."
  type        = string
  default     = "/livelist/mls"

  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]*[A-Za-z0-9_.-]$", var.secret_prefix))
    error_message = "A path that begins with / and does not end with one."
  }
}

variable "notify_prefix" {
  description = "SSM parameters (SecureString) below this path are the secrets that `notify.credential` of a client may name. No other parameter signs notices."
  type        = string
  default     = "/livelist/notify"

  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]*[A-Za-z0-9_.-]$", var.notify_prefix))
    error_message = "A path that begins with / and does not end with one."
  }
}

variable "notify_loopback" {
  description = "Whether notices may go to loopback addresses, over http as well. For the local stack."
  type        = string
  default     = "no"

  validation {
    condition     = contains(["yes", "no"], var.notify_loopback)
    error_message = "Say yes or no."
  }
}

variable "architecture" {
  description = "What the artifact was built for."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "scan_seconds" {
  description = "A scan or confirm task hands on after so many seconds; the rest of its 900 is for the requests still under way."
  type        = number
  default     = 600

  validation {
    condition     = var.scan_seconds >= 5 && var.scan_seconds <= 780
    error_message = "From 5 to 780."
  }
}

variable "max_hops" {
  description = "An execution hands over to a continuation after so many tasks, to stay below the 25,000 history events that Step Functions allows."
  type        = number
  default     = 1200

  validation {
    condition     = var.max_hops >= 10 && var.max_hops <= 1500
    error_message = "From 10 to 1500."
  }
}

variable "pairs_per_second" {
  description = "The planner lets so many pairs start in a second, spread over 15 minutes at most: SSM answers 40 GetParameter a second, and each run that starts needs one."
  type        = number
  default     = 20

  validation {
    condition     = var.pairs_per_second >= 1 && var.pairs_per_second <= 1000
    error_message = "From 1 to 1000."
  }
}

variable "worker_concurrency" {
  description = "Workers that take pairs from the queue at once."
  type        = number
  default     = 5

  validation {
    condition     = var.worker_concurrency >= 2 && var.worker_concurrency <= 100
    error_message = "From 2 to 100."
  }
}

variable "size" {
  description = "small reserves no concurrent executions, which every account allows. large reserves 100 for the sites' API and caps scan (350), confirm (200) and authorize (100), so that a night cannot starve the sites; 1 for the planner and worker_concurrency for the worker. It needs a quota of 1,000."
  type        = string
  default     = "small"

  validation {
    condition     = contains(["small", "large"], var.size)
    error_message = "small or large."
  }
}

variable "scratch_days" {
  description = "Days that the parts and records of a run are kept, counted from their creation."
  type        = number
  default     = 30

  validation {
    condition     = var.scratch_days >= 2
    error_message = "At least 2."
  }
}

variable "retired_days" {
  description = "Days that snapshots and deltas no head needs any more are kept, counted from their creation."
  type        = number
  default     = 30

  validation {
    condition     = var.retired_days >= 2
    error_message = "At least 2."
  }
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.log_days)
    error_message = "CloudWatch keeps logs for certain numbers of days only, such as 7, 30 or 365."
  }
}

variable "metrics_per_mls" {
  description = "Whether some metrics are kept for each MLS, besides the totals. Each costs."
  type        = string
  default     = "no"

  validation {
    condition     = contains(["yes", "no"], var.metrics_per_mls)
    error_message = "Say yes or no."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces the functions and the state machine."
  type        = string
  default     = "Disabled"

  validation {
    condition     = contains(["Active", "Disabled"], var.tracing)
    error_message = "Active or Disabled."
  }
}

variable "admin_api" {
  description = "Whether the HTTP API has the operators' dashboard and what it asks."
  type        = string
  default     = "DISABLED"

  validation {
    condition     = contains(["ENABLED", "DISABLED"], var.admin_api)
    error_message = "ENABLED or DISABLED."
  }
}

variable "records" {
  description = "Whether records are replicated. Without it there is nothing of it in the stack."
  type        = string
  default     = "DISABLED"

  validation {
    condition     = contains(["ENABLED", "DISABLED"], var.records)
    error_message = "ENABLED or DISABLED."
  }
}

variable "destination_prefix" {
  description = "SSM parameters (SecureString) below this path are the addresses of databases that `url` of a destination may name. Only the function apply reads them, and it reads no others."
  type        = string
  default     = "/livelist/destinations"

  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]*[A-Za-z0-9_.-]$", var.destination_prefix))
    error_message = "A path that begins with / and does not end with one."
  }
}

variable "sync_concurrency" {
  description = "Syncs at once."
  type        = number
  default     = 20

  validation {
    condition     = var.sync_concurrency >= 2 && var.sync_concurrency <= 500
    error_message = "From 2 to 500."
  }
}

variable "apply_subnets" {
  description = "The subnets in which the function apply stands, with commas between them; outside of any network when empty. They need a way to S3 (a gateway endpoint) and to SSM (an interface endpoint or a NAT)."
  type        = string
  default     = ""
}

variable "apply_security_groups" {
  description = "The security groups of the function apply in its subnets, with commas between them."
  type        = string
  default     = ""
}
