# A Lambda function with its role, its log and where its failures go.

data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name = "${var.stack}-${var.handler}"
}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts with its own key; logs hold no secrets
  # checkov:skip=CKV_AWS_338:log_days says how long; a run's record in the bucket is what lasts
  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "this" {
  name = "${local.name}-${data.aws_region.current.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "lambda.amazonaws.com" }
      },
    ]
  })
}

# AWS's own: it lets a function write logs. SAM gives the same to each function.
resource "aws_iam_role_policy_attachment" "log" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

# AWS's own as well; SAM gives the same to each function that is traced.
resource "aws_iam_role_policy_attachment" "traces" {
  count = var.traced ? 1 : 0

  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AWSXrayWriteOnlyAccess"
}

# AWS's own as well; SAM gives the same to each function that may stand in a network of one's own.
resource "aws_iam_role_policy_attachment" "network" {
  count = var.may_enter_network ? 1 : 0

  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role_policy" "this" {
  name = "this"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in var.statements : {
        for key, value in {
          Sid       = statement.sid
          Effect    = "Allow"
          Action    = statement.actions
          Resource  = statement.resources
          Condition = statement.condition
        } : key => value if value != null
      }
    ]
  })
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_50:Tracing is an option, tracing; a run has its record and its execution
  # checkov:skip=CKV_AWS_116:Only the planner is invoked asynchronously, and has a destination for failures
  # checkov:skip=CKV_AWS_117:Functions call MLSs on the internet and AWS by TLS; the one that calls databases has subnets where somebody gives them
  # checkov:skip=CKV_AWS_173:Variables are names, addresses and numbers; Lambda encrypts them with its own key
  # checkov:skip=CKV_AWS_272:The artifact is built by who deploys it
  function_name                  = local.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  runtime                        = "provided.al2023"
  architectures                  = [var.artifact.architecture]
  handler                        = var.handler
  filename                       = var.artifact.path
  source_code_hash               = var.artifact.hash
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = var.environment
  }

  # Without subnets it stands in no network of one's own.
  vpc_config {
    subnet_ids         = var.subnets
    security_group_ids = var.security_groups
  }

  tracing_config {
    mode = var.traced ? "Active" : "PassThrough"
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  # Its permissions are there before its first event.
  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy_attachment.log, aws_iam_role_policy_attachment.network]
}

resource "aws_iam_role_policy" "on_failure" {
  count = var.on_failure == null ? 0 : 1

  name = "on-failure"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = var.on_failure.arn
      },
    ]
  })
}

# Lambda ends what it takes for a loop: a function that writes into the queue that it reads.
resource "aws_lambda_function_recursion_config" "this" {
  count = var.writes_to_its_queue ? 1 : 0

  function_name  = aws_lambda_function.this.function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.on_failure == null ? 0 : 1

  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = var.on_failure.retries
  maximum_event_age_in_seconds = var.on_failure.max_age_seconds

  destination_config {
    on_failure {
      destination = var.on_failure.arn
    }
  }

  # Lambda looks whether the role may send there.
  depends_on = [aws_iam_role_policy.on_failure]
}
