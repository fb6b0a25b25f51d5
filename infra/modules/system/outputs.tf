output "bucket_name" {
  description = "Where the registry goes and the lists are"
  value       = module.storage.name
}

output "pairs_url" {
  description = "The queue of pairs"
  value       = module.pairs.url
}

output "pairs_dead_url" {
  description = "Pairs that nobody could start"
  value       = module.pairs_dead.url
}

output "planner_dead_url" {
  description = "Days that could not be planned"
  value       = module.planner_dead.url
}

output "outbox_url" {
  description = "The queue of events for the sites"
  value       = module.outbox.url
}

output "outbox_dead_url" {
  description = "Notices that were given up"
  value       = module.outbox_dead.url
}

output "machine_arn" {
  description = "The state machine of a run"
  value       = module.machine.arn
}

output "notices_arn" {
  description = "The topic of notices"
  value       = module.notices.topic_arn
}

output "key_id" {
  description = "The key that seals tokens"
  value       = module.notices.key_id
}

output "planner_name" {
  description = "Invoke it with {\"date\":\"2026-11-21\"} to plan a day by hand"
  value       = module.planner.name
}

output "operator_policy_arn" {
  description = "The policy for those who use the command"
  value       = aws_iam_policy.operator_policy.arn
}

output "console_policy_arn" {
  description = "The policy for those who look at the console"
  value       = aws_iam_policy.console_policy.arn
}

output "break_glass_policy_arn" {
  description = "The policy for a restore, attached to nobody"
  value       = aws_iam_policy.break_glass_policy.arn
}

output "system_parameter" {
  description = "What the command knows of the stack"
  value       = aws_ssm_parameter.system.name
}

output "syncs_name" {
  description = "Invoke it with {\"replication\":\"abor\"} to sync a replication at once"
  value       = var.records == "ENABLED" ? module.records[0].syncs_name : null
}

output "syncs_url" {
  description = "The queue of syncs"
  value       = var.records == "ENABLED" ? module.records[0].syncs_url : null
}

output "syncs_dead_url" {
  description = "Syncs that nobody could make"
  value       = var.records == "ENABLED" ? module.records[0].syncs_dead_url : null
}

output "copies_url" {
  description = "The queue of copies"
  value       = var.records == "ENABLED" ? module.records[0].copies_url : null
}

output "copies_dead_url" {
  description = "Copies with which apply ended"
  value       = var.records == "ENABLED" ? module.records[0].copies_dead_url : null
}

output "api_id" {
  description = "The HTTP API"
  value       = module.http.id
}

output "api_url" {
  description = "What the sites call"
  value       = module.http.url
}
