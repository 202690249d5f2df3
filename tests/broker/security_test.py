#!/usr/bin/env python3
"""TLS and passwords against a real Kafka broker: what should be let in is, and works; what should not is refused, with a
message that names the cause. No password and no key is ever in an output.

Certificates are made here, by openssl. One broker of the default version (4.x) for PLAIN over TLS and mutual TLS, and one
of 3.9.1 for SCRAM, which Debian 12's client library cannot do with 4.x. Some of those who are refused try for
30 s before they give up, so all of them run at the same time.

Needs java, kcat and openssl; what is missing is skipped, loudly. The jars of 3.9.1 are fetched only with TROTH_LONG=1;
where they are not there, what needs them is skipped, loudly.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka  # noqa: E402
import live  # noqa: E402

MISSING = [tool for tool in ("java", "kcat", "openssl") if shutil.which(tool) is None]
OLD_VERSION = "3.9.1"
PARTITIONS = 2
USER = "troth"
PASSWORD = "correct-horse-battery"
KEY_PASSWORD = "staple-of-the-key"
SECRETS = (PASSWORD, KEY_PASSWORD)  # and what contains them
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
TLS = {"broker.address.family": "v4"}  # localhost is also ::1, where nobody listens: that refusal would hide the cause

folder = None
certificates = None
broker = None
refused = {}  # name: (engine, what its last words must hold)


def setUpModule():
    global folder, certificates, broker, refused
    if MISSING:
        print(f"SKIPPED: security tests: {', '.join(MISSING)} not installed", flush=True)
        raise unittest.SkipTest(f"{', '.join(MISSING)} not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-security-"))
    try:
        certificates = Certificates(folder / "certificates")
        plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        broker = kafka.Broker(
            listeners={"SASLTLS": "SASL_SSL", "MTLS": "SSL", "OTHERNAME": "SSL"},
            scram={USER: PASSWORD},
            settings=certificates.broker_settings() | {
                "listener.name.mtls.ssl.client.auth": "required",
                "listener.name.othername.ssl.keystore.location": certificates.store("other-name"),
                "listener.name.othername.ssl.keystore.type": "PEM",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "listener.name.sasltls.plain.sasl.jaas.config": plain,
                "listener.name.sasltls.scram-sha-512.sasl.jaas.config": SCRAM_MODULE,
            })
        broker.start()
        refused = start_refused(folder / "refused")
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    for engine, _ in refused.values():
        engine.close()
    if broker is not None:
        broker.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


class Certificates:
    """Two authorities; the first signs the broker, a broker of another name, and a client; the second a stranger."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        for name in ("authority", "foreign-authority"):
            self._openssl("req", "-x509", *NEW_KEY, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                          "-out", f"{name}.pem")
        self._sign("broker", "authority", "DNS:localhost,IP:127.0.0.1")
        self._sign("other-name", "authority", "DNS:kafka.example")
        self._sign("client", "authority", "DNS:client.example")
        self._sign("stranger", "foreign-authority", "DNS:client.example")
        self._openssl("pkey", "-in", "client.key", "-out", "client-locked.key", "-aes256", "-passout", f"pass:{KEY_PASSWORD}")

    def file(self, name):
        return str(self.path / name)

    def store(self, name):
        """Key and certificate in one file, as the broker wants them."""
        store = self.path / f"{name}.store"
        store.write_bytes((self.path / f"{name}.key").read_bytes() + (self.path / f"{name}.pem").read_bytes())
        return str(store)

    def broker_settings(self):
        return {"ssl.keystore.type": "PEM", "ssl.keystore.location": self.store("broker"),
                "ssl.truststore.type": "PEM", "ssl.truststore.location": self.file("authority.pem")}

    def _sign(self, name, authority, names):
        self._openssl("req", *NEW_KEY, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.path / "extensions").write_text(f"subjectAltName={names}\n", encoding="utf-8")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial",
                      "-days", "2", "-extfile", "extensions", "-out", f"{name}.pem")
        (self.path / f"{name}.key").chmod(0o600)

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                       check=True, timeout=60)


def sasl(mechanism, password, **more):
    return TLS | {"security.protocol": "sasl_ssl", "ssl.ca.location": certificates.file("authority.pem"), "sasl.mechanism": mechanism,
                  "sasl.username": USER, "sasl.password": password} | more


def mutual(**more):
    return TLS | {"security.protocol": "ssl", "ssl.ca.location": certificates.file("authority.pem"),
                  "ssl.certificate.location": certificates.file("client.pem"), "ssl.key.location": certificates.file("client.key")} | more


def client_does_scram():
    """Whether the client library that troth runs with can do SCRAM with brokers of version 4: since 2.6.1."""
    with tempfile.TemporaryDirectory() as path:
        config = pathlib.Path(path) / "config.yaml"
        config.write_text(json.dumps({"state": "s", "kafka": {"bootstrap": "kafka.example:1", "settings": {
            "security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": USER, "sasl.password": PASSWORD}}}))
        checked = live.run_troth("config", "check", config)
    assert checked.returncode == 0, checked.stderr
    return "cannot do SCRAM-SHA-512 with brokers of version 4" not in checked.stderr


def start_refused(path):
    """{name: (engine, all that its last words must hold)}: started before everything else, because some try for 30 s."""
    path.mkdir()
    password, wrong = {"file": str(path / "password")}, {"file": str(path / "wrong")}
    for secret, text in ((password, PASSWORD), (wrong, "wrong-" + PASSWORD)):
        write_secret(secret["file"], text)
    foreign = {"ssl.ca.location": certificates.file("foreign-authority.pem")}
    stranger = {"ssl.certificate.location": certificates.file("stranger.pem"), "ssl.key.location": certificates.file("stranger.key")}
    nobody = {name: value for name, value in mutual().items() if name not in ("ssl.certificate.location", "ssl.key.location")}
    verify = ["certificate verify failed", "an authority in ssl.ca.location, and be made out to the host name"]
    cases = {
        "wrong-password": ("SASLTLS", sasl("PLAIN", wrong), ["Authentication failed: Invalid username or password", "sasl.password"]),
        "unknown-user": ("SASLTLS", sasl("PLAIN", wrong, **{"sasl.username": "nobody"}), ["Invalid username or password", "sasl.username"]),
        "foreign-authority-sasl": ("SASLTLS", sasl("PLAIN", wrong, **foreign), verify),
        "foreign-authority": ("MTLS", mutual(**foreign), verify),
        "other-name": ("OTHERNAME", mutual(), verify),
        "no-certificate": ("MTLS", nobody, ["alert bad certificate", "give ssl.certificate.location"]),
        "foreign-certificate": ("MTLS", mutual(**stranger), ["alert certificate unknown", "from an authority that it trusts"]),
        "tls-to-plain-text": (None, mutual(), ["SSL", "that the broker speaks TLS at this port"]),
    }
    if not client_does_scram():
        cases["scram-with-4"] = ("SASLTLS", sasl("SCRAM-SHA-512", password), ["invalid credentials", "2.6.1"])
    engines = {}
    for name, (listener, settings, expected) in cases.items():
        kafka_keys = {"bootstrap": broker.address(listener) if listener else broker.bootstrap, "settings": settings}
        engines[name] = (live.Engine(path / f"{name}.d", {"http": False, "kafka": kafka_keys}).start(wait=False), expected)
    return engines


def write_secret(path, text):
    path = pathlib.Path(path)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


class SecurityTest(unittest.TestCase):
    def setUp(self):
        self.folder = folder / self._testMethodName
        self.folder.mkdir()

    def secret(self, name, text):
        write_secret(self.folder / name, text + "\n")
        return {"file": str(self.folder / name)}

    def engine(self, name, bootstrap, settings, prefix="", **keys):
        config = {"kafka": {"bootstrap": bootstrap, "group": f"{self._testMethodName}-{name}", "settings": settings,
                            "inputs": [prefix + topic for topic in live.INPUTS],
                            "outputs": {stream: prefix + topic for stream, topic in live.OUTPUTS.items()},
                            "changelog": prefix + "trust.changelog", **keys}}
        engine = live.Engine(self.folder / name, config)
        self.addCleanup(engine.close)
        return engine

    def assert_no_secret_in(self, *texts):
        for text in texts:
            for secret in SECRETS:
                self.assertNotIn(secret, text)

    def assert_works(self, on, engine, prefix):
        """Topics are made, events come in and scores go out, all over the connection under test; nothing shows a secret."""
        made = live.run_troth("topics", "create", "--config", engine.config_path, "--partitions", PARTITIONS, timeout_s=60)
        self.assertEqual(made.returncode, 0, made.stderr + made.stdout)
        checked = live.run_troth("config", "check", engine.config_path)
        as_json = live.run_troth("config", "check", engine.config_path, "--json")
        self.assertEqual((checked.returncode, as_json.returncode), (0, 0), checked.stderr)
        lines = live.shop_history(1, 60, live.now_us(), customers=5)
        live.produce(on, prefix, lines)
        engine.start()
        engine.wait_stored(len(lines))
        pages = [engine.get(page)[1] for page in ("/metrics", "/healthz", "/readyz")]
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        self.assertTrue(live.last_of_topic(on, prefix + "trust.scores"))
        said = [text for done in (made, checked, as_json) for text in (done.stdout, done.stderr)]
        self.assert_no_secret_in(*said, *pages, engine.log())

    # Let in ---------------------------------------------------------------------------------------------------

    def test_plain_over_tls_with_a_password_from_a_file(self):
        engine = self.engine("plain", broker.address("SASLTLS"), sasl("PLAIN", self.secret("password", PASSWORD)), "plain.")
        self.assert_works(broker, engine, "plain.")

    def test_mutual_tls_with_a_key_whose_password_is_in_the_environment(self):
        settings = mutual(**{"ssl.key.location": certificates.file("client-locked.key"),
                             "ssl.key.password": {"env": "KEY_PASSWORD_OF_TEST"}})
        os.environ["KEY_PASSWORD_OF_TEST"] = KEY_PASSWORD
        self.addCleanup(os.environ.pop, "KEY_PASSWORD_OF_TEST")
        self.assert_works(broker, self.engine("mutual", broker.address("MTLS"), settings, "mutual."), "mutual.")

    def test_another_name_is_let_pass_only_by_the_key_that_says_so(self):
        engine = self.engine("unchecked", broker.address("OTHERNAME"),
                             mutual(**{"ssl.endpoint.identification.algorithm": "none"}), "unchecked.", insecure_no_host_name_check=True)
        self.assert_works(broker, engine, "unchecked.")
        self.assertIn("kafka.insecure_no_host_name_check is set", engine.log())

    def test_scram_over_tls_with_a_broker_of_version_3(self):
        cache = pathlib.Path(os.environ.get("TROTH_TEST_CACHE") or pathlib.Path.home() / ".cache" / "troth-tests") / f"kafka-{OLD_VERSION}"
        if not cache.is_dir() and not os.environ.get("TROTH_LONG"):
            print(f"SKIPPED: {self.id()}: the jars of Kafka {OLD_VERSION} are not there; TROTH_LONG=1 fetches them", flush=True)
            self.skipTest(f"no jars of Kafka {OLD_VERSION}")
        settings = certificates.broker_settings() | {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512", "listener.name.sasltls.scram-sha-512.sasl.jaas.config": SCRAM_MODULE}
        with kafka.Broker(OLD_VERSION, listeners={"SASLTLS": "SASL_SSL"}, scram={USER: PASSWORD}, settings=settings) as old:
            good = self.engine("scram", old.address("SASLTLS"), sasl("SCRAM-SHA-512", self.secret("password", PASSWORD)))
            bad = self.engine("refused", old.address("SASLTLS"), sasl("SCRAM-SHA-512", self.secret("wrong", "wrong-password")))
            self.assert_works(old, good, "")
            bad.start(wait=False)
            self.assertEqual(bad.wait_exit(60), 1, bad.log_tail())
            self.assertIn("invalid credentials", bad.log())
            self.assertNotIn("wrong-password", bad.log())

    # Refused by the broker, or refusing it --------------------------------------------------------------------

    def test_whoever_is_not_whom_he_says_is_refused_with_the_cause(self):
        for name, (engine, expected) in refused.items():
            with self.subTest(name):
                self.assertEqual(engine.wait_exit(90), 1, engine.log_tail())
                last = engine.log().splitlines()[-1]
                self.assertTrue(last.startswith("troth: cannot reach Kafka at "), last)
                for words in expected:
                    self.assertIn(words, last)
                self.assert_no_secret_in(engine.log())

    # Refused before anybody is asked --------------------------------------------------------------------------

    def test_what_gives_up_security_unsaid_is_refused_before_anything_is_opened(self):
        password = self.secret("password", PASSWORD)
        cases = {
            "sasl-without-tls": (broker.bootstrap, {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": USER,
                                                    "sasl.password": password}, "kafka.insecure_sasl_without_tls: true"),
            "plain-text": ("kafka.example:9092", {}, "kafka.insecure_plaintext: true"),
            "no-host-name": (broker.address("MTLS"), mutual(**{"ssl.endpoint.identification.algorithm": "none"}),
                             "kafka.insecure_no_host_name_check: true"),
            "no-verification": (broker.address("MTLS"), mutual(**{"enable.ssl.certificate.verification": False}), "give `ssl.ca.location`"),
            "no-authority": (broker.address("MTLS"), mutual(**{"ssl.ca.location": "/nowhere/ca.pem"}), "/nowhere/ca.pem: cannot be opened"),
            "no-secret": (broker.address("SASLTLS"), sasl("PLAIN", {"file": "/nowhere/password"}), "/nowhere/password: cannot be opened"),
            "no-variable": (broker.address("SASLTLS"), sasl("PLAIN", {"env": "NOT_SET_OF_TEST"}), "NOT_SET_OF_TEST is not set"),
        }
        for name, (bootstrap, settings, words) in cases.items():
            with self.subTest(name):
                engine = self.engine(name, bootstrap, settings)
                for command in (("run", "--config"), ("config", "check")):
                    done = live.run_troth(*command, engine.config_path, timeout_s=60)
                    self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                    self.assertIn(words, done.stderr)
                    self.assertIn(str(engine.config_path), done.stderr)
                    self.assert_no_secret_in(done.stdout, done.stderr)
                self.assertFalse((engine.folder / "state").exists())

    def test_a_password_in_a_file_that_others_can_read_is_warned_of_at_start(self):
        settings = sasl("PLAIN", PASSWORD)
        engine = self.engine("open", broker.address("SASLTLS"), settings, "open.")
        engine.config_path.chmod(0o644)
        self.assert_works(broker, engine, "open.")
        self.assertIn("holds a secret and can be read by others", engine.log())
        engine.config_path.chmod(0o600)
        self.assertNotIn("can be read by others", live.run_troth("config", "check", engine.config_path).stderr)

    # Secrets that change --------------------------------------------------------------------------------------

    def test_another_password_is_taken_on_sighup_and_a_bad_one_is_refused(self):
        # The wrong password would be noticed at the next connection only: what is tested is that there is one.
        secret = self.secret("password", PASSWORD)
        engine = self.engine("changing", broker.address("SASLTLS"), sasl("PLAIN", secret), "changing.")
        made = live.run_troth("topics", "create", "--config", engine.config_path, "--partitions", PARTITIONS, timeout_s=60)
        self.assertEqual(made.returncode, 0, made.stderr + made.stdout)
        engine.start()
        engine.wait_ready()
        pathlib.Path(secret["file"]).write_text("", encoding="utf-8")
        engine.hang_up()
        live.wait_until(lambda: "the secrets are refused, everything stays as it was" in engine.log(), 30, engine.log_tail)
        self.assertEqual(engine.get("/readyz")[0], 200)
        pathlib.Path(secret["file"]).write_text("wrong-" + PASSWORD, encoding="utf-8")
        engine.hang_up()
        live.wait_until(lambda: "Invalid username or password" in engine.log(), 60, engine.log_tail)
        pathlib.Path(secret["file"]).write_text(PASSWORD, encoding="utf-8")
        engine.hang_up()
        live.wait_until(lambda: engine.log().count("connecting anew with them") == 2, 60, engine.log_tail)
        engine.wait_ready()
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        self.assert_no_secret_in(engine.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
