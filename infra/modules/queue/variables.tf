variable "name" {
  description = "The queue's name."
  type        = string
}

variable "retention_seconds" {
  description = "How long a message is kept."
  type        = number
}

variable "visibility_seconds" {
  description = "How long a message that was taken is hidden from others: six times the timeout of who takes it."
  type        = number
  default     = 30
}

variable "dead_letters" {
  description = "Where messages go that were received so often and never handled; nowhere when null."
  type = object({
    arn           = string
    max_receivals = number
  })
  default = null
}
