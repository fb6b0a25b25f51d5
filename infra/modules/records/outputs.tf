output "syncs_arn" {
  description = "The ARN of the planner of syncs."
  value       = module.syncs.arn
}

output "syncs_name" {
  description = "The planner of syncs."
  value       = module.syncs.name
}

output "syncs_url" {
  description = "The queue of syncs."
  value       = module.syncs_due.url
}

output "syncs_dead_url" {
  description = "Syncs that nobody could make."
  value       = module.syncs_dead.url
}

output "copies_url" {
  description = "The queue of copies."
  value       = module.copies_due.url
}

output "copies_dead_url" {
  description = "Copies with which apply ended."
  value       = module.copies_dead.url
}

output "log_groups" {
  description = "The log groups of its functions."
  value       = [module.syncs.log_group, module.pull.log_group, module.apply.log_group]
}

output "alarm_arns" {
  description = "Its alarms."
  value       = values(module.alarms.arns)
}

output "queues" {
  description = "The names of its queues."
  value = {
    syncs_due   = module.syncs_due.name
    syncs_dead  = module.syncs_dead.name
    copies_due  = module.copies_due.name
    copies_dead = module.copies_dead.name
  }
}
