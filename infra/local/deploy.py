"""Deploys the project's SAM template, as it is, into an AWS emulator on this machine.

What `sam deploy` does on AWS, done offline: uploads the artifact and the state machine's
definition, has the SAM translator make plain CloudFormation of the template, and creates or updates
the stack. Where the emulator differs from AWS, the plain CloudFormation is adapted:

- it makes no routes of an HTTP API's OpenAPI body: the body is taken apart into the resources that
  AWS would derive from it;
- it leaves parameters of type Number as text, where CloudFormation makes numbers of them;
- it asks for a permission `sqs:SendMessageBatch`, which AWS does not know, for `sqs:SendMessage`
  covers batches: here both are given;
- it looks for `logs:StartQuery` on a log group's ARN without the `:*` that AWS wants at its end: here
  both are given;
- it knows no encryption contexts in conditions: those are left out, the rest of the policy stays;
- it speaks plain HTTP on loopback, and enforces policies: the bucket's own policy, which refuses
  everything but TLS, is left out.
"""

import hashlib
import io
import json
import logging
import os
import time
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# It warns of metrics that nobody collects here.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ARTIFACTS = "livelist-artifacts"
# As API Gateway's extension of OpenAPI writes `ANY`.
ANY_METHOD = "x-amazon-apigateway-any-method"
# The emulator takes any credentials; these keep boto3 from looking for real ones.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class DeployError(Exception):
    """The stack could not be created or updated; the message says which resources failed."""


def client(service: str, endpoint: str):
    """A client of the emulator. Refuses any other place: nothing here may ever reach real AWS."""
    if not endpoint.startswith(("http://127.0.0.1:", "http://localhost:")):
        raise DeployError(f"{endpoint} is not on this machine")
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=CREDENTIALS["AWS_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def deploy(
    template: Path,
    stack: str,
    endpoint: str,
    parameters: dict[str, str],
    artifact: Path | None = None,
) -> dict[str, str]:
    """Creates or updates `stack` and gives its outputs. `artifact` stands in for the folder that
    the template takes the functions' code from."""
    os.environ.update(CREDENTIALS)
    document = yaml_parse(template.read_text())
    if artifact:
        document["Globals"]["Function"]["CodeUri"] = str(artifact.resolve())
        for resource in document["Resources"].values():
            resource["Properties"].pop("CodeUri", None)
    _upload(document, template.parent, client("s3", endpoint))
    plain = transform(document, dict(parameters), _ManagedPolicies())
    _expand_http_apis(plain["Resources"])
    _number_parameters(plain, parameters)
    _adapt_policies(plain["Resources"])
    _allow_plain_http(plain["Resources"])
    numbers = {
        name: int(parameters.get(name, declared["Default"]))
        for name, declared in plain["Parameters"].items()
        if declared["Type"] == "Number"
    }
    plain["Resources"] = _inline_numbers(plain["Resources"], numbers)
    # Beyond 51,200 bytes CloudFormation takes a template from a bucket only.
    body = json.dumps(plain).encode()
    name = hashlib.sha256(body).hexdigest()[:32] + ".template"
    client("s3", endpoint).put_object(Bucket=ARTIFACTS, Key=name, Body=body)
    url = f"{endpoint}/{ARTIFACTS}/{name}"
    return _apply(client("cloudformation", endpoint), stack, url, parameters)


def _inline_numbers(value, numbers: dict[str, int]):
    """`Ref`s to parameters that are numbers, replaced by them: the emulator hands on text, which
    its queue trigger then compares with numbers. Environment variables are text anyway."""
    if isinstance(value, dict):
        if set(value) == {"Ref"} and value["Ref"] in numbers:
            return numbers[value["Ref"]]
        return {
            key: inner if key == "Environment" else _inline_numbers(inner, numbers)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_inline_numbers(inner, numbers) for inner in value]
    return value


def _upload(document: dict, base: Path, s3) -> None:
    """Replaces local paths by objects, as `sam package` does."""
    try:
        s3.create_bucket(Bucket=ARTIFACTS)
    except ClientError as error:
        if "BucketAlready" not in error.response["Error"]["Code"]:
            raise
    uploaded: dict[str, dict] = {}

    def put(path: str, content: bytes, extension: str) -> dict:
        name = hashlib.sha256(content).hexdigest()[:32] + extension
        s3.put_object(Bucket=ARTIFACTS, Key=name, Body=content)
        uploaded[path] = {"Bucket": ARTIFACTS, "Key": name}
        return uploaded[path]

    def code(path):
        if not isinstance(path, str) or path.startswith("s3://"):
            return path
        return uploaded.get(path) or put(path, _zip(base / path), ".zip")

    functions = document.get("Globals", {}).get("Function", {})
    if "CodeUri" in functions:
        functions["CodeUri"] = code(functions["CodeUri"])
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" in properties:
            properties["CodeUri"] = code(properties["CodeUri"])
        if resource["Type"] == "AWS::Serverless::StateMachine":
            path = properties.get("DefinitionUri")
            if isinstance(path, str):
                properties["DefinitionUri"] = put(path, (base / path).read_bytes(), ".json")


def _zip(folder: Path) -> bytes:
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    if not files:
        raise DeployError(f"{folder} is empty: build the artifact first (make bootstrap)")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in files:
            # No times: the same artifact makes the same zip.
            entry = zipfile.ZipInfo(str(file.relative_to(folder)))
            entry.external_attr = 0o755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return out.getvalue()


class _ManagedPolicies:
    """What the translator would ask IAM for: the managed policies that SAM adds by itself."""

    def load(self) -> dict[str, str]:
        basic = "AWSLambdaBasicExecutionRole"
        return {basic: f"arn:aws:iam::aws:policy/service-role/{basic}"}


def _expand_http_apis(resources: dict) -> None:
    for name, resource in list(resources.items()):
        if resource["Type"] != "AWS::ApiGatewayV2::Api" or "Body" not in resource["Properties"]:
            continue
        body = resource["Properties"].pop("Body")
        resource["Properties"].pop("FailOnWarnings", None)
        resource["Properties"] |= {"Name": name, "ProtocolType": "HTTP"}
        for path, methods in body.get("paths", {}).items():
            only, methods = _conditional(methods)
            for method, operation in methods.items():
                _, operation = _conditional(operation)
                verb = "ANY" if method == ANY_METHOD else method.upper()
                route = f"{verb} {path}"
                tag = hashlib.sha256(route.encode()).hexdigest()[:8]
                integration = operation["x-amazon-apigateway-integration"]
                _, uri = _conditional(integration["uri"])
                resources[f"{name}Integration{tag}"] = {
                    **only,
                    "Type": "AWS::ApiGatewayV2::Integration",
                    "Properties": {
                        "ApiId": {"Ref": name},
                        "IntegrationType": "AWS_PROXY",
                        "IntegrationMethod": "POST",
                        "IntegrationUri": _function_arn(uri),
                        "PayloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
                    },
                }
                target = ["integrations", {"Ref": f"{name}Integration{tag}"}]
                resources[f"{name}Route{tag}"] = {
                    **only,
                    "Type": "AWS::ApiGatewayV2::Route",
                    "Properties": {
                        "ApiId": {"Ref": name},
                        "RouteKey": route,
                        "Target": {"Fn::Join": ["/", target]},
                    },
                }


def _conditional(value: dict) -> tuple[dict, dict]:
    """What is there by a condition only: the condition as a resource has it, and the value without."""
    if "Fn::If" not in value:
        return {}, value
    condition, there, _ = value["Fn::If"]
    return {"Condition": condition}, there


def _function_arn(uri: dict) -> dict:
    """`…:lambda:path/2015-03-31/functions/${Function.Arn}/invocations` without its wrapping."""
    return {"Fn::Sub": uri["Fn::Sub"].split("/functions/", 1)[1].rsplit("/invocations", 1)[0]}


def _number_parameters(template: dict, given: dict[str, str]) -> None:
    numbers = {
        name: int(given.get(name, parameter["Default"]))
        for name, parameter in template["Parameters"].items()
        if parameter["Type"] == "Number"
    }

    def filled(value):
        if isinstance(value, dict):
            if list(value) == ["Ref"] and value["Ref"] in numbers:
                return numbers[value["Ref"]]
            return {key: filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    # Functions and state machines take theirs as text: in the environment and in the definition.
    text = ("AWS::Lambda::Function", "AWS::StepFunctions::StateMachine")
    for resource in template["Resources"].values():
        if resource["Type"] not in text:
            resource["Properties"] = filled(resource.get("Properties", {}))


def _adapt_policies(resources: dict) -> None:
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                if "logs:StartQuery" in statement["Action"]:
                    statement["Resource"] += [_without_star(of) for of in statement["Resource"]]
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if "Fn::If" in statement:
                    statement = statement["Fn::If"][1]
                if statement["Action"] == "sqs:SendMessage":
                    statement["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]
                if "kms:EncryptionContext:" in json.dumps(statement.get("Condition")):
                    del statement["Condition"]


def _without_star(arn: dict) -> dict:
    """`arn:…:log-group:NAME:*` without its end; what is there by a condition only stays so."""
    if "Fn::If" in arn:
        condition, there, otherwise = arn["Fn::If"]
        return {"Fn::If": [condition, _without_star(there), otherwise]}
    return {"Fn::Select": [0, {"Fn::Split": [":*", arn]}]}


def _allow_plain_http(resources: dict) -> None:
    for name, resource in list(resources.items()):
        if resource["Type"] != "AWS::S3::BucketPolicy":
            continue
        statements = resource["Properties"]["PolicyDocument"]["Statement"]
        if any("aws:SecureTransport" not in json.dumps(s.get("Condition")) for s in statements):
            raise DeployError(f"{name} says more than that TLS is needed; what to do with it here?")
        del resources[name]


def _apply(
    cloudformation, stack: str, template: str, parameters: dict[str, str]
) -> dict[str, str]:
    arguments = {
        "StackName": stack,
        "TemplateURL": template,
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": CAPABILITIES,
    }
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError:
        cloudformation.create_stack(**arguments)
    else:
        try:
            cloudformation.update_stack(**arguments)
        except ClientError as error:
            if "No updates" not in str(error):
                raise
    while True:
        state = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        status = state["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [
            f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', 'no reason given')}"
            for e in events
            if "FAILED" in e["ResourceStatus"]
        ]
        raise DeployError("\n".join([f"the stack {stack} is {status}", *failed]))
    return {o["OutputKey"]: o["OutputValue"] for o in state.get("Outputs", [])}
