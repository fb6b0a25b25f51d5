# The one bucket: registry, lists, runs, leases.

# No versioning: what matters is immutable, and named by its content.
resource "aws_s3_bucket" "bucket" {
  # checkov:skip=CKV2_AWS_62:Nothing waits for objects; runs are started by the schedule
  # checkov:skip=CKV_AWS_18:Only the functions' roles and operators have access; who wants a trail has CloudTrail
  # checkov:skip=CKV_AWS_21:What matters is immutable, and named by its content
  # checkov:skip=CKV_AWS_144:Lists can be made anew from the MLSs
  # checkov:skip=CKV_AWS_145:S3 encrypts with its own key; lists are keys of listings, and links to them need no key
  bucket_prefix = "${var.stack}-"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "bucket" {
  bucket = aws_s3_bucket.bucket.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "bucket" {
  bucket                  = aws_s3_bucket.bucket.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_ownership_controls" "bucket" {
  bucket = aws_s3_bucket.bucket.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Only objects with one of these tags ever expire; a head and the snapshots it needs carry none.
resource "aws_s3_bucket_lifecycle_configuration" "bucket" {
  bucket = aws_s3_bucket.bucket.id

  rule {
    id     = "scratch"
    status = "Enabled"

    filter {
      tag {
        key   = "livelist"
        value = "scratch"
      }
    }

    expiration {
      days = var.scratch_days
    }
  }

  rule {
    id     = "retired"
    status = "Enabled"

    filter {
      tag {
        key   = "livelist"
        value = "retired"
      }
    }

    expiration {
      days = var.retired_days
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_policy" "bucket_policy" {
  bucket = aws_s3_bucket.bucket.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EncryptedTransportOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.bucket.arn, "${aws_s3_bucket.bucket.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  # Else the two may be put at once, and S3 refuses one of them.
  depends_on = [aws_s3_bucket_public_access_block.bucket]

  lifecycle {
    prevent_destroy = true
  }
}
