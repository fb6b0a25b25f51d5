"""No cap loses a run, and no size asks for more than an account allows."""

import json
import re
import unittest

from planted import ROOT, SAM, Copy, section

import sam
import sizes

MACHINE = "statemachines/reconcile.asl.json"


def retrier(**written) -> sizes.Retrier:
    return sizes.Retrier({"ErrorEquals": [sizes.REFUSED], **written})


class Patience(unittest.TestCase):
    def test_the_pauses_are_those_of_the_language(self):
        plain = retrier(IntervalSeconds=2, BackoffRate=2, MaxAttempts=4, MaxDelaySeconds=10)
        self.assertEqual(plain.pauses, [2, 4, 8, 10])
        self.assertEqual(plain.patience(), 24)
        self.assertEqual(retrier().pauses, [1, 2, 4])

    def test_jitter_makes_less_of_them(self):
        given = dict(IntervalSeconds=60, BackoffRate=1, MaxAttempts=60)
        self.assertEqual(retrier(**given).patience(), 3600)
        jittered = retrier(**given, JitterStrategy="FULL").patience()
        self.assertTrue(1200 < jittered < 1800, jittered)
        self.assertEqual(retrier(IntervalSeconds=60, MaxAttempts=1, JitterStrategy="FULL").patience(), 0)

    def test_each_mistake_is_found(self):
        planted = {
            "tries for": ('"MaxAttempts": 60', '"MaxAttempts": 40'),
            "no jitter": (',\n          "JitterStrategy": "FULL"', ""),
            "does not try again": (f'"ErrorEquals": ["{sizes.REFUSED}"]', '"ErrorEquals": ["Other"]'),
            # What comes first, counts.
            "minutes what Lambda refuses": ('"Retry": [\n', f'"Retry": [\n        {{ "ErrorEquals": ["{sizes.REFUSED}"], "JitterStrategy": "FULL" }},\n'),
        }  # fmt: skip
        for told, (old, new) in planted.items():
            with self.subTest(told), Copy() as copy:
                copy.replace(MACHINE, old, new)
                (line,) = sizes.check(*sizes.read(copy.root))
                self.assertIn("AcquireCredential", line)
                self.assertIn(told, line)


class Sizes(unittest.TestCase):
    def test_what_is_there_fits(self):
        self.assertEqual(sizes.check(*sizes.read()), [])

    def test_each_mistake_is_found(self):
        planted = {
            "small is what one gets without asking, and reserves 100": (
                "!If [IsLarge, 100, !Ref AWS::NoValue]", "100",
            ),
            "large has no reserve for api": (
                "      Handler: api\n      ReservedConcurrentExecutions: !If [IsLarge, 100, !Ref AWS::NoValue]\n",
                "      Handler: api\n",
            ),
            "large reserves 901; an account allows 900": ("[IsLarge, 350,", "[IsLarge, 400,"),
        }  # fmt: skip
        for told, (old, new) in planted.items():
            with self.subTest(told), Copy() as copy:
                copy.replace(SAM, old, new)
                self.assertIn(told, sizes.check(*sizes.read(copy.root)))

    def test_the_page_says_what_is_deployed(self):
        table = section("deploy.md", "Sizes")
        told = {
            match[1]: int(match[2]) for match in re.finditer(r"^\| `(\w+)` \| – \| (\d+) \|", table, re.MULTILINE)
        }
        deployed = sizes.reserved(sam.Template(ROOT / SAM), "large")
        # As many as `WorkerConcurrency` says.
        del deployed["worker"]
        self.assertEqual(told, deployed)

    def test_the_machine_is_read_as_it_is(self):
        definition = json.loads((ROOT / MACHINE).read_text())
        invoking = [name for name, of in definition["States"].items() if "FunctionName" in of.get("Arguments", {})]
        self.assertEqual(sorted(sizes.tasks(definition)), sorted(invoking))


if __name__ == "__main__":
    unittest.main()
