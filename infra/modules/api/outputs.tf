output "id" {
  description = "The HTTP API."
  value       = aws_apigatewayv2_api.http.id
}

output "url" {
  description = "What the sites call."
  value       = aws_apigatewayv2_api.http.api_endpoint
}

output "log_group" {
  description = "The name of the access log's group."
  value       = aws_cloudwatch_log_group.http_logs.name
}
