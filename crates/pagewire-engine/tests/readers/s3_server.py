"""An S3 and STS server on a free port of 127.0.0.1: buckets, an object, roles, a key. Prints its address, the key's id and the
key, a line each. With `enforce` it lets everybody do only what policies allow: the key may assume roles and nothing else,
`reader` may read the bucket `foreign`, `stranger` may not."""

import json
import logging
import sys
import time

import boto3
from moto import settings
from moto.core.responses import ActionAuthenticatorMixin
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
s3 = boto3.client("s3", endpoint_url=endpoint, **keys)
iam = boto3.client("iam", endpoint_url=endpoint, **keys)
for bucket in ("own", "foreign"):
    s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket="foreign", Key="lists/May 2026/urls+more.ndjson", Body=b'"http://a/"\n')
for line in sys.argv[2:]:
    key, url = line.split("=", 1)
    s3.put_object(Bucket="foreign", Key=key, Body=json.dumps(url).encode() + b"\n")


def policy(action, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]})


iam.create_user(UserName="operator")
iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=policy("sts:AssumeRole", Resource="*"))
for role, action in (("reader", ["s3:GetObject", "s3:ListBucket"]), ("stranger", "s3:ListAllMyBuckets")):
    trust = policy("sts:AssumeRole", Principal={"AWS": "*"})
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(action, Resource="*"))
key = iam.create_access_key(UserName="operator")["AccessKey"]
if sys.argv[1:2] == ["enforce"]:
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    ActionAuthenticatorMixin.request_count = 0
sys.stdout.write(f"{endpoint}\n{key['AccessKeyId']}\n{key['SecretAccessKey']}\n")
sys.stdout.flush()
while True:
    time.sleep(60)
