#!/usr/bin/env python3
"""`troth config check` and the environment over a configuration, from outside: exit codes, what is in force, no secret.

No broker is needed: nothing is opened.
"""

import json
import os
import pathlib
import tempfile
import unittest

import yaml

import engine

SECRET = "correct-horse"
SASL = f"""state: state
kafka:
  bootstrap: kafka-1.example:9093
  settings:
    security.protocol: sasl_ssl
    sasl.mechanism: PLAIN
    sasl.username: troth
    sasl.password: {SECRET}
"""


class ConfigCheck(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="troth-config-")
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)

    def file(self, text, name="config.yaml", mode=0o600):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def check(self, path, *options, code=0, **environment):
        done = engine.run("config", "check", path, *options, env=os.environ | environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        output, errors = done.stdout.decode(), done.stderr.decode()
        self.assertNotIn(SECRET, output + errors)
        return output, errors

    def test_what_is_in_force_is_printed_with_defaults_and_without_secrets(self):
        output, errors = self.check(self.file(SASL))
        self.assertEqual(errors, "")
        said = yaml.safe_load(output)
        self.assertEqual(said["kafka"]["settings"]["sasl.password"], "<set>")
        self.assertEqual(said["kafka"]["settings"]["sasl.username"], "troth")
        self.assertEqual(said["kafka"]["delivery"], "exactly_once")
        self.assertEqual(said["memory"]["cache"], "256MiB")
        self.assertEqual(said["state"], str(self.folder / "state"))
        self.assertFalse((self.folder / "state").exists(), "a check opens nothing")

    def test_it_says_the_same_in_json(self):
        path = self.file(SASL)
        answer = json.loads(self.check(path, "--json")[0])
        self.assertEqual((answer["valid"], answer["warnings"], answer["environment"]), (True, [], []))
        self.assertEqual(answer["configuration"], yaml.safe_load(self.check(path)[0]))

    def test_a_wrong_key_is_named_with_its_line_and_what_is_known(self):
        path = self.file("state: state\nfiles:\n  inputs: [events.ndjson]\n  folow: true\n")
        _, errors = self.check(path, code=2)
        self.assertIn(f"{path}:4: files.folow is not known here, perhaps follow is meant; known are: follow, inputs, out, "
                      "partitions", errors)
        answer = json.loads(self.check(path, "--json", code=2)[0])
        self.assertFalse(answer["valid"])
        self.assertIn(f"{path}:4: files.folow", answer["error"])

    def test_the_environment_goes_over_the_file(self):
        path = self.file(SASL)
        output, _ = self.check(path, TROTH_CONFIG__KAFKA__GROUP="blue", TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD=SECRET + "-2",
                               TROTH_CONFIG__HTTP="false", TROTH_CONFIG__KAFKA__INPUTS="[a, b]")
        said = yaml.safe_load(output)
        self.assertEqual((said["kafka"]["group"], said["http"], said["kafka"]["inputs"]), ("blue", False, ["a", "b"]))
        self.assertIn("TROTH_CONFIG__KAFKA__SETTINGS__SASL_PASSWORD", output.splitlines()[0])

    def test_a_variable_that_is_wrong_is_named(self):
        path = self.file(SASL)
        self.assertIn("troth: TROTH_CONFIG__KAFKA__STANDBY: kafka.standby must be an integer from 0 to 1",
                      self.check(path, code=2, TROTH_CONFIG__KAFKA__STANDBY="many")[1])
        self.assertIn("perhaps TROTH_CONFIG__KAFKA__GROUP is meant", self.check(path, code=2, TROTH_CONFIG__KAFKA__GROUPS="x")[1])
        self.check(path, TROTH_SEED="1", TROTH_LONG="1")  # other variables are not its business

    def test_validate_judges_the_file_alone(self):
        absent = self.file(SASL.replace(SECRET, "{file: /nowhere/password}"))
        self.assertEqual(engine.run("validate", absent).returncode, 0)
        self.assertIn("kafka.settings.sasl.password: /nowhere/password: cannot be opened", self.check(absent, code=2)[1])
        incomplete = self.file("state: state\n")
        overridden = {"TROTH_CONFIG__FILES__INPUTS": "[events.ndjson]"}
        self.assertEqual(engine.run("validate", incomplete, env=os.environ | overridden).returncode, 2)
        self.check(incomplete, **overridden)

    def test_the_policy_belongs_to_what_is_checked(self):
        self.file("colour: red\n", "overlay.yaml")
        path = self.file("state: state\noverlay: overlay.yaml\nfiles: {inputs: [events.ndjson]}\n")
        self.assertIn("colour (line 1): unknown key", self.check(path, code=2)[1])
        self.file("score: {uncertain_sd: 9000000}\n", "overlay.yaml")
        harsh = json.loads(self.check(path, "--json")[0])["policy"]
        self.file("", "nothing.yaml")
        plain = json.loads(self.check(self.file("state: state\nfiles: {inputs: [e]}\n"), "--json")[0])["policy"]
        self.assertNotEqual(harsh, plain)

    def test_a_secret_that_others_can_read_is_warned_of(self):
        _, errors = self.check(self.file(SASL, mode=0o644))
        self.assertIn("troth: warning: ", errors)
        self.assertIn("holds a secret and can be read by others: `chmod 600` it", errors)
        self.assertEqual(len(json.loads(self.check(self.file(SASL, mode=0o644), "--json")[0])["warnings"]), 1)

    def test_a_password_that_yaml_takes_for_something_else_is_refused_unseen(self):
        for unquoted in ("{" + SECRET + "}", "*" + SECRET, "@" + SECRET, '"' + SECRET, "!" + SECRET, "007"):
            with self.subTest(unquoted):
                _, errors = self.check(self.file(SASL.replace(f" {SECRET}", f" {unquoted}")), code=2)
                self.assertIn(":8: ", errors)
                self.assertIn("quotes", errors)


if __name__ == "__main__":
    unittest.main(verbosity=2)
