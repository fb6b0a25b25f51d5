"""Which resource of CloudFormation is which of Terraform, and which property is which argument. One
entry a kind; `sam.py` and `terraform_facts.py` read it. A property that no entry knows keeps its own
name and so shows as a difference: nothing is left out in silence.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """`settings` leads from the paths of properties to the paths of arguments; a path ending in a dot
    stands for all below it. `name` is where the name is told, or nothing if it is the logical id."""

    kind: str
    cloudformation: str
    terraform: str
    settings: dict[str, str]
    name: tuple[str, str] | None = None
    # Left out, because the other description has no place for it; each for a reason told beside it.
    not_in_terraform: set[str] = field(default_factory=set)
    not_in_sam: set[str] = field(default_factory=set)
    # What it is when nobody says.
    defaults: dict[str, str] = field(default_factory=dict)
    # JSON in a text.
    documents: set[str] = field(default_factory=set)


# SAM's mark on what it made.
TAGS = {"Tags"}

KINDS = [
    Kind(
        "function",
        "AWS::Lambda::Function",
        "aws_lambda_function",
        {
            "Description": "description",
            "Handler": "handler",
            "MemorySize": "memory_size",
            "Runtime": "runtime",
            "Timeout": "timeout",
            "Architectures": "architectures",
            "ReservedConcurrentExecutions": "reserved_concurrent_executions",
            "RecursiveLoop": "recursive_loop",
            "Environment.Variables.": "environment.variables.",
            "TracingConfig.Mode": "tracing_config.mode",
            "VpcConfig.SubnetIds": "vpc_config.subnet_ids",
            "VpcConfig.SecurityGroupIds": "vpc_config.security_group_ids",
            "LoggingConfig.LogFormat": "logging_config.log_format",
            "LoggingConfig.LogGroup": "logging_config.log_group",
        },
        name=("FunctionName", "function_name"),
        # The artifact: `compare.py` looks at its path. The role: its grants are compared.
        not_in_terraform={"Code", "Role"} | TAGS,
        not_in_sam={"filename", "source_code_hash", "role"},
        defaults={"tracing_config.mode": "PassThrough"},
    ),
    Kind(
        "asynchronous invocation",
        "AWS::Lambda::EventInvokeConfig",
        "aws_lambda_function_event_invoke_config",
        {
            "MaximumRetryAttempts": "maximum_retry_attempts",
            "MaximumEventAgeInSeconds": "maximum_event_age_in_seconds",
            "DestinationConfig.OnFailure.Destination": "destination_config.on_failure.destination",
            "Qualifier": "qualifier",
        },
        name=("FunctionName", "function_name"),
        defaults={"qualifier": "$LATEST"},
    ),
    Kind(
        "trigger",
        "AWS::Lambda::EventSourceMapping",
        "aws_lambda_event_source_mapping",
        {
            "EventSourceArn": "event_source_arn",
            "FunctionName": "function_name",
            "BatchSize": "batch_size",
            "FunctionResponseTypes": "function_response_types",
            "ScalingConfig.MaximumConcurrency": "scaling_config.maximum_concurrency",
            "MaximumBatchingWindowInSeconds": "maximum_batching_window_in_seconds",
        },
    ),
    Kind(
        "permission to invoke",
        "AWS::Lambda::Permission",
        "aws_lambda_permission",
        {"Action": "action", "FunctionName": "function_name", "Principal": "principal"},
        name=("SourceArn", "source_arn"),
    ),
    Kind(
        "queue",
        "AWS::SQS::Queue",
        "aws_sqs_queue",
        {
            "SqsManagedSseEnabled": "sqs_managed_sse_enabled",
            "MessageRetentionPeriod": "message_retention_seconds",
            "VisibilityTimeout": "visibility_timeout_seconds",
            "RedrivePolicy.": "redrive_policy.",
        },
        # CloudFormation makes up the name.
        not_in_sam={"name"},
        defaults={"visibility_timeout_seconds": "30"},
        documents={"redrive_policy"},
    ),
    Kind(
        "schedule",
        "AWS::Scheduler::Schedule",
        "aws_scheduler_schedule",
        {
            "Description": "description",
            "ScheduleExpression": "schedule_expression",
            "ScheduleExpressionTimezone": "schedule_expression_timezone",
            "State": "state",
            "FlexibleTimeWindow.Mode": "flexible_time_window.mode",
            "FlexibleTimeWindow.MaximumWindowInMinutes": "flexible_time_window.maximum_window_in_minutes",
            "Target.Arn": "target.arn",
            "Target.Input": "target.input",
            "Target.DeadLetterConfig.Arn": "target.dead_letter_config.arn",
            "Target.RetryPolicy.MaximumEventAgeInSeconds": "target.retry_policy.maximum_event_age_in_seconds",
            "Target.RetryPolicy.MaximumRetryAttempts": "target.retry_policy.maximum_retry_attempts",
        },
        name=("Name", "name"),
        # The role: its grants are compared.
        not_in_terraform={"Target.RoleArn"},
        not_in_sam={"target.role_arn"},
    ),
    Kind(
        "state machine",
        "AWS::StepFunctions::StateMachine",
        "aws_sfn_state_machine",
        {
            "StateMachineType": "type",
            "Definition.": "definition.",
            "TracingConfiguration.Enabled": "tracing_configuration.enabled",
            "LoggingConfiguration.Level": "logging_configuration.level",
            "LoggingConfiguration.IncludeExecutionData": "logging_configuration.include_execution_data",
            "LoggingConfiguration.Destinations.CloudWatchLogsLogGroup.LogGroupArn": "logging_configuration.log_destination",
        },
        name=("StateMachineName", "name"),
        # `sam.py` fills the definition, as CloudFormation does. The role: its grants are compared.
        not_in_terraform={"DefinitionS3Location", "DefinitionSubstitutions", "RoleArn"} | TAGS,
        not_in_sam={"role_arn"},
        documents={"definition"},
    ),
    Kind(
        "topic",
        "AWS::SNS::Topic",
        "aws_sns_topic",
        {"KmsMasterKeyId": "kms_master_key_id"},
        name=("TopicName", "name"),
    ),
    Kind(
        "subscription",
        "AWS::SNS::Subscription",
        "aws_sns_topic_subscription",
        {"TopicArn": "topic_arn", "Protocol": "protocol", "Endpoint": "endpoint"},
    ),
    Kind(
        "key",
        "AWS::KMS::Key",
        "aws_kms_key",
        {"Description": "description", "EnableKeyRotation": "enable_key_rotation"},
        # Statement by statement among the grants.
        not_in_terraform={"KeyPolicy"},
        not_in_sam={"policy"},
    ),
    Kind(
        "log group",
        "AWS::Logs::LogGroup",
        "aws_cloudwatch_log_group",
        {"RetentionInDays": "retention_in_days", "KmsKeyId": "kms_key_id"},
        name=("LogGroupName", "name"),
    ),
    Kind(
        "counted log lines",
        "AWS::Logs::MetricFilter",
        "aws_cloudwatch_log_metric_filter",
        {
            "LogGroupName": "log_group_name",
            "FilterPattern": "pattern",
            "MetricTransformations.MetricNamespace": "metric_transformation.namespace",
            "MetricTransformations.MetricName": "metric_transformation.name",
            "MetricTransformations.MetricValue": "metric_transformation.value",
        },
        # CloudFormation makes up the name.
        not_in_sam={"name"},
    ),
    Kind(
        "alarm",
        "AWS::CloudWatch::Alarm",
        "aws_cloudwatch_metric_alarm",
        {
            "AlarmDescription": "alarm_description",
            "Namespace": "namespace",
            "MetricName": "metric_name",
            "Dimensions.": "dimensions.",
            "Statistic": "statistic",
            "Period": "period",
            "EvaluationPeriods": "evaluation_periods",
            "DatapointsToAlarm": "datapoints_to_alarm",
            "Threshold": "threshold",
            "ComparisonOperator": "comparison_operator",
            "TreatMissingData": "treat_missing_data",
            "ActionsEnabled": "actions_enabled",
            "AlarmActions": "alarm_actions",
        },
        # CloudFormation makes up the name.
        not_in_sam={"alarm_name"},
        defaults={"actions_enabled": "true"},
    ),
    Kind(
        "dashboard",
        "AWS::CloudWatch::Dashboard",
        "aws_cloudwatch_dashboard",
        {"DashboardBody.": "dashboard_body."},
        name=("DashboardName", "dashboard_name"),
        documents={"DashboardBody", "dashboard_body"},
    ),
    Kind(
        "SSM parameter",
        "AWS::SSM::Parameter",
        "aws_ssm_parameter",
        {"Type": "type", "Description": "description", "Value.": "value."},
        name=("Name", "name"),
        documents={"Value", "value"},
    ),
    Kind(
        "API",
        "AWS::ApiGatewayV2::Api",
        "aws_apigatewayv2_api",
        {"Name": "name", "Description": "description", "ProtocolType": "protocol_type"},
        # `sam.py` makes routes of the body; the other is about reading the body.
        not_in_terraform={"Body", "FailOnWarnings"},
    ),
    Kind(
        "route",
        "(a route in the body of an API)",
        "(a route with its integration)",
        {},
    ),
    Kind(
        "API stage",
        "AWS::ApiGatewayV2::Stage",
        "aws_apigatewayv2_stage",
        {
            "ApiId": "api_id",
            "AutoDeploy": "auto_deploy",
            "AccessLogSettings.DestinationArn": "access_log_settings.destination_arn",
            "AccessLogSettings.Format.": "access_log_settings.format.",
            "DefaultRouteSettings.ThrottlingBurstLimit": "default_route_settings.throttling_burst_limit",
            "DefaultRouteSettings.ThrottlingRateLimit": "default_route_settings.throttling_rate_limit",
        },
        name=("StageName", "name"),
        not_in_terraform=TAGS,
        documents={"AccessLogSettings.Format", "access_log_settings.format"},
    ),
    Kind(
        "certificate",
        "AWS::CertificateManager::Certificate",
        "aws_acm_certificate",
        {
            "DeletionPolicy": "kept",
            "DomainName": "domain_name",
            "ValidationMethod": "validation_method",
            "DomainValidationOptions.HostedZoneId": "validation_zone",
        },
        # The one name that the certificate is for.
        not_in_terraform={"DomainValidationOptions.DomainName"},
    ),
    Kind(
        "address",
        "AWS::ApiGatewayV2::DomainName",
        "aws_apigatewayv2_domain_name",
        {
            "DeletionPolicy": "kept",
            "DomainName": "domain_name",
            "DomainNameConfigurations.CertificateArn": "domain_name_configuration.certificate_arn",
            "DomainNameConfigurations.EndpointType": "domain_name_configuration.endpoint_type",
            "DomainNameConfigurations.SecurityPolicy": "domain_name_configuration.security_policy",
        },
    ),
    Kind(
        "mapping",
        "AWS::ApiGatewayV2::ApiMapping",
        "aws_apigatewayv2_api_mapping",
        {"DomainName": "domain_name", "ApiId": "api_id", "Stage": "stage"},
    ),
    Kind(
        "DNS record",
        "AWS::Route53::RecordSet",
        "aws_route53_record",
        {
            "DeletionPolicy": "kept",
            "HostedZoneId": "zone_id",
            "Name": "name",
            "Type": "type",
            "AliasTarget.DNSName": "alias.name",
            "AliasTarget.HostedZoneId": "alias.zone_id",
            "AliasTarget.EvaluateTargetHealth": "alias.evaluate_target_health",
        },
    ),
    Kind(
        "bucket",
        "AWS::S3::Bucket",
        "aws_s3_bucket",
        {
            "DeletionPolicy": "kept",
            "BucketEncryption.ServerSideEncryptionConfiguration.ServerSideEncryptionByDefault.SSEAlgorithm": "encryption.rule.apply_server_side_encryption_by_default.sse_algorithm",
            "PublicAccessBlockConfiguration.BlockPublicAcls": "public_access.block_public_acls",
            "PublicAccessBlockConfiguration.BlockPublicPolicy": "public_access.block_public_policy",
            "PublicAccessBlockConfiguration.IgnorePublicAcls": "public_access.ignore_public_acls",
            "PublicAccessBlockConfiguration.RestrictPublicBuckets": "public_access.restrict_public_buckets",
            "OwnershipControls.Rules.ObjectOwnership": "ownership.rule.object_ownership",
            "VersioningConfiguration.Status": "versioning.versioning_configuration.status",
            "LifecycleConfiguration.Rules[].Status": "lifecycle.rule[].status",
            "LifecycleConfiguration.Rules[].TagFilters.Key": "lifecycle.rule[].filter.tag.key",
            "LifecycleConfiguration.Rules[].TagFilters.Value": "lifecycle.rule[].filter.tag.value",
            "LifecycleConfiguration.Rules[].ExpirationInDays": "lifecycle.rule[].expiration.days",
            "LifecycleConfiguration.Rules[].Prefix": "lifecycle.rule[].filter.prefix",
            "LifecycleConfiguration.Rules[].NoncurrentVersionExpiration.NoncurrentDays": "lifecycle.rule[].noncurrent_version_expiration.noncurrent_days",
            "LifecycleConfiguration.Rules[].ExpiredObjectDeleteMarker": "lifecycle.rule[].expiration.expired_object_delete_marker",
            "LifecycleConfiguration.Rules[].AbortIncompleteMultipartUpload.DaysAfterInitiation": "lifecycle.rule[].abort_incomplete_multipart_upload.days_after_initiation",
        },
        # CloudFormation makes up the name.
        not_in_sam={"bucket_prefix"},
    ),
]

# Parts of a bucket that are resources of their own in Terraform, as parts of it.
BUCKET_PARTS = {
    "aws_s3_bucket_server_side_encryption_configuration": "encryption",
    "aws_s3_bucket_public_access_block": "public_access",
    "aws_s3_bucket_ownership_controls": "ownership",
    "aws_s3_bucket_versioning": "versioning",
    "aws_s3_bucket_lifecycle_configuration": "lifecycle",
}

BY_CLOUDFORMATION = {kind.cloudformation: kind for kind in KINDS}
BY_TERRAFORM = {kind.terraform: kind for kind in KINDS}
