"""What the state `Failed` makes of a cause, by the machine's own expression."""

import json
import unittest
from pathlib import Path

import jsonata

MACHINE = Path(__file__).resolve().parents[3] / "statemachines" / "reconcile.asl.json"
NO_ADVICE = "See the execution, and the log of the step."


def told(error: dict) -> dict:
    text = json.loads(MACHINE.read_text())["States"]["Failed"]["Assign"]["failure"]
    expression = jsonata.Jsonata(text.removeprefix("{%").removesuffix("%}"))
    frame = expression.create_frame()
    frame.bind("error", error)
    frame.bind("step", "scan")
    return expression.evaluate(None, frame)


class Failure(unittest.TestCase):
    def test_lambda_tells_what_happened_and_what_to_do(self):
        what = 'it said {"error":{"code":"400"}}'
        for cause in (
            {"errorType": "X", "errorMessage": f"{what}\nDo this."},
            {"errorMessage": f"{what}\nDo this.", "errorType": "X", "trace": []},
        ):
            failure = {"error": "X", "cause": what, "step": "scan", "advice": "Do this."}
            for written in (json.dumps(cause, separators=(",", ":")), json.dumps(cause)):
                self.assertEqual(told({"Error": "X", "Cause": written}), failure)

    def test_a_cause_that_is_no_json_is_told_as_it_is(self):
        for cause in ("{not json}", "{}", '{"errorMessage', "plain", ""):
            failure = told({"Error": "States.Timeout", "Cause": cause})
            self.assertEqual((failure["cause"], failure["advice"]), (cause, NO_ADVICE), cause)
        self.assertEqual(told({"Error": "States.Timeout"})["cause"], "no cause was given")


if __name__ == "__main__":
    unittest.main()
