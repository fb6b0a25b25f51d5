# A schedule that invokes a function, with its role.

data "aws_region" "current" {}

resource "aws_iam_role" "this" {
  name = "${var.name}-${data.aws_region.current.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "scheduler.amazonaws.com" }
      },
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "this"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = var.function_arn
      },
      {
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = var.dead_letters_arn
      },
    ]
  })
}

resource "aws_scheduler_schedule" "this" {
  # checkov:skip=CKV_AWS_297:The event is a time
  name                         = var.name
  description                  = var.description
  schedule_expression          = var.expression
  schedule_expression_timezone = "UTC"
  state                        = var.state

  flexible_time_window {
    mode                      = var.window.mode
    maximum_window_in_minutes = var.window.minutes
  }

  target {
    arn      = var.function_arn
    role_arn = aws_iam_role.this.arn
    input    = var.input

    retry_policy {
      maximum_event_age_in_seconds = var.retries.max_age_seconds
      maximum_retry_attempts       = var.retries.attempts
    }

    dead_letter_config {
      arn = var.dead_letters_arn
    }
  }

  # Its permissions are there before it fires.
  depends_on = [aws_iam_role_policy.this]
}
