variable "stack" {
  description = "The name of the installation."
  type        = string
}

variable "function" {
  description = "The function that answers."
  type = object({
    arn  = string
    name = string
  })
}

variable "routes" {
  description = "What is answered, as API Gateway writes it: `GET /v1/feeds`."
  type        = set(string)
}

variable "log_days" {
  description = "Days that the access log is kept."
  type        = number
}

variable "admin" {
  description = "The operators' function, and what it answers; null where there is none."
  type = object({
    arn    = string
    name   = string
    routes = set(string)
  })
  default = null
}
