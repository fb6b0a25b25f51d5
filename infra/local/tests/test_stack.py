"""What `stack.py exec` hands on."""

import subprocess
import sys
import unittest
from pathlib import Path

LOCAL = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(LOCAL))

import stack  # noqa: E402


class Split(unittest.TestCase):
    def test_a_command_keeps_its_own_dashes(self):
        words = ["exec", "--wait-scale", "0.01", "--", "cargo", "test", "--", "--skip", "a", "--", "b"]
        own, command = stack.split(words)
        self.assertEqual(own, ["exec", "--wait-scale", "0.01"])
        self.assertEqual(command, ["cargo", "test", "--", "--skip", "a", "--", "b"])

    def test_no_command_is_none(self):
        self.assertEqual(stack.split(["up"]), (["up"], []))
        self.assertEqual(stack.split(["exec", "--"]), (["exec"], []))


class Exec(unittest.TestCase):
    def test_the_command_gets_every_word_behind_the_first_dashes(self):
        """The whole way: an emulator of its own, the template in it, the command."""
        show = "import sys; print('words:', sys.argv[1:]); sys.exit(7)"
        done = subprocess.run(
            [sys.executable, LOCAL / "stack.py", "exec", "--", sys.executable, "-c", show, "a", "--", "-b", "--", ""],
            capture_output=True,
            text=True,
        )
        self.assertIn("words: ['a', '--', '-b', '--', '']", done.stdout, done.stderr)
        self.assertEqual(done.returncode, 7)

    def test_a_missing_command_and_one_too_many_are_told(self):
        for words, says in ((["exec"], "exec needs a command"), (["down", "--", "ls"], "only exec takes a command")):
            done = subprocess.run(
                [sys.executable, LOCAL / "stack.py", *words], capture_output=True, text=True
            )
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(says, done.stderr)


if __name__ == "__main__":
    unittest.main()
