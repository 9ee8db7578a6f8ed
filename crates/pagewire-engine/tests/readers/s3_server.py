"""An S3 and STS server on a free port of 127.0.0.1: two buckets, an object in one, a role. Prints its address."""

import logging
import sys
import time

import boto3
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
s3 = boto3.client("s3", endpoint_url=endpoint, **keys)
for bucket in ("own", "foreign"):
    s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket="foreign", Key="lists/May 2026/urls+more.ndjson", Body=b'"http://a/"\n')
sys.stdout.write(endpoint + "\n")
sys.stdout.flush()
while True:
    time.sleep(60)
