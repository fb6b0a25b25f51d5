"""The facts that a SAM template tells: as plain CloudFormation, by the translator that the local
stack uses too, with its intrinsic functions worked out for given parameters."""

import logging
import os
import re
from functools import cache
from pathlib import Path

import facts
import read_kind
from facts import FactsError, System
from kinds import BY_CLOUDFORMATION

logging.getLogger("samtranslator").setLevel(logging.ERROR)
os.environ.setdefault("AWS_DEFAULT_REGION", facts.REGION)

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

# What `Ref` gives, by type.
REF = {
    "AWS::ApiGatewayV2::Api": "id",
    "AWS::ApiGatewayV2::DomainName": "name",
    "AWS::CertificateManager::Certificate": "arn",
    "AWS::CloudWatch::Dashboard": "name",
    "AWS::IAM::ManagedPolicy": "arn",
    "AWS::KMS::Key": "id",
    "AWS::Lambda::Function": "name",
    "AWS::Logs::LogGroup": "name",
    "AWS::S3::Bucket": "name",
    "AWS::SNS::Topic": "arn",
    "AWS::SQS::Queue": "url",
    "AWS::SSM::Parameter": "name",
    "AWS::StepFunctions::StateMachine": "arn",
}
ATTRIBUTES = {
    "Arn": "arn",
    "QueueName": "name",
    "RegionalDomainName": "target",
    "RegionalHostedZoneId": "zone",
}
# What is kept when its stack goes: the policy is told as a setting.
KEPT = {
    "AWS::S3::Bucket", "AWS::CertificateManager::Certificate", "AWS::ApiGatewayV2::DomainName",
    "AWS::Route53::RecordSet",
}  # fmt: skip
# Where a type has its name, and the ARN that follows from it.
NAMED = {
    "AWS::CloudWatch::Dashboard": ("DashboardName", lambda name: f"<{name}.arn>"),
    "AWS::Lambda::Function": ("FunctionName", facts.function_arn),
    # CloudFormation's ends with `:*`; whoever takes one without, takes it with, too.
    "AWS::Logs::LogGroup": ("LogGroupName", lambda name: f"{facts.log_group_arn(name)}:*"),
    "AWS::SNS::Topic": ("TopicName", facts.topic_arn),
    "AWS::SSM::Parameter": ("Name", lambda name: facts.arn("ssm", f"parameter{name}")),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", facts.machine_arn),
}
# As API Gateway's extension of OpenAPI writes it.
ANY_METHOD = "x-amazon-apigateway-any-method"
NOTHING = object()


class _ManagedPolicies:
    """What the translator would ask IAM for."""

    def load(self) -> dict[str, str]:
        basic = "AWSLambdaBasicExecutionRole"
        return {basic: f"arn:{facts.PARTITION}:iam::aws:policy/service-role/{basic}"}


@cache
def _translated(text: str, tracing: str | None) -> tuple[dict, dict, str | None, dict[str, str]]:
    """The parameters, the plain CloudFormation, the artifact's folder and the definitions. `Tracing` is
    the one parameter that the translator itself looks at."""
    document = yaml_parse(text)
    artifact = None
    if functions := document.get("Globals", {}).get("Function"):
        artifact, functions["CodeUri"] = functions["CodeUri"], "s3://artifact/bootstrap.zip"
    definitions = {}
    for id_, resource in document["Resources"].items():
        # Those with an artifact of their own.
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = "s3://artifact/other.zip"
        if resource["Type"] == "AWS::Serverless::StateMachine":
            definitions[id_] = resource["Properties"]["DefinitionUri"]
            resource["Properties"]["DefinitionUri"] = f"s3://artifact/{id_}"
    given = {} if tracing is None else {"Tracing": tracing}
    plain = transform(document, given, _ManagedPolicies())
    return document["Parameters"], plain, artifact, definitions


class Template:
    """A template, read once; `facts` works it out."""

    def __init__(self, path: Path):
        self._text = path.read_text()
        self.parameters, _, artifact, definitions = _translated(self._text, None)
        self.artifact = artifact and path.parent / artifact
        self.definitions = {id_: path.parent / of for id_, of in definitions.items()}

    def plain(self, given: dict[str, str]) -> dict:
        return _translated(self._text, given.get("Tracing"))[1]

    def facts(self, stack: str, given: dict[str, str]) -> System:
        return _Reading(self, stack, given).system


class _Reading:
    def __init__(self, template: Template, stack: str, given: dict[str, str]):
        plain = template.plain(given)
        self.template, self.conditions = template, plain.get("Conditions", {})
        if unknown := set(given) - set(template.parameters):
            raise FactsError(f"the template has no parameter {sorted(unknown)}")
        defaults = {name: of["Default"] for name, of in template.parameters.items() if "Default" in of}
        self.known = defaults | given | {
            "AWS::StackName": stack,
            "AWS::Partition": facts.PARTITION,
            "AWS::Region": facts.REGION,
            "AWS::AccountId": facts.ACCOUNT,
            "AWS::URLSuffix": facts.SUFFIX,
            "AWS::NoValue": NOTHING,
        }
        self.resources = plain["Resources"]
        self.system = System()
        there = {
            id_: resource
            for id_, resource in self.resources.items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }
        self.owners = self._owners(there)
        for id_, resource in there.items():
            self._resource(id_, resource)
        outputs = plain.get("Outputs", {}).items()
        for name, output in ((n, o) for n, o in outputs if "Condition" not in o or self.holds(o["Condition"])):
            self.system.add("output", snake(name), {"value": self.worked_out(output["Value"])})

    # --- Intrinsic functions -------------------------------------------------------------------------

    def holds(self, condition) -> bool:
        if isinstance(condition, str):
            return self.holds(self.conditions[condition])
        ((function, given),) = condition.items()
        match function:
            case "Condition":
                return self.holds(given)
            case "Fn::Equals":
                one, other = (self.worked_out(of) for of in given)
                return facts.scalar(one) == facts.scalar(other)
            case "Fn::Not":
                return not self.holds(given[0])
            case "Fn::And":
                return all(self.holds(of) for of in given)
            case "Fn::Or":
                return any(self.holds(of) for of in given)
        raise FactsError(f"the condition {function} is not understood here")

    def worked_out(self, of):
        if isinstance(of, list):
            return [one for one in map(self.worked_out, of) if one is not NOTHING]
        if not isinstance(of, dict):
            return of
        if len(of) == 1:
            ((function, given),) = of.items()
            match function:
                case "Ref":
                    return self.ref(given)
                case "Fn::GetAtt":
                    parts = given.split(".") if isinstance(given, str) else given
                    return self.attribute(*parts)
                case "Fn::Sub":
                    return self.sub(given)
                case "Fn::If":
                    condition, yes, no = given
                    return self.worked_out(yes if self.holds(condition) else no)
                case "Fn::Split":
                    between, of = given
                    return self.worked_out(of).split(between)
                case "Fn::Join":
                    between, parts = given
                    return between.join(facts.scalar(p) for p in self.worked_out(parts))
            if function.startswith("Fn::"):
                raise FactsError(f"{function} is not understood here")
        out = {key: self.worked_out(inner) for key, inner in of.items()}
        return {key: inner for key, inner in out.items() if inner is not NOTHING}

    def sub(self, given) -> str:
        text, names = (given, {}) if isinstance(given, str) else given

        def fill(match: re.Match) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in names:
                return facts.scalar(self.worked_out(names[name]))
            return facts.scalar(self.attribute(*name.split(".")) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]*)\}", fill, text)

    def ref(self, name: str):
        if name in self.known:
            return self.known[name]
        type_ = self.resources[name]["Type"]
        if type_ not in REF:
            raise FactsError(f"what is a Ref of {type_}?")
        return self.named(name, REF[type_])

    def attribute(self, name: str, attribute: str) -> str:
        if attribute not in ATTRIBUTES:
            raise FactsError(f"what is {name}.{attribute}?")
        return self.named(name, ATTRIBUTES[attribute])

    def named(self, id_: str, what: str) -> str:
        resource = self.resources[id_]
        if resource["Type"] in NAMED and what in ("name", "arn"):
            property_, arn = NAMED[resource["Type"]]
            if property_ in resource["Properties"]:
                name = self.worked_out(resource["Properties"][property_])
                return arn(name) if what == "arn" else name
        return f"<{id_}.{what}>"

    # --- Resources -----------------------------------------------------------------------------------

    def _owners(self, there: dict) -> dict[str, str]:
        kinds = {
            "AWS::Lambda::Function": lambda p: p["Role"],
            "AWS::StepFunctions::StateMachine": lambda p: p["RoleArn"],
            "AWS::Scheduler::Schedule": lambda p: p["Target"]["RoleArn"],
        }
        owners = {}
        for id_, resource in there.items():
            if resource["Type"] not in kinds:
                continue
            kind = BY_CLOUDFORMATION[resource["Type"]]
            role = kinds[resource["Type"]](resource["Properties"])["Fn::GetAtt"][0]
            name = self.worked_out(resource["Properties"][kind.name[0]])
            owner = f"{kind.kind} {name}"
            if role in owners:
                raise FactsError(f"{owner} shares its role with {owners[role]}")
            owners[role] = owner
        return owners

    def _resource(self, id_: str, resource: dict) -> None:
        type_, given = resource["Type"], self.worked_out(resource.get("Properties", {}))
        if type_ == "AWS::IAM::Role":
            return self._role(id_, given)
        if type_ == "AWS::S3::BucketPolicy":
            bucket = given["Bucket"].strip("<>").split(".")[0]
            return self._statements(f"policy of {bucket}", given["PolicyDocument"])
        if type_ == "AWS::IAM::ManagedPolicy":
            return self._policy(id_, given)
        if type_ not in BY_CLOUDFORMATION:
            raise FactsError(f"{id_}: nobody compares {type_} yet; kinds.py is the place")
        kind = BY_CLOUDFORMATION[type_]
        if type_ in KEPT:
            given["DeletionPolicy"] = resource.get("DeletionPolicy") == "RetainExceptOnCreate"
        if type_ == "AWS::KMS::Key":
            self._statements(f"policy of {id_}", given["KeyPolicy"])
        if type_ == "AWS::StepFunctions::StateMachine":
            given["Definition"] = self._definition(id_, given["DefinitionSubstitutions"])
        if type_ == "AWS::ApiGatewayV2::Api":
            given |= self._body(given["Body"])
        if type_ == "AWS::ApiGatewayV2::Stage":
            log = given["AccessLogSettings"]
            log["DestinationArn"] = log["DestinationArn"].removesuffix(":*")
        name = given[kind.name[0]] if kind.name else id_
        self.system.add(kind.kind, name, read_kind.settings(kind, given, False))

    def _role(self, id_: str, given: dict) -> None:
        if id_ not in self.owners:
            raise FactsError(f"nobody has the role {id_}")
        owner = self.owners[id_]
        (trusted,) = given["AssumeRolePolicyDocument"]["Statement"]
        self.system.add("role of", owner, {"trusts": trusted})
        for arn in given.get("ManagedPolicyArns", []):
            policy = {"Effect": "Allow", "Action": "(managed policy)", "Resource": arn}
            self.system.allow(owner, policy)
        for policy in given.get("Policies", []):
            self._statements(owner, policy["PolicyDocument"])
        known = {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "Tags"}
        if unknown := set(given) - known:
            raise FactsError(f"{id_}: nobody compares {sorted(unknown)} yet")

    def _policy(self, id_: str, given: dict) -> None:
        if unknown := set(given) - {"Description", "PolicyDocument"}:
            raise FactsError(f"{id_}: nobody compares {sorted(unknown)} yet")
        self.system.add("policy", id_, {"description": given["Description"]})
        self._statements(f"policy {id_}", given["PolicyDocument"])

    def _statements(self, owner: str, document: dict) -> None:
        for statement in document["Statement"]:
            self.system.allow(owner, statement)

    def _definition(self, id_: str, fillings: dict) -> dict:
        path = self.template.definitions[id_]
        text = re.sub(
            r"\$\{([^}]*)\}", lambda m: facts.scalar(fillings[m.group(1)]), path.read_text()
        )
        return facts.parsed(text, str(path))

    def _body(self, body: dict) -> dict:
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                integration = operation["x-amazon-apigateway-integration"]
                uri = re.search(r"/functions/(.*)/invocations$", integration["uri"]).group(1)
                settings = {
                    "type": integration["type"],
                    "method": integration["httpMethod"],
                    "function": uri,
                    "payload_format_version": integration["payloadFormatVersion"],
                }
                known = {"type", "httpMethod", "uri", "payloadFormatVersion"}
                settings |= {k: of for k, of in integration.items() if k not in known}
                known = {"x-amazon-apigateway-integration", "responses", "parameters"}
                settings |= {k: of for k, of in operation.items() if k not in known}
                verb = "ANY" if method == ANY_METHOD else method.upper()
                self.system.add("route", f"{verb} {path}", settings)
        info = body["info"]
        return {"Name": info["title"], "Description": info["description"], "ProtocolType": "HTTP"}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
