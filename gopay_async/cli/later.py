"""Commands whose modules are imported when they are called: nobody waits for those of others.  Knows no command."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Final

import typer
from attrs import frozen
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@frozen
class Extra:
    """What is installed under one name."""

    name: str
    #: Packages that it brings, as they are imported.
    packages: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        """Whether all of it is there."""
        return all(find_spec(one) is not None for one in self.packages)

    @property
    def installing(self) -> str:
        """What to type when it is not."""
        return f"pip install 'gopay-async[{self.name}]'"


#: What the command line itself needs: whoever reads this has it.
CLI: Final = Extra("cli")


@frozen
class Later:
    """What is known of a command before its module is imported."""

    #: In this package; its `app` is the command, or the group that holds it.
    module: str
    #: The beginning of its help.
    help: str
    extra: Extra = CLI


class LaterGroup(TyperGroup):
    """A group that knows its commands by name and help, and imports the one that is called."""

    later: ClassVar[Mapping[str, Later]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update({name: _stand_in(name, one) for name, one in self.later.items()})

    # Which class a context is depends on the version of typer.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called, imported; end when its extra is missing."""
        name, found, rest = super().resolve_command(ctx, args)
        if name is None:
            # Completion asks about words that are no command.
            return name, found, rest
        return name, _load(name, self.later[name]), rest


def _stand_in(name: str, one: Later) -> TyperCommand:
    # Help is markup, which would swallow a bare bracket.
    missing = f"Not installed: {one.extra.installing}".replace("[", "\\[")
    return TyperCommand(name, help=one.help if one.extra.is_installed else missing)


def _load(name: str, one: Later) -> Any:
    try:
        with _no_collection():
            module = import_module(f"{__package__}.{one.module}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("gopay_async"):
            raise
        text = f"gopay-async {name} needs {missing.name}, which is not installed."
        typer.echo(f"{text}\nInstall it with:  {one.extra.installing}", err=True)
        raise typer.Exit(1) from None
    command: Any = get_command(module.app)
    return command.commands.get(name, command) if isinstance(command, TyperGroup) else command


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let nobody look for garbage: an import makes none, and looking takes a fifth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
