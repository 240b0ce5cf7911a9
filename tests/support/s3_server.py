"""A server of S3 on loopback that checks signatures: moto's. It prints one line of JSON, and ends with its input."""

import json
import os
import sys

# the calls below need no rights; all others do
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "5"
os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="eu-central-1")

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

server = ThreadedMotoServer(port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
url = f"http://127.0.0.1:{port}"
iam = boto3.client("iam", endpoint_url=url)
iam.create_user(UserName="dc")
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="dc", PolicyName="all", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="dc")["AccessKey"]
s3 = boto3.client("s3", endpoint_url=url, region_name="eu-central-1")
for name in ("files", "many"):
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
s3 = boto3.client("s3", endpoint_url=url, region_name="eu-central-1",
                  aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 0):
    s3.put_object(Bucket="many", Key=f"some folder/č+{number}", Body=b"x")
print(json.dumps({"url": url, "access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}), flush=True)
sys.stdin.read()
server.stop()
