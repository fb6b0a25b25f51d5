variable "stack" {
  description = "The name of the installation; the bucket's name begins with it."
  type        = string
}

variable "scratch_days" {
  description = "Days that the parts and records of a run are kept, counted from their creation."
  type        = number
}

variable "retired_days" {
  description = "Days that lists no head needs any more are kept, counted from their creation."
  type        = number
}
