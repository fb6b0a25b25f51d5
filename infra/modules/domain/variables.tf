variable "domain_name" {
  description = "What the sites call, such as lists.example.org."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z][a-z-]*[a-z]$", var.domain_name))
    error_message = "A host's name in small letters."
  }
}

variable "hosted_zone_id" {
  description = "The zone of the name in Route 53. When empty, somebody else keeps the zone and makes two records by hand: that which proves the name to the certificate's issuer, and the one that leads to the API."
  type        = string
  default     = ""
}

variable "api_id" {
  description = "Whose API answers there, the output api_id of an installation in the same region; or none."
  type        = string
  default     = "none"
}
