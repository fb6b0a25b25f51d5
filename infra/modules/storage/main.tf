# The one bucket: registry, lists, runs, leases.

resource "aws_s3_bucket" "bucket" {
  # checkov:skip=CKV2_AWS_62:Nothing waits for objects; runs are started by the schedule
  # checkov:skip=CKV_AWS_18:Only the functions' roles and operators have access; who wants a trail has CloudTrail
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

# The registry, heads, histories and pauses cannot be made again: an overwritten or deleted one can be
# restored from its former versions (docs/restore.md).
resource "aws_s3_bucket_versioning" "bucket" {
  bucket = aws_s3_bucket.bucket.id

  versioning_configuration {
    status = "Enabled"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Only current versions with one of the two tags ever expire; a head and the snapshots it needs carry
# none. Former versions are kept for 90 days, or for one day where the system makes the object again:
# where two rules apply, S3 takes the shorter time.
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

    noncurrent_version_expiration {
      noncurrent_days = 1
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
    id     = "former-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    # Delete markers that hide nothing any more. S3 allows this in no rule with a tag or with days.
    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "acks"
    status = "Enabled"

    filter {
      prefix = "acks/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "budgets"
    status = "Enabled"

    filter {
      prefix = "budgets/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "forms"
    status = "Enabled"

    filter {
      prefix = "forms/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "leases"
    status = "Enabled"

    filter {
      prefix = "leases/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "notices"
    status = "Enabled"

    filter {
      prefix = "notices/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "questions"
    status = "Enabled"

    filter {
      prefix = "questions/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "status"
    status = "Enabled"

    filter {
      prefix = "status.json.gz"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
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

  # Rules about former versions belong to a bucket that has them.
  depends_on = [aws_s3_bucket_versioning.bucket]

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
