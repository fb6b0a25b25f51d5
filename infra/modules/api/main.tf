# The HTTP API, with its access log and its limits.

data "aws_region" "current" {}

resource "aws_cloudwatch_log_group" "http_logs" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts with its own key; logs hold no secrets
  # checkov:skip=CKV_AWS_338:log_days says how long; a run's record in the bucket is what lasts
  name              = "/aws/apigateway/${var.stack}"
  retention_in_days = var.log_days
}

resource "aws_apigatewayv2_api" "http" {
  name          = var.stack
  description   = "${var.stack}: live lists for the sites"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.http.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = var.function.arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  # checkov:skip=CKV_AWS_309:The function knows the sites' keys; health needs none
  for_each = var.routes

  api_id    = aws_apigatewayv2_api.http.id
  route_key = each.value
  target    = "integrations/${aws_apigatewayv2_integration.function.id}"
}

resource "aws_apigatewayv2_integration" "admin" {
  count = var.admin == null ? 0 : 1

  api_id                 = aws_apigatewayv2_api.http.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = var.admin.arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "admin" {
  # checkov:skip=CKV_AWS_309:The function knows the operators' keys
  for_each = var.admin == null ? toset([]) : var.admin.routes

  api_id    = aws_apigatewayv2_api.http.id
  route_key = each.value
  target    = "integrations/${aws_apigatewayv2_integration.admin[0].id}"
}

# `ANY` is `*` to who may invoke.
resource "aws_lambda_permission" "admin" {
  for_each = var.admin == null ? toset([]) : var.admin.routes

  action        = "lambda:InvokeFunction"
  function_name = var.admin.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.http.execution_arn}/*/${replace(replace(replace(each.value, "ANY ", "*"), " ", ""), "/{[^}]+}/", "*")}"
}

# A permission for each route: `GET /v1/feeds/{feed}/live` is `GET/v1/feeds/*/live` here.
resource "aws_lambda_permission" "this" {
  for_each = var.routes

  action        = "lambda:InvokeFunction"
  function_name = var.function.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.http.execution_arn}/*/${replace(replace(each.value, " ", ""), "/{[^}]+}/", "*")}"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.http.id
  name        = "$default"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.http_logs.arn
    format = jsonencode({
      time    = "$context.requestTime"
      request = "$context.requestId"
      route   = "$context.routeKey"
      path    = "$context.path"
      status  = "$context.status"
      bytes   = "$context.responseLength"
      millis  = "$context.responseLatency"
      source  = "$context.identity.sourceIp"
    })
  }

  default_route_settings {
    throttling_burst_limit = 200
    throttling_rate_limit  = 100
  }
}
