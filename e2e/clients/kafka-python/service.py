"""Stands in for the test/service.py that kafka-python's source distribution leaves out.

The tests start their brokers through it; here the broker runs already, so there is nothing to do.
"""


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    def stop(self):
        pass


class SpawnedService:
    def __init__(self, *_):
        raise RuntimeError('set KAFKA_URI: no broker is started here')
