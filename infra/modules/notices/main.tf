# The topic of notices, and the key that encrypts them.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region
  # Written out, because the key's policy names the topic and the topic names the key.
  topic_name = "${var.stack}-notices"
  topic_arn  = "arn:${local.partition}:sns:${local.region}:${local.account}:${local.topic_name}"
}

# Seals tokens on their way through the state machine, and encrypts the notices. Its users are told
# apart by the encryption context: a run for a token, the topic for a notice.
resource "aws_kms_key" "key" {
  description         = "${var.stack}: access tokens in payloads, and notices"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PermissionsComeFromIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "AlarmsPublishNotices"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = {
          StringEquals = {
            "aws:SourceAccount"                      = local.account
            "kms:EncryptionContext:aws:sns:topicArn" = local.topic_arn
          }
        }
      },
    ]
  })
}

resource "aws_sns_topic" "notices" {
  name              = local.topic_name
  kms_master_key_id = aws_kms_key.key.key_id
}

resource "aws_sns_topic_subscription" "notices_by_email" {
  count = var.alert_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.notices.arn
  protocol  = "email"
  endpoint  = var.alert_email
}
