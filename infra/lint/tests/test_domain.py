"""The address of one's own: both descriptions are the same, and it outlives the installation behind it."""

import unittest

from planted import MODULES, ROOT, Copy

import compare

TEMPLATE = "infra/domain/template.yaml"
MODULE = f"{MODULES}/domain/main.tf"
EVERYTHING = compare.DOMAIN | {"HostedZoneId": "zone", "ApiId": "api"}

# File, old text, new text; and what has to be told: what, setting.
PLANTED = {
    "weaker TLS": (
        MODULE, 'security_policy = "TLS_1_2"', 'security_policy = "TLS_1_0"', "address Domain",
        "domain_name_configuration.security_policy",
    ),
    "address that goes with its stack": (
        TEMPLATE, "  Domain:\n    Type: AWS::ApiGatewayV2::DomainName\n    DeletionPolicy: RetainExceptOnCreate\n",
        "  Domain:\n    Type: AWS::ApiGatewayV2::DomainName\n", "address Domain", "kept",
    ),
    "certificate that may be destroyed": (
        MODULE, "prevent_destroy       = true", "prevent_destroy       = false", "certificate Certificate", "kept",
    ),
    "certificate that nobody proves": (
        TEMPLATE, "        - [{ DomainName: !Ref DomainName, HostedZoneId: !Ref HostedZoneId }]\n", "        - !Ref AWS::NoValue\n",
        "certificate Certificate", "validation_zone",
    ),
    "another API": (MODULE, "api_id      = var.api_id", 'api_id      = "other"', "mapping Mapping", "api_id"),
    "another stage": (TEMPLATE, "Stage: $default", "Stage: live", "mapping Mapping", "stage"),
    "record that leads elsewhere": (
        TEMPLATE, "DNSName: !GetAtt Domain.RegionalDomainName", "DNSName: !Ref DomainName", "DNS record Record", "alias.name",
    ),
}  # fmt: skip


class Domain(unittest.TestCase):
    def test_they_are_the_same(self):
        self.assertEqual(compare.Project().domain_differences(EVERYTHING), [])

    def test_each_difference_is_found(self):
        for name, (file, old, new, what, setting) in PLANTED.items():
            with self.subTest(name), Copy() as copy:
                copy.replace(file, old, new)
                told = {(d.what, d.setting) for d in compare.Project(copy.root).domain_differences(EVERYTHING)}
                self.assertIn((what, setting), told)

    def test_parameters_are_compared(self):
        with Copy() as copy:
            copy.replace(f"{MODULES}/domain/variables.tf", '[a-z-]*[a-z]$"', '[a-z-]*[a-z]"')
            told = {(d.what, d.setting) for d in compare.Project(copy.root).parameters()}
            self.assertIn(("parameter domain_name", "value 'example.org.'"), told)

    def test_an_example_that_hands_on_nothing_is_found(self):
        with Copy() as copy:
            copy.replace("infra/envs/domain/main.tf", "  api_id         = var.api_id\n", "")
            told = {(world, d.what) for world, d in compare.Project(copy.root).differences()}
            self.assertIn(("domain", "mapping Mapping"), told)

    def test_what_is_there_without_an_installation_is_all_but_the_mapping(self):
        project = compare.Project()
        before = set(project.domain.facts("domain", compare.DOMAIN | {"HostedZoneId": "zone"}).resources)
        with_one = set(project.domain.facts("domain", EVERYTHING).resources)
        self.assertEqual(with_one - before, {("mapping", "Mapping")})
        # The installation does not know of its address: it can go.
        self.assertNotIn("DomainName", (ROOT / "template.yaml").read_text())


if __name__ == "__main__":
    unittest.main()
