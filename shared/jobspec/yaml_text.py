"""Trees as YAML, to be read and edited by people.

What was read without quotes is written without, so that it stays as spelled; texts of several lines
are blocks.
"""

from typing import Any

import yaml

from shared.jobspec.plain_scalar import PlainScalar


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _: Any) -> bool:  # noqa: ANN401 - any value
        """Equal parts are written out: an alias of one would change with the other."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Items of a list stand further in than its name."""
        super().increase_indent(flow, indentless=False)


_resolver: Any = yaml.SafeLoader("")  # typeshed has no types of its methods


def _plain(_: yaml.SafeDumper, value: PlainScalar) -> yaml.ScalarNode:
    text = str(value)
    return yaml.ScalarNode(_resolver.resolve(yaml.ScalarNode, text, (True, False)), text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, "|" if "\n" in value else None)


_Dumper.add_representer(PlainScalar, _plain)
_Dumper.add_representer(str, _text)


def yaml_text(tree: object) -> str:
    return str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
