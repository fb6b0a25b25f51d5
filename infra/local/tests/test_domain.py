"""The address of one's own, in the emulator: it is there before an installation, leads to one, then to another, and
stays when it leads nowhere."""

import unittest
from contextlib import ExitStack

import people

from deploy import client, deploy

TEMPLATE = people.ROOT / "infra" / "domain" / "template.yaml"
NAME = "lists.example.org"


class Domain(unittest.TestCase):
    def setUp(self):
        rest = ExitStack()
        self.addCleanup(rest.close)
        self.server, _ = people.started(rest)
        self.gateway = client("apigatewayv2", self.server.endpoint)
        self.zone = client("route53", self.server.endpoint).create_hosted_zone(
            Name="example.org", CallerReference="test"
        )["HostedZone"]["Id"].rsplit("/", 1)[1]

    def api(self, name: str) -> str:
        api = self.gateway.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
        self.gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        return api

    def address(self, api: str) -> dict[str, str]:
        given = {"DomainName": NAME, "HostedZoneId": self.zone, "ApiId": api}
        return deploy(TEMPLATE, "address", self.server.endpoint, given)

    def mapped(self) -> list[tuple[str, str]]:
        found = self.gateway.get_api_mappings(DomainName=NAME)["Items"]
        return [(one["ApiId"], one["Stage"]) for one in found]

    def test_it_leads_from_one_installation_to_the_next(self):
        outputs = self.address("none")
        self.assertEqual(outputs["Url"], f"https://{NAME}")
        self.assertEqual(self.mapped(), [])
        one, other = self.api("one"), self.api("other")
        self.assertEqual(self.address(one)["Target"], outputs["Target"])
        self.assertEqual(self.mapped(), [(one, "$default")])
        self.assertEqual(self.address(other)["Target"], outputs["Target"])
        self.assertEqual(self.mapped(), [(other, "$default")])
        self.gateway.delete_api(ApiId=one)
        self.assertEqual(self.address("none")["Target"], outputs["Target"])
        self.assertEqual(self.mapped(), [])

    def test_who_deletes_the_stack_keeps_the_address(self):
        self.address(self.api("one"))
        formation = client("cloudformation", self.server.endpoint)
        formation.delete_stack(StackName="address")
        formation.get_waiter("stack_delete_complete").wait(StackName="address", WaiterConfig={"Delay": 1})
        self.assertEqual(self.gateway.get_domain_name(DomainName=NAME)["DomainName"], NAME)
        records = client("route53", self.server.endpoint).list_resource_record_sets(HostedZoneId=self.zone)
        self.assertIn(f"{NAME}.", {of["Name"] for of in records["ResourceRecordSets"] if of["Type"] == "A"})


if __name__ == "__main__":
    unittest.main()
