"""confluent-kafka logs in: login.py HOST:PORT CA [MECHANISM USER PASSWORD-OR-TOKEN-FILE | KEY CERTIFICATE]

Prints `in` after a record was delivered, or `refused: ERROR` with what librdkafka says.
"""

import sys
import time

from confluent_kafka import Producer

address, ca, *who = sys.argv[1:]
errors, delivered = [], []
config = {"bootstrap.servers": address, "ssl.ca.location": ca, "error_cb": errors.append, "log_level": 0}
if who[0] == "OAUTHBEARER":
    # librdkafka asks for an end that is to come, whatever the token says
    with open(who[2]) as file:
        token = file.read(), time.time() + 3600, who[1], {}
    config |= {"security.protocol": "SASL_SSL", "sasl.mechanisms": who[0], "oauth_cb": lambda _: token}
elif len(who) == 3:
    config |= {"security.protocol": "SASL_SSL"}
    config |= dict(zip(("sasl.mechanisms", "sasl.username", "sasl.password"), who))
else:
    config |= {"security.protocol": "SSL", "ssl.key.location": who[0], "ssl.certificate.location": who[1]}
producer = Producer(config)
producer.produce("confluent", b"v", on_delivery=lambda error, _: delivered.append(error))
deadline = time.monotonic() + 30
while not delivered and time.monotonic() < deadline:
    producer.poll(0.1)
    if any("_AUTHENTICATION" in error.name() or "_SSL" in error.name() for error in errors):
        break
if delivered == [None]:
    print("in")
else:
    print("refused:", *(f"{error.name()} {error.str()}" for error in errors + delivered))
    producer.purge()
    producer.flush(1)
