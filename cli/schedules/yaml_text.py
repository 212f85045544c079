"""Trees as YAML: what was read without quotes is written without, so that it stays as spelled."""

from typing import Any

import yaml

from shared.jobspec.plain_scalar import PlainScalar


class _Dumper(yaml.SafeDumper):
    pass


_resolver: Any = yaml.SafeLoader("")  # typeshed has no types of its methods


def _plain(_: yaml.SafeDumper, value: PlainScalar) -> yaml.ScalarNode:
    text = str(value)
    return yaml.ScalarNode(_resolver.resolve(yaml.ScalarNode, text, (True, False)), text)


_Dumper.add_representer(PlainScalar, _plain)


def yaml_text(tree: object) -> str:
    return str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
