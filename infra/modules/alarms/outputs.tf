output "arns" {
  description = "The alarms' ARNs, by name."
  value       = { for name in keys(var.alarms) : name => aws_cloudwatch_metric_alarm.this[name].arn }
}
