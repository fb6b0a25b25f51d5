output "url" {
  description = "What the sites call"
  value       = "https://${var.domain_name}"
}

output "target" {
  description = "Where a CNAME of the name has to lead, if Route 53 does not keep its zone"
  value       = aws_apigatewayv2_domain_name.domain.domain_name_configuration[0].target_domain_name
}
