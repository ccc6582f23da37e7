"""What the sandbox leaves out at its start is there when it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

from happypath.sandbox.sandbox import Sandbox

TEMPLATE = {
    "Resources": {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "cluster"}},
    }
}


def test_the_sandbox_starts_without_ec2() -> None:
    code = (
        "import sys, happypath.sandbox.sandbox; print('moto.ec2' in sys.modules, 'moto.ssm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


def test_a_template_with_ec2_is_deployed_and_taken_away() -> None:
    with Sandbox(tracing=False) as sandbox:
        cloudformation = sandbox.client("cloudformation")
        ec2, ecs = sandbox.client("ec2"), sandbox.client("ecs")
        cloudformation.create_stack(StackName="stack", TemplateBody=json.dumps(TEMPLATE))
        blocks = [each["CidrBlock"] for each in ec2.describe_vpcs()["Vpcs"]]
        assert "10.0.0.0/16" in blocks
        assert ecs.list_clusters()["clusterArns"][0].endswith("cluster/cluster")
        cloudformation.delete_stack(StackName="stack")
        assert "10.0.0.0/16" not in [each["CidrBlock"] for each in ec2.describe_vpcs()["Vpcs"]]
