variable "name" {
  description = "The state machine's name."
  type        = string
}

variable "definition" {
  description = "The definition, in the Amazon States Language."
  type        = string
}

variable "statements" {
  description = "What the machine may do, besides delivering its log."
  type = list(object({
    sid       = string
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(string)))
  }))
}

variable "log_days" {
  description = "Days that the log is kept."
  type        = number
}

variable "traced" {
  description = "Whether X-Ray traces it."
  type        = bool
}
