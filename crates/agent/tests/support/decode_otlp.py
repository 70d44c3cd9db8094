"""Prints an OTLP request as JSON, by the definitions that OpenTelemetry publishes."""
import sys

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

REQUESTS = {"logs": ExportLogsServiceRequest, "metrics": ExportMetricsServiceRequest}

request = REQUESTS[sys.argv[1]]()
with open(sys.argv[2], "rb") as body:
    request.ParseFromString(body.read())
print(MessageToJson(request))
