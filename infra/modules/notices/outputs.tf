output "topic_arn" {
  description = "The topic of notices."
  value       = aws_sns_topic.notices.arn
}

output "key_id" {
  description = "The key that seals tokens."
  value       = aws_kms_key.key.key_id
}

output "key_arn" {
  description = "The key's ARN, for policies."
  value       = aws_kms_key.key.arn
}
