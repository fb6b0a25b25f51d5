variable "name" {
  description = "The schedule's name."
  type        = string
}

variable "description" {
  description = "What is scheduled."
  type        = string
}

variable "expression" {
  description = "When, in UTC: a cron or rate expression."
  type        = string
}

variable "state" {
  description = "ENABLED or DISABLED."
  type        = string
}

variable "function_arn" {
  description = "What is invoked."
  type        = string
}

variable "input" {
  description = "The event, as JSON."
  type        = string
}

variable "dead_letters_arn" {
  description = "The queue for events that could not be delivered."
  type        = string
}

variable "window" {
  description = "FLEXIBLE, and within how many minutes it fires; or OFF."
  type = object({
    mode    = string
    minutes = number
  })
  default = { mode = "FLEXIBLE", minutes = 15 }
}

variable "retries" {
  description = "How often and how long a call that fails is tried again."
  type = object({
    max_age_seconds = number
    attempts        = number
  })
  default = { max_age_seconds = 21600, attempts = 20 }
}
