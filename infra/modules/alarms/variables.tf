variable "stack" {
  description = "The name of the installation."
  type        = string
}

variable "topic_arn" {
  description = "Where alarms are told."
  type        = string
}

variable "filters" {
  description = "Lines of logs that are counted, by name."
  type = map(object({
    log_group = string
    pattern   = string
    namespace = string
    metric    = string
  }))
}

variable "alarms" {
  description = "The alarms, by name. Each description ends with its page."
  type = map(object({
    description = string
    namespace   = string
    metric      = string
    dimensions  = optional(map(string))
    statistic   = optional(string, "Sum")
    period      = optional(number, 300)
    periods     = optional(number, 1)
    comparison  = optional(string, "GreaterThanThreshold")
    threshold   = optional(number, 0)
    missing     = optional(string, "notBreaching")
    enabled     = optional(bool, true)
  }))
}
