"""Work L1: a Lambda function in Python with the libraries that these works need.

The few lines below stand for Lambda's runtime client, which would cost a little more.
"""

from __future__ import annotations

import http.client
import os

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot
import numpy  # noqa: F401
import pandas  # noqa: F401
from sklearn.linear_model import LinearRegression  # noqa: F401

VERSION = "/2018-06-01/runtime/invocation"

if __name__ == "__main__":
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        runtime.request("GET", f"{VERSION}/next")
        answer = runtime.getresponse()
        event = answer.read()
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        body = b'{"statusCode": 200, "body": "{}"}'
        runtime.request("POST", f"{VERSION}/{request_id}/response", body)
        runtime.getresponse().read()
