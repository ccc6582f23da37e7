"""What moto imports at its start is imported when it is needed: EC2, and what is built on it.

moto's CloudFormation imports the models of every service that has a type of resource. Without these the
sandbox's imports take 0.5 s of CPU instead of 1.6. Import this module before any of moto.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

# Each imports EC2's models, or as API Gateway's what takes as long, and no other model needs them.
# A namespace of resource types → moto's package.
_LATER = {
    "ApiGateway": "apigateway",
    "AutoScaling": "autoscaling",
    "Batch": "batch",
    "DataPipeline": "datapipeline",
    "EC2": "ec2",
    "ECS": "ecs",
    "EFS": "efs",
    "ElasticLoadBalancing": "elb",
    "ElasticLoadBalancingV2": "elbv2",
    "EMR": "emr",
    "IoT": "iot",
    "RDS": "rds",
    "Redshift": "redshift",
    "SageMaker": "sagemaker",
}
# Those of which CloudFormation knows.
_KNOWN: set[str] = set()
# What imports them, or imports what does.
_IMPORTERS = (
    "moto.cloudformation.parsing",
    "moto.ssm.models",
    "moto.stepfunctions.parser.backend.execution",
    "moto.xray.responses",
)


class _Backends:
    """EC2's backends, imported when somebody looks into them."""

    def __getitem__(self, account_id: str) -> Any:
        return importlib.import_module("moto.ec2.models").ec2_backends[account_id]


class _OnlyWhenImported(type):
    """Nothing is a resource of EC2 until EC2 is imported."""

    def __instancecheck__(cls, instance: Any) -> bool:
        core = sys.modules.get("moto.ec2.models.core")
        return core is not None and isinstance(instance, core.TaggedEC2Resource)


class _TaggedEC2Resource(metaclass=_OnlyWhenImported):
    pass


def _stand_ins() -> dict[str, ModuleType]:
    (folder,) = importlib.import_module("moto").__path__
    modules: dict[str, ModuleType] = {}
    for package in _LATER.values():
        for name in (f"moto.{package}", f"moto.{package}.models"):
            modules[name] = ModuleType(name)
        # Its other modules are imported as ever.
        modules[f"moto.{package}"].__path__ = [f"{folder}/{package}"]
        vars(modules[f"moto.{package}"])["models"] = modules[f"moto.{package}.models"]
    core = modules["moto.ec2.models.core"] = ModuleType("moto.ec2.models.core")
    vars(core)["TaggedEC2Resource"] = _TaggedEC2Resource
    for name in ("moto.ec2", "moto.ec2.models"):
        vars(modules[name])["ec2_backends"] = _Backends()
    # What tests of moto's users need of X-Ray: it makes a recorder, and that a client.
    xray = modules["moto.xray.mock_client"] = ModuleType("moto.xray.mock_client")
    vars(xray).update(XRaySegment=None, MockXrayClient=object)
    return modules


def _import_without() -> None:
    stand_ins = _stand_ins()
    if any(name in sys.modules for name in (*stand_ins, *_IMPORTERS)):
        return
    sys.modules.update(stand_ins)
    try:
        for name in _IMPORTERS:
            importlib.import_module(name)
    finally:
        for name in stand_ins:
            del sys.modules[name]


def import_for(resource_type: str) -> None:
    """Imports what moto knows of a type of resource, such as `AWS::EC2::VPC`, if that was left out."""
    package = _LATER.get(resource_type.split("::")[1] if "::" in resource_type else "")
    # Requests may have imported it before; CloudFormation does not know of it then.
    if package and package not in _KNOWN:
        _KNOWN.add(package)
        importlib.import_module(f"moto.{package}.models")
        parsing: Any = sys.modules["moto.cloudformation.parsing"]
        for known in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
            known.cache_clear()


_import_without()
