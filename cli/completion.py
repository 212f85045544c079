"""`conveyor completion`: the completion script of a shell."""

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_CONVEYOR_COMPLETE"  # click's own protocol


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash: echo 'eval "$(conveyor completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(conveyor completion zsh)"' >> ~/.zshrc
    fish: conveyor completion fish > ~/.config/fish/completions/conveyor.fish
    """
    shell_class = get_completion_class(shell)
    assert shell_class is not None  # noqa: S101 - for the type checker: click knows the three
    command = ctx.find_root().command
    click.echo(shell_class(command, {}, "conveyor", _VARIABLE).source())
