# A queue.

resource "aws_sqs_queue" "this" {
  name                       = var.name
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = var.retention_seconds
  visibility_timeout_seconds = var.visibility_seconds

  redrive_policy = var.dead_letters == null ? null : jsonencode({
    deadLetterTargetArn = var.dead_letters.arn
    maxReceiveCount     = var.dead_letters.max_receivals
  })
}
