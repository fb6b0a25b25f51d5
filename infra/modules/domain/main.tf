# An address of one's own for the sites' API, with its certificate: the same as infra/domain/template.yaml, `make
# lint` compares the two. It stays when the installation behind it is replaced.

locals {
  has_zone = var.hosted_zone_id != ""
}

resource "aws_acm_certificate" "certificate" {
  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
    prevent_destroy       = true
  }
}

# What CloudFormation does by itself: it proves the name, and waits until the certificate is issued.
resource "aws_route53_record" "validation" {
  count = local.has_zone ? 1 : 0

  zone_id = var.hosted_zone_id
  name    = one(aws_acm_certificate.certificate.domain_validation_options).resource_record_name
  type    = one(aws_acm_certificate.certificate.domain_validation_options).resource_record_type
  records = [one(aws_acm_certificate.certificate.domain_validation_options).resource_record_value]
  ttl     = 300
}

resource "aws_acm_certificate_validation" "certificate" {
  certificate_arn = aws_acm_certificate.certificate.arn

  depends_on = [aws_route53_record.validation]
}

resource "aws_apigatewayv2_domain_name" "domain" {
  domain_name = var.domain_name

  domain_name_configuration {
    certificate_arn = aws_acm_certificate_validation.certificate.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Not kept: an API that is mapped cannot be deleted, so the mapping goes when api_id becomes none.
resource "aws_apigatewayv2_api_mapping" "mapping" {
  count = var.api_id == "none" ? 0 : 1

  domain_name = aws_apigatewayv2_domain_name.domain.id
  api_id      = var.api_id
  stage       = "$default"
}

resource "aws_route53_record" "record" {
  count = local.has_zone ? 1 : 0

  zone_id = var.hosted_zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.domain.domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.domain.domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }

  lifecycle {
    prevent_destroy = true
  }
}
