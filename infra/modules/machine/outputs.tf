output "log_group" {
  description = "The name of the log's group."
  value       = aws_cloudwatch_log_group.this.name
}

output "arn" {
  description = "The state machine's ARN."
  value       = aws_sfn_state_machine.this.arn
}
