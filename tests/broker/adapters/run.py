#!/usr/bin/env python3
"""Starts a broker and runs a test program against it:  run.py [--version V] PROGRAM [ARGUMENT…]

The program finds the broker's address in TROTH_KAFKA_BOOTSTRAP and its process id in TROTH_KAFKA_PID.
Exit code: the program's; 1 if there is no broker.
"""

import argparse
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).absolute().parent.parent))
import kafka  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", default=kafka.DEFAULT_VERSION, help="of Kafka (default: %(default)s)")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.program:
        parser.error("which program?")
    try:
        with kafka.Broker(options.version) as broker:
            environment = os.environ | {"TROTH_KAFKA_BOOTSTRAP": broker.bootstrap, "TROTH_KAFKA_PID": str(broker.pid)}
            return subprocess.run(options.program, env=environment, check=False).returncode
    except kafka.BrokerError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
