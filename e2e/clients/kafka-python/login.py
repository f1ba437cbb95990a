"""kafka-python logs in: login.py HOST:PORT CA [MECHANISM USER PASSWORD-OR-TOKEN-FILE | KEY CERTIFICATE]

Prints `in` after a record was acknowledged, or `refused: ERROR`.
"""

import logging
import sys

import kafka
from kafka.net.sasl.oauth import AbstractTokenProvider


class Token(AbstractTokenProvider):
    """A token in a file."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def token(self):
        with open(self.file) as file:
            return file.read()


logging.basicConfig(level=logging.ERROR)
address, ca, *who = sys.argv[1:]
config = {"bootstrap_servers": address, "ssl_cafile": ca, "max_block_ms": 10_000, "bootstrap_timeout_ms": 5_000}
if who[0] == "OAUTHBEARER":
    config |= {"security_protocol": "SASL_SSL", "sasl_mechanism": who[0], "sasl_oauth_token_provider": Token(who[2])}
elif len(who) == 3:
    config |= {"security_protocol": "SASL_SSL"}
    config |= dict(zip(("sasl_mechanism", "sasl_plain_username", "sasl_plain_password"), who))
else:
    config |= {"security_protocol": "SSL", "ssl_keyfile": who[0], "ssl_certfile": who[1]}
try:
    producer = kafka.KafkaProducer(**config)
    producer.send("kafka-python", b"v").get(timeout=20)
    print("in")
    producer.close()
except Exception as error:
    print("refused:", type(error).__name__, error)
