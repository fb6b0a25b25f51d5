variable "stack" {
  description = "The name of the installation."
  type        = string
}

variable "handler" {
  description = "What the artifact is to be; the function's name ends with it."
  type        = string
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "artifact" {
  description = "The zip with the bootstrap, its hash, and what it was built for."
  type = object({
    path         = string
    hash         = string
    architecture = string
  })
}

variable "memory" {
  description = "MiB."
  type        = number
  default     = 256
}

variable "timeout" {
  description = "Seconds."
  type        = number
  default     = 60
}

variable "reserved_concurrency" {
  description = "Executions that are kept for this function, and the most it may have; none when null."
  type        = number
  default     = null
}

variable "environment" {
  description = "The function's variables."
  type        = map(string)
}

variable "statements" {
  description = "What the function may do, besides writing its log."
  type = list(object({
    sid       = string
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(string)))
  }))
}

variable "on_failure" {
  description = "For a function that is invoked asynchronously: the queue for events that could not be handled."
  type = object({
    arn             = string
    retries         = number
    max_age_seconds = number
  })
  default = null
}

variable "log_days" {
  description = "Days that the log is kept."
  type        = number
}

variable "traced" {
  description = "Whether X-Ray traces it."
  type        = bool
}

variable "writes_to_its_queue" {
  description = "Whether the function sends messages into the queue that it reads: one step deep, and no loop."
  type        = bool
  default     = false
}

variable "may_enter_network" {
  description = "Whether the function may stand in subnets."
  type        = bool
  default     = false
}

variable "subnets" {
  description = "The subnets in which it stands; outside of any network when empty."
  type        = list(string)
  default     = []
}

variable "security_groups" {
  description = "Its security groups in these subnets."
  type        = list(string)
  default     = []
}
