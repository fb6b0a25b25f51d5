variable "stack" {
  description = "The name of the installation."
  type        = string
}

variable "alert_email" {
  description = "Who is told of failed and held runs, by e-mail; nobody when empty."
  type        = string
}
