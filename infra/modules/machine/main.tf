# A state machine with its role and its log.

data "aws_region" "current" {}

# Under this name Step Functions needs no growing resource policy.
resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts with its own key; logs hold no secrets
  # checkov:skip=CKV_AWS_338:log_days says how long; a run's record in the bucket is what lasts
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "this" {
  name = "${var.name}-${data.aws_region.current.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "states.amazonaws.com" }
      },
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "this"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        for statement in var.statements : {
          for key, value in {
            Sid       = statement.sid
            Effect    = "Allow"
            Action    = statement.actions
            Resource  = statement.resources
            Condition = statement.condition
          } : key => value if value != null
        }
      ],
      [
        # Log delivery knows no narrower resource.
        {
          Sid    = "DeliverLogs"
          Effect = "Allow"
          Action = [
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
          ]
          Resource = "*"
        },
      ],
      # X-Ray knows no resource here.
      var.traced ? [
        {
          Sid    = "SendTraces"
          Effect = "Allow"
          Action = [
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
          ]
          Resource = "*"
        },
      ] : [],
    )
  })
}

resource "aws_sfn_state_machine" "this" {
  # checkov:skip=CKV_AWS_284:Tracing is an option, traced; a run has its record and its execution
  # checkov:skip=CKV_AWS_285:Errors are logged, without payloads; those stay in the execution history
  name       = var.name
  type       = "STANDARD"
  role_arn   = aws_iam_role.this.arn
  definition = var.definition

  tracing_configuration {
    enabled = var.traced
  }

  # Names and times only: payloads stay in the execution history.
  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
  }

  # Step Functions looks whether the role may deliver logs.
  depends_on = [aws_iam_role_policy.this]
}
