# What operators look at in CloudWatch. The same text as template.yaml's, which cannot read files.

resource "aws_cloudwatch_dashboard" "dashboard" {
  dashboard_name = var.stack

  dashboard_body = templatefile("${path.module}/../../dashboard.json", {
    Stack       = var.stack
    Region      = local.region
    MachineArn  = module.machine.arn
    ApiId       = module.http.id
    Pairs       = module.pairs.name
    PairsDead   = module.pairs_dead.name
    PlannerDead = module.planner_dead.name
    Outbox      = module.outbox.name
    OutboxDead  = module.outbox_dead.name
    SyncsDue    = var.records == "ENABLED" ? module.records[0].queues.syncs_due : "-"
    SyncsDead   = var.records == "ENABLED" ? module.records[0].queues.syncs_dead : "-"
    CopiesDue   = var.records == "ENABLED" ? module.records[0].queues.copies_due : "-"
    CopiesDead  = var.records == "ENABLED" ? module.records[0].queues.copies_dead : "-"
    Alarms      = join("\",\"", concat(values(module.alarms.arns), var.records == "ENABLED" ? module.records[0].alarm_arns : []))
  })
}
