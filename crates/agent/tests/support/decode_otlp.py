"""Prints an ExportLogsServiceRequest as JSON, by the definitions that OpenTelemetry publishes."""
import sys

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

request = ExportLogsServiceRequest()
with open(sys.argv[1], "rb") as body:
    request.ParseFromString(body.read())
print(MessageToJson(request))
